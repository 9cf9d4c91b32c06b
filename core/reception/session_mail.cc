// MAIL, RCPT and the content: judged by policy, made durable by the spool, then answered.
#include "core/policy/sending.h"
#include "core/reception/control_headers.h"
#include "core/reception/replies.h"
#include "core/reception/session.h"
#include "lib/base/json_writer.h"
#include "lib/mail/message.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

// What is set aside for an announced size at once; more grows as it arrives (a client may announce what it never
// sends).
constexpr Octets reserved_content_limit = mebibyte;

}  // namespace

std::optional<smtp::Reply> ReceptionSession::judge_connection(ConnectionLedger::Refusal refusal) {
    if (refusal == ConnectionLedger::Refusal::address_full)
        return replies::too_many_connections_from_address(listener_.connection_limit_per_address);
    if (refusal == ConnectionLedger::Refusal::listener_full) return replies::too_many_connections();
    const auto directory = reception_.ports_.shared.directory.load();
    ConnectionDecision decision = relevo::judge_connection(listener_.access, *directory, client_.address);
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
        if (auto refusal = judge_suppression(address)) decision = *std::move(refusal);
    if (!decision.is_accepted()) log_refusal("RCPT", decision.reply);
    session_->answer(decision.reply);
}

void ReceptionSession::begin_content() {
    auto& ports = reception_.ports_;
    const auto now = WallClock::now();
    if (identity_.is_known()) {
        const auto directory = ports.shared.directory.load();
        if (const auto refusal =
                ports.shared.rates.take(sender_key(identity_), limits_of(*directory, identity_), now)) {
            const Decision decision = rate_reached(*refusal);
            log_refusal("DATA", decision.reply);
            return session_->answer(decision.reply);
        }
        rate_taken_at_ = now;
        if (const auto refusal = take_of_quotas(now)) {
            ports.shared.rates.give_back(sender_key(identity_), now);
            rate_taken_at_.reset();
            log_refusal("DATA", refusal->reply);
            return session_->answer(refusal->reply);
        }
    }
    message_ = ports.ids.next(now, session_->envelope().recipients.size());
    content_ = received_field();
    received_field_octets_ = content_.size();
    content_.reserve(content_.size() + std::min(announced_size_, reserved_content_limit));
    if (identity_.is_known() && ports.shared.signer != nullptr && ports.shared.signer->has_keys())
        body_.emplace(session_->envelope().body == mail::BodyType::binary_mime ? mailauth::BareLineEnds::literal
                                                                               : mailauth::BareLineEnds::converted);
    content_began_ = Clock::now();
    session_->answer(replies::send_content());
}

// Counts the message, with all its recipients. A refusal, or nothing.
std::optional<Decision> ReceptionSession::take_of_quotas(WallClock::time_point now) {
    auto& ports = reception_.ports_;
    const auto directory = ports.shared.directory.load();
    const mail::Envelope& envelope = session_->envelope();
    std::vector<Quota> quotas = quotas_for(*directory, identity_, envelope.reverse_path);
    if (quotas.empty()) return std::nullopt;
    const auto recipients = static_cast<std::uint32_t>(envelope.recipients.size());
    const auto verdict = ports.shared.quotas.take(quotas, recipients, now);
    if (verdict.answer != QuotaLedger::Answer::taken) {
        ports.metrics.quota_refused.add();
        return quota_reached(*directory, verdict, recipients);
    }
    quotas_ = std::move(quotas);
    recipients_counted_ = recipients;
    quotas_taken_at_ = now;
    tell_of_quotas(*directory, verdict);
    if (verdict.by) {
        ports.metrics.quota_delayed.add();
        not_before_ = verdict.until;
        waits_for_ = quota_text(*directory, *verdict.by);
    }
    return std::nullopt;
}

void ReceptionSession::tell_of_quotas(const Directory& directory, const QuotaLedger::Verdict& verdict) {
    auto& ports = reception_.ports_;
    for (const QuotaLedger::Crossing& crossing : verdict.crossings) {
        ports.metrics.quota_warnings.add();
        ports.log.warning(crossing.percent >= 100 ? "quota.used_up" : "quota.nearly_used_up",
                          {{"quota", crossing.quota.id.text()},
                           {"of", subject_of(directory, crossing.quota)},
                           {"percent", crossing.percent},
                           {"recipients", crossing.quota.recipients},
                           {"period", name_of(crossing.quota.period)},
                           {"beyond", name_of(crossing.quota.beyond)}});
    }
}

