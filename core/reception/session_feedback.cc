// What comes back to return paths.
#include "core/reception/replies.h"
#include "core/reception/session.h"
#include "core/tenancy/administration.h"

namespace relevo {

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

bool ReceptionSession::has_room_for_feedback(std::size_t octets) {
    const Octets limit = reception_.ports_.shared.feedback.intake->options()->message_limit;
    if (message_.arrived().size() + octets > limit) feedback_is_too_large_ = true;
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
                                       .content = std::make_shared<const std::string>(message_.take_content()),
                                       .sender = envelope.reverse_path.text(),
                                       .ids = &ports.ids});
    if (!mails.has_value()) {
        reception_.ports_.log.error(
            "spool.refused",
            {{"client", client_.text()}, {"message", message_.id().text()}, {"problem", mails.error().detail}});
        co_return replies::not_stored(mails.error().kind);
    }
    for (auto& mail : *mails) ports.accepted(std::move(mail));
    co_return replies::feedback_taken(message);
}

}  // namespace relevo
