// Whom a tenant's mail must not reach, and what comes back to return paths.
#include "core/feedback/unsubscribe.h"
#include "core/reception/replies.h"
#include "core/reception/session.h"
#include "core/tenancy/administration.h"

namespace relevo {

std::optional<Decision> ReceptionSession::judge_suppression(const mail::Address& recipient) const {
    const SuppressionKeeper* keeper = reception_.ports_.shared.suppressions;
    if (keeper == nullptr || !identity_.is_known() || keeper->options()->recipients != SuppressedRecipient::refused)
        return std::nullopt;
    const auto reason = keeper->index().find(identity_.tenant, recipient, WallClock::now());
    if (!reason) return std::nullopt;
    return decide(ReplyKey::recipient_suppressed, {{"address", recipient.text()}, {"reason", name_of(*reason)}});
}

Task<Result<std::vector<Withheld>>> ReceptionSession::suppressed_recipients(const mail::Envelope& envelope) {
    const SuppressionKeeper* keeper = reception_.ports_.shared.suppressions;
    if (keeper == nullptr || !identity_.is_known()) co_return std::vector<Withheld>();
    co_return co_await keeper->withheld_of(identity_.tenant, envelope);
}

// nullopt: the recipient is no return path, and may share the transaction with others that are none either.
std::optional<Decision> ReceptionSession::judge_feedback(const mail::Address& recipient) {
    const auto& ports = reception_.ports_.shared.feedback;
    if (ports.intake == nullptr || identity_.is_known() || recipient.has_address_literal()) return std::nullopt;
    const auto domain = comparable_domain(recipient.domain());
    const bool is_return_path = domain.has_value() && ports.return_paths->is_return_domain(*domain);
    if (!is_return_path && !feedback_) return std::nullopt;
    const auto about = [&](ReplyKey key) { return decide(key, {{"address", recipient.text()}}); };
    if (feedback_ || !session_->envelope().recipients.empty()) return about(ReplyKey::return_path_alone);
    auto address = ports.return_paths->read(recipient);
    if (!address) return about(ReplyKey::return_path_unknown);
    const Octets limit = ports.intake->options()->message_limit;
    if (announced_size_ > limit) return Decision{{}, replies::feedback_too_large(limit)};
    feedback_ = *std::move(address);
    return about(ReplyKey::recipient_accepted);
}

// A link names one recipient, so a message to several gets none.
std::string ReceptionSession::unsubscribe_fields(const mail::Header& header) const {
    const auto& ports = reception_.ports_.shared.feedback;
    const mail::Envelope& envelope = session_->envelope();
    if (ports.intake == nullptr || !identity_.is_known() || envelope.reverse_path.is_null() ||
        envelope.recipients.size() != 1 || !wants_list_unsubscribe(header, stream_of_message_))
        return {};
    return list_unsubscribe_fields(*ports.return_paths->keys(),
                                   {.tenant = identity_.tenant,
                                    .message = message_,
                                    .recipient = envelope.recipients.front().address,
                                    .return_domain = ports.return_paths->domain_for(envelope.reverse_path.address()),
                                    .base_url = ports.intake->options()->unsubscribe_url});
}

bool ReceptionSession::has_room_for_feedback(std::size_t octets) {
    const Octets limit = reception_.ports_.shared.feedback.intake->options()->message_limit;
    if (arrived().size() + octets > limit) feedback_is_too_large_ = true;
    return !feedback_is_too_large_;
}

// Read here, and gone: what follows from it is durable before the reply.
Task<smtp::Reply> ReceptionSession::take_feedback() {
    auto& ports = reception_.ports_;
    FeedbackIntake& intake = *ports.shared.feedback.intake;
    if (feedback_is_too_large_) co_return replies::feedback_too_large(intake.options()->message_limit);
    const std::string message = feedback_->token.message.text();
    const mail::Envelope envelope = session_->take_envelope();
    auto mails = co_await intake.take({.to = *feedback_,
                                       .content = std::make_shared<const std::string>(std::exchange(content_, {})),
                                       .sender = envelope.reverse_path.text(),
                                       .ids = &ports.ids});
    if (!mails.has_value()) {
        log_not_stored(mails.error());
        co_return replies::not_stored(mails.error().kind);
    }
    for (auto& mail : *mails) ports.accepted(std::move(mail));
    co_return replies::feedback_taken(message);
}

}  // namespace relevo