void ReceptionSession::take_content(std::string_view piece) {
    if (feedback_ && !has_room_for_feedback(piece.size())) return;  // refused at the end
    content_.append(piece);
    if (body_) body_->receive(piece);
    follow_content(piece);
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
    info.id = message_.text();
    if (envelope.recipients.size() == 1) info.for_recipient = envelope.recipients.front().address.text();
    info.time = WallClock::now();
    return mail::received_field(info);
}

std::string ReceptionSession::origin() const {
    JsonWriter json;
    json.field("listener", listener_.name)
        .field("client", client_.address.text())
        .field("name", session_->client_name());
    json.optional("login", login_)
        .optional("mechanism", login_.empty() ? std::string() : mechanism_name_)
        .optional("tls", tls_text());
    if (lan_origin_) {
        if (lan_origin_->office) json.field("office", lan_origin_->office.text());
        json.optional("device", lan_origin_->device);
    }
    json.optional("waits_for", waits_for_);
    json.optional("signed_by", signed_by_).optional("sealed_by", sealed_by_);
    if (!authentication_.empty()) json.raw("authentication", authentication_);
    json.field("sender", session_->envelope().reverse_path.text())
        .field("recipients", session_->envelope().recipients.size())
        .field("size", content_.size());
    return json.finish();
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
        rate_taken_at_.reset();
        quotas_.clear();
    } else {
        metrics.refused_messages.add();
        log_refusal("end of data", sender, reply);
    }
    forget_transaction();
    session_->answer(reply);
}

// What the client sent, without the field that we put in front.
std::string_view ReceptionSession::arrived() const { return std::string_view(content_).substr(received_field_octets_); }

// Judges the content and makes it what will leave. The reply of a refusal, or nothing.
Task<std::optional<smtp::Reply>> ReceptionSession::prepare_content() {
    const auto header = mail::Header::parse(arrived());
    if (!header.has_value()) co_return replies::header_too_large(header.error().detail);
    if (mail::count_hops(*header) > listener_.hop_limit) co_return replies::too_many_hops(listener_.hop_limit);
    if (identity_.is_known()) co_return prepare_submission(*header);
    co_return co_await verify_content(*header);
}

std::optional<smtp::Reply> ReceptionSession::prepare_submission(const mail::Header& header) {
    const auto directory = reception_.ports_.shared.directory.load();
    const Decision decision = judge_content(*directory, identity_, header, arrived());
    if (!decision.is_accepted()) return decision.reply;
    const auto now = WallClock::now();
    mail::SubmissionFixes fixes = mail::fixes_for_submission(
        header, arrived(), fmt::format("{}@{}", message_.text(), listener_.session.host_name), now);
    remove_claims_to_be_ours(fixes, header, arrived(), reception_.ports_.verifier.options()->authserv_id);
    mark_device(fixes, header);
    if (auto refusal = take_control_headers(*directory, header, fixes)) return refusal;
    fixes.prefix += unsubscribe_fields(header);
    std::string prefix = signature_of(*directory, header, fixes, now);
    if (prefix.empty() && fixes.prefix.empty() && fixes.removed.empty() && !fixes.separator_offset) return std::nullopt;
    prefix += std::string_view(content_).substr(0, received_field_octets_);
    content_ = mail::apply_fixes(prefix, arrived(), fixes);
    return std::nullopt;
}

// What the message asks of us; else what its sender's credential or network says.
std::optional<smtp::Reply> ReceptionSession::take_control_headers(const Directory& directory,
                                                                  const mail::Header& header,
                                                                  mail::SubmissionFixes& fixes) {
    const auto& pools_of = reception_.ports_.shared.pools_of;
    const auto pools = pools_of ? pools_of(identity_.tenant) : std::vector<std::string>();
    auto found = control_headers(header, arrived(), pools);
    if (!found.has_value()) return std::move(found.error().reply);
    stream_of_message_ = found->stream.value_or(stream_of(directory, identity_));
    pool_ = std::move(found->pool);
    remove_control_headers(fixes, *found);
    return std::nullopt;
}

