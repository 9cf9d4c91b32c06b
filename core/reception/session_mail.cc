// MAIL, RCPT and the content: judged by policy, made durable by the spool, then answered.
#include "core/policy/sending.h"
#include "core/reception/replies.h"
#include "core/reception/session.h"
#include "lib/mail/message.h"

#include <algorithm>

namespace relevo {
std::optional<smtp::Reply> ReceptionSession::judge_connection(ConnectionLedger::Refusal refusal) {
    if (refusal == ConnectionLedger::Refusal::address_full)
        return replies::too_many_connections_from_address(listener_.connection_limit_per_address);
    if (refusal == ConnectionLedger::Refusal::listener_full) return replies::too_many_connections();
    const auto directory = reception_.ports_.shared.directory.load();
    ConnectionDecision decision = relevo::judge_connection(listener_.access, *directory, client_.address);
    if (decision.refusal) keep_failure(LoginProblem::network_not_allowed);
    identity_ = decision.identity;
    if (decision.refusal) return std::move(decision.refusal->reply);
    return std::nullopt;
}

void ReceptionSession::judge_sender(const smtp::JudgeSender& step) {
    auto& shared = reception_.ports_.shared;
    const auto now = WallClock::now();
    const auto directory = shared.directory.load();
    Decision decision = relevo::judge_sender(*directory, identity_, step.envelope->reverse_path, now);
    if (decision.is_accepted() && identity_.is_known())
        if (const auto refusal = shared.rates.check(sender_key(identity_), limits_of(*directory, identity_), now))
            decision = rate_reached(*refusal);
    if (decision.is_accepted()) {
        transaction_ends_ = Clock::now() + listener_.transaction_time;
        announced_size_ = step.announced_size;
        recipient_time_left_ = RecipientCheck::transaction_time;
        begin_verification();
    } else {
        log_refusal("MAIL", decision.reply);
    }
    session_->answer(decision.reply);
}

Task<> ReceptionSession::judge_recipient(const smtp::JudgeRecipient& step) {
    const mail::Address& address = step.recipient->address;
    auto about_return_path = judge_feedback(address);
    Decision decision = about_return_path
                            ? *std::move(about_return_path)
                            : relevo::judge_recipient(identity_, address, reception_.ports_.shared.is_inbound);
    RecipientCheck& recipients = reception_.ports_.recipients;
    if (decision.is_accepted() && identity_.is_known() && recipients.is_on() &&
        recipient_time_left_ > Clock::duration::zero()) {
        const Deadline began = Clock::now();
        const auto time = std::min<Clock::duration>(recipient_time_left_, RecipientCheck::recipient_time);
        auto refusal = co_await recipients.check(address, identity_.tenant, began + time);
        recipient_time_left_ -= Clock::now() - began;
        if (refusal) decision = *std::move(refusal);
    }
    if (decision.is_accepted())
        if (auto refusal = judge_suppression(reception_.ports_.shared, identity_.tenant, address))
            decision = *std::move(refusal);
    if (!decision.is_accepted()) log_refusal("RCPT", decision.reply);
    session_->answer(decision.reply);
}

void ReceptionSession::begin_content() {
    if (const auto refusal = message_.begin(arrival(), session_->envelope(), announced_size_)) {
        log_refusal("DATA", refusal->reply);
        return session_->answer(refusal->reply);
    }
    message_.set_received_field(received_field());
    content_began_ = Clock::now();
    session_->answer(replies::send_content());
}

void ReceptionSession::take_content(std::string_view piece) {
    if (feedback_ && !has_room_for_feedback(piece.size())) return;  // refused at the end
    message_.append(piece);
    follow_content(piece);
}

// How the message comes in, as far as it is known now.
Arrival ReceptionSession::arrival() const {
    return {.identity = identity_,
            .way = listener_.name,
            .client = client_,
            .name = std::string(session_->client_name()),
            .login = login_,
            .mechanism = mechanism_name_,
            .tls = tls_text(),
            .host_name = listener_.session.host_name};
}

std::string ReceptionSession::received_field() const {
    const mail::Envelope& envelope = session_->envelope();
    mail::ReceivedInfo info;
    info.client_name = session_->client_name();
    info.client_address = client_.address.text();
    info.host_name = listener_.session.host_name;
    info.with = mail::received_protocol(session_->is_extended(), stream_->tls() != nullptr,
                                        static_cast<bool>(identity_.credential), envelope.smtputf8);
    info.tls = tls_text();
    info.id = message_.id().text();
    if (envelope.recipients.size() == 1) info.for_recipient = envelope.recipients.front().address.text();
    info.time = WallClock::now();
    return mail::received_field(info);
}

Task<> ReceptionSession::end_content() {
    const Deadline began = Clock::now();
    const std::string sender = session_->envelope().reverse_path.text();  // the envelope goes with the message
    const smtp::Reply reply = co_await take_message();
    auto& metrics = reception_.ports_.metrics;
    if (reply.is_positive()) {
        ++accepted_messages_;
        metrics.accepted.add();
        metrics.commit_seconds.observe(std::chrono::duration<double>(Clock::now() - began).count());
    } else {
        metrics.refused_messages.add();
        log_refusal("end of data", sender, reply);
    }
    forget_transaction();
    session_->answer(reply);
}

// Judges the content and makes it what will leave. The reply of a refusal, or nothing.
Task<std::optional<smtp::Reply>> ReceptionSession::prepare_content() {
    const auto header = mail::Header::parse(message_.arrived());
    if (!header.has_value()) co_return replies::header_too_large(header.error().detail);
    if (mail::count_hops(*header) > listener_.hop_limit) co_return replies::too_many_hops(listener_.hop_limit);
    message_.heed(*header);
    if (identity_.is_known()) {
        auto refusal = message_.prepare(arrival(), session_->envelope(), *header);
        co_return refusal ? std::optional(std::move(refusal->reply)) : std::nullopt;
    }
    co_return co_await verify_content(*header);
}

Task<smtp::Reply> ReceptionSession::take_message() {
    if (auto refusal = co_await prepare_content()) co_return std::move(*refusal);
    if (feedback_) co_return co_await take_feedback();
    const auto kept = co_await message_.keep(arrival(), session_->take_envelope());
    if (!kept.has_value()) co_return replies::not_stored(kept.error().kind);
    co_return replies::queued(kept->message->id.text(), kept->suppressed, kept->recipients);
}

// Whatever of the transaction was not taken over is forgotten, its share of the rate given back.
void ReceptionSession::forget_transaction() {
    message_.forget();
    feedback_.reset();
    feedback_is_too_large_ = false;
    verification_.reset();
    header_end_ = {};
    is_in_body_ = false;
    transaction_ends_ = no_deadline;
    announced_size_ = 0;
}

}  // namespace relevo