// The fields to put in front of all others. Our Received field is not signed: it is no part of what the sender says.
std::string ReceptionSession::signature_of(const Directory& directory, const mail::Header& header,
                                           const mail::SubmissionFixes& fixes, WallClock::time_point now) {
    MessageSigner* const signer = reception_.ports_.shared.signer;
    if (!identity_.is_known() || signer == nullptr) return {};
    std::optional<mailauth::DkimSigner> hashed;
    if (body_) hashed = std::move(*body_).finish(arrived(), header.body_offset());
    MessageSigner::Signed made = signer->sign_submission(
        directory, identity_, mail::fields_after(header, arrived(), fixes), std::move(hashed), now);
    body_.reset();
    signed_by_ = std::move(made.by);
    return std::move(made.fields);
}

Task<smtp::Reply> ReceptionSession::take_message() {
    auto& ports = reception_.ports_;
    if (auto refusal = co_await prepare_content()) co_return std::move(*refusal);
    if (feedback_) co_return co_await take_feedback();
    Submission submission;
    submission.id = message_;
    submission.tenant = identity_.tenant;
    submission.credential = identity_.credential;
    submission.stream = stream_of_message_;
    submission.pool = std::move(pool_);
    submission.accepted_at = WallClock::now();
    submission.origin = origin();
    submission.envelope = session_->take_envelope();
    auto withheld = co_await suppressed_recipients(submission.envelope);
    if (!withheld.has_value()) {
        log_not_stored(withheld.error());
        co_return replies::not_stored(withheld.error().kind);
    }
    submission.withheld = *std::move(withheld);
    const std::size_t suppressed = submission.withheld.size(), recipients = submission.envelope.recipients.size();
    const std::string first_recipient = submission.envelope.recipients.front().address.text();
    submission.not_before = not_before_;
    submission.waits_for = waits_for_;
    submission.also = rows_of(submission);
    const std::size_t size = content_.size();
    submission.content = std::make_shared<const std::string>(std::exchange(content_, {}));
    auto accepted = co_await ports.spool.accept(std::move(submission));
    if (!accepted.has_value()) {
        log_not_stored(accepted.error());
        co_return replies::not_stored(accepted.error().kind);
    }
    const Message& message = **accepted;
    ports.metrics.accepted_octets.add(size);
    ports.log.info("smtp.accepted", {{"message", message.id.text()},
                                     {"listener", listener_.name},
                                     {"client", client_.text()},
                                     {"login", login_},
                                     {"from", message.sender().text()},
                                     {"to", first_recipient},
                                     {"recipients", recipients},
                                     {"suppressed", suppressed},
                                     {"size", size},
                                     {"signed_by", signed_by_},
                                     {"sealed_by", sealed_by_}});
    smtp::Reply reply = replies::queued(message.id.text(), suppressed, recipients);
    if (suppressed == recipients) co_return reply;  // nothing of it waits
    if (ports.shared.message_accepted) ports.shared.message_accepted(ports.shard, *accepted);
    ports.accepted(std::move(*accepted));
    co_return reply;
}

void ReceptionSession::log_not_stored(const Error& problem) {
    reception_.ports_.log.error(
        "spool.refused", {{"client", client_.text()}, {"message", message_.text()}, {"problem", problem.detail}});
}

// Whatever of the transaction was not taken over is forgotten, its share of the rate given back.
void ReceptionSession::forget_transaction() {
    if (rate_taken_at_) reception_.ports_.shared.rates.give_back(sender_key(identity_), *rate_taken_at_);
    rate_taken_at_.reset();
    feedback_.reset();
    feedback_is_too_large_ = false;
    if (!quotas_.empty()) reception_.ports_.shared.quotas.give_back(quotas_, recipients_counted_, quotas_taken_at_);
    quotas_.clear();
    not_before_ = {};
    waits_for_.clear();
    content_ = {};
    body_.reset();
    stream_of_message_ = mail::MessageStream::transactional;
    pool_.clear();
    signed_by_.clear();
    sealed_by_.clear();
    lan_origin_.reset();
    verification_.reset();
    header_end_ = {};
    is_in_body_ = false;
    authentication_.clear();
    received_field_octets_ = 0;
    transaction_ends_ = no_deadline;
    announced_size_ = 0;
}

}  // namespace relevo
