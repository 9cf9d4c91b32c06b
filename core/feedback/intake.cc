#include "core/feedback/intake.h"

#include "core/tenancy/administration.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

using Accepted = std::vector<std::shared_ptr<const Message>>;

std::size_t place_of(EventKind kind) {
    return static_cast<std::size_t>(kind) - static_cast<std::size_t>(EventKind::bounced);
}

Event event_of(const SentMessage& message, const FeedbackFinding& finding, const bounces::BounceMail& mail,
               WallClock::time_point now) {
    return {.id = {},
            .at = now,
            .kind = finding.kind,
            .message = message.id,
            .ordinal = finding.to != nullptr ? std::int64_t{finding.to->ordinal} : whole_message,
            .tenant = message.tenant,
            .detail = feedback_detail(finding, mail)};
}

}  // namespace

FeedbackIntake::FeedbackIntake(Ports ports, std::shared_ptr<const FeedbackOptions> options)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      passed_over_(ports_.metrics.counter("relevo_feedback_passed_over_total",
                                          "Mail that came back and could not be matched, or was too much")),
      reader_(ports_.patterns) {
    for (const EventKind kind : {EventKind::bounced, EventKind::complained, EventKind::auto_reply,
                                 EventKind::unsubscribed, EventKind::notified})
        taken_.at(place_of(kind)) = &ports_.metrics.counter(
            "relevo_feedback_total", "What came back about messages, by kind", {{"kind", name_of(kind)}});
}

void FeedbackIntake::pass_over(std::string_view message, std::string_view reason) {
    passed_over_.add();
    ports_.log.info("feedback.passed_over", {{"message", message}, {"reason", reason}});
}

void FeedbackIntake::tell(const SentMessage& message, const FeedbackFinding& finding) {
    taken_.at(place_of(finding.kind))->add();
    if (finding.to != nullptr && finding.kind == EventKind::bounced && finding.nature == bounces::BounceNature::hard)
        ports_.conduct.count(message.tenant, ConductFact::came_back, WallClock::now());
    if (finding.to != nullptr && finding.kind == EventKind::complained)
        ports_.conduct.count(message.tenant, ConductFact::complained, WallClock::now());
    ports_.log.info("feedback.taken", {{"message", message.id.text()},
                                       {"kind", name_of(finding.kind)},
                                       {"to", finding.to != nullptr ? finding.to->address : std::string()},
                                       {"class", bounces::name_of(finding.reason)},
                                       {"nature", bounces::name_of(finding.nature)},
                                       {"reply", finding.said}});
}

Result<void> FeedbackIntake::suppress(Transaction& transaction, const SentMessage& message,
                                      const FeedbackFinding& finding, WallClock::time_point now) {
    if (finding.to == nullptr || message.sender.empty()) return {};
    if (finding.kind == EventKind::bounced)
        return ports_.suppressions.bounced(transaction,
                                           {.tenant = message.tenant,
                                            .message = message.id,
                                            .recipient = finding.to->address,
                                            .kind = finding.reason,
                                            .nature = finding.nature,
                                            .said = finding.said.empty() ? finding.status : finding.said},
                                           now);
    if (finding.kind != EventKind::complained && finding.kind != EventKind::unsubscribed) return {};
    const auto address = comparable_address(finding.to->address);
    if (!address.has_value()) return {};
    RELEVO_CHECK(
        ports_.suppressions.add(transaction,
                                {.tenant = message.tenant,
                                 .address = *address,
                                 .reason = finding.kind == EventKind::complained ? SuppressionReason::complaint
                                                                                 : SuppressionReason::unsubscribe,
                                 .text = finding.said,
                                 .message = message.id},
                                now));
    return {};
}

Task<Result<Accepted>> FeedbackIntake::apply(Known known, const bounces::BounceMail& mail,
                                             std::vector<Submission> mails) {
    const auto now = WallClock::now();
    const SentMessage& message = known.message;
    std::vector<FeedbackFinding> findings = findings_of(mail, message, known.proof);
    if (findings.empty() && known.proof == FeedbackProof::token) findings.push_back({.kind = EventKind::notified});
    std::vector<Event> events;
    for (const FeedbackFinding& finding : findings) events.push_back(event_of(message, finding, mail, now));
    for (const Submission& copy : mails)
        events.push_back({.id = {},
                          .at = now,
                          .kind = EventKind::reported,
                          .message = message.id,
                          .ordinal = whole_message,
                          .tenant = message.tenant,
                          .detail = JsonWriter()
                                        .field("report", copy.id.text())
                                        .field("to", copy.envelope.recipients.front().address.text())
                                        .finish()});
    RELEVO_CO_TRY(
        Accepted accepted,
        co_await ports_.spool.note(std::move(events), std::move(mails), [&](Transaction& transaction) -> Result<void> {
            for (const FeedbackFinding& finding : findings) RELEVO_CHECK(suppress(transaction, message, finding, now));
            return {};
        }));
    for (const FeedbackFinding& finding : findings) tell(message, finding);
    co_return accepted;
}

// Without our return path the mail would have come to the sender itself. A complaint is for us alone.
std::vector<Submission> FeedbackIntake::copies_for(const SentMessage& message, const Arrival& arrival,
                                                   const bounces::BounceMail& mail) const {
    std::vector<Submission> copies;
    const bool is_for_us =
        mail.kind == bounces::BounceMailKind::complaint || mail.kind == bounces::BounceMailKind::unsubscribe;
    auto sender = mail::Address::parse(message.sender, mail::Utf8::allowed);
    if (!options_.load()->pass_on || is_for_us || !sender.has_value() || arrival.ids == nullptr) return copies;
    Submission& copy = copies.emplace_back();
    copy.accepted_at = WallClock::now();
    copy.id = arrival.ids->next(copy.accepted_at, 1);
    copy.tenant = message.tenant;
    copy.envelope.smtputf8 = sender->needs_smtputf8() || !is_ascii(*arrival.content);
    copy.envelope.body = is_ascii(*arrival.content) ? mail::BodyType::seven_bit : mail::BodyType::eight_bit_mime;
    copy.envelope.recipients.push_back(
        {.address = *std::move(sender), .notify = {mail::DsnNotify::never}, .original_recipient = {}});
    copy.content = arrival.content;
    copy.origin = JsonWriter().field("from", "feedback").field("about", message.id.text()).finish();
    return copies;
}

Task<Result<Accepted>> FeedbackIntake::take(Arrival arrival) {
    const Token& token = arrival.to.token;
    if (arrival.to.purpose == TokenPurpose::unsubscribe) {
        const auto whole =
            read_token(*ports_.return_paths.keys(), TokenPurpose::unsubscribe_address, subject_token(*arrival.content));
        const bool fits = whole && whole->tenant == token.tenant && whole->message == token.message;
        const auto done = co_await unsubscribe(fits ? *whole : token, "mail");
        if (!done.has_value() && done.error().kind != ErrorKind::not_found) co_return std::unexpected(done.error());
        if (!done.has_value()) pass_over(token.message.text(), done.error().detail);
        co_return Accepted();
    }
    const auto row = co_await ports_.spool.show(token.message);
    if (!row.has_value()) {
        if (row.error().kind != ErrorKind::not_found) co_return std::unexpected(row.error());
        pass_over(token.message.text(), "the message is forgotten: see queue.keep_history");
        co_return Accepted();
    }
    Known known{.message = sent_message(*row), .proof = FeedbackProof::token};
    if (known.message.tenant != token.tenant || known.message.feedback >= options_.load()->events_of_message) {
        pass_over(token.message.text(), "too much came back about this message");
        co_return Accepted();
    }
    auto read = co_await reader_.read(arrival.content);
    // Not the disk is full, as that word would say to the client.
    if (!read.has_value() && read.error().kind == ErrorKind::full) read.error().kind = ErrorKind::limit;
    if (!read.has_value()) co_return std::unexpected(std::move(read.error()));
    auto copies = copies_for(known.message, arrival, read->mail);
    co_return co_await apply(std::move(known), read->mail, std::move(copies));
}

bool FeedbackIntake::is_wanted(const Message& message) const {
    const auto options = options_.load();
    return !options->addresses.empty() && message.content &&
           std::ranges::any_of(message.envelope.recipients, [&](const mail::Recipient& recipient) {
               const auto address = comparable_address(recipient.address);
               return address.has_value() &&
                      std::ranges::find(options->addresses, *address) != options->addresses.end();
           });
}

// A return path inside the mail proves most; else a message of ours that it names by our own id, and a recipient of it.
Task<std::optional<FeedbackIntake::Known>> FeedbackIntake::find(const ReadFeedback& read) {
    const auto keys = ports_.return_paths.keys();
    for (const std::string& text : read.tokens)
        for (const TokenPurpose purpose : {TokenPurpose::return_path, TokenPurpose::unsubscribe})
            if (const auto token = read_token(*keys, purpose, text)) {
                const auto row = co_await ports_.spool.show(token->message);
                if (row.has_value() && row->tenant == token->tenant)
                    co_return Known{.message = sent_message(*row), .proof = FeedbackProof::token};
            }
    for (const MessageId id : read.messages) {
        const auto row = co_await ports_.spool.show(id);
        if (!row.has_value() || !row->tenant) continue;
        Known known{.message = sent_message(*row), .proof = FeedbackProof::message_id};
        if (!findings_of(read.mail, known.message, known.proof).empty()) co_return known;
    }
    co_return std::nullopt;
}

Task<> FeedbackIntake::look_into(std::shared_ptr<const Message> message) {
    const auto read = co_await reader_.read(message->content);
    if (!read.has_value()) co_return pass_over(message->id.text(), read.error().detail);
    auto known = co_await find(*read);
    if (!known) co_return pass_over(message->id.text(), "it is about no message of ours");
    if (known->message.feedback >= options_.load()->events_of_message)
        co_return pass_over(message->id.text(), "too much came back about " + known->message.id.text());
    const auto done = co_await apply(*std::move(known), read->mail, {});
    if (!done.has_value())
        ports_.log.error("feedback.not_kept", {{"message", message->id.text()}, {"problem", done.error().detail}});
}

Task<Result<bool>> FeedbackIntake::unsubscribe(Token token, std::string_view how) {
    const auto now = WallClock::now();
    const auto row = co_await ports_.spool.show(token.message);
    if (!row.has_value() && (row.error().kind != ErrorKind::not_found || token.address.empty()))
        co_return std::unexpected(row.error());
    const SentMessage message = row.has_value() ? sent_message(*row) : SentMessage{};
    const bool is_only_one = message.recipients.size() == 1;
    if (token.address.empty() && !is_only_one)
        co_return failure(ErrorKind::not_found, "it went to several recipients: nobody knows which one it was");
    const auto address = comparable_address(token.address.empty() ? message.recipients.front().address : token.address);
    if (!address.has_value()) co_return std::unexpected(address.error());
    FeedbackFinding finding{.kind = EventKind::unsubscribed, .reason = bounces::BounceClass::unsubscribe};
    for (const SentMessage::To& to : message.recipients)
        if (const auto comparable = comparable_address(to.address); comparable.has_value() && *comparable == *address)
            finding.to = &to;
    std::optional<Suppression> before;
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(before, find_suppression(reader, token.tenant, *address, now));
        return {};
    }));
    if (before && before->reason >= SuppressionReason::unsubscribe) co_return false;
    std::vector<Event> events;
    if (row.has_value()) {
        events.push_back(event_of(message, finding, {}, now));
        events.back().detail = JsonWriter().field("recipient", *address).field("how", how).finish();
    }
    RELEVO_CO_CHECK(co_await ports_.spool.note(std::move(events), {}, [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(ports_.suppressions.add(transaction,
                                             {.tenant = token.tenant,
                                              .address = *address,
                                              .reason = SuppressionReason::unsubscribe,
                                              .text = std::string(how),
                                              .message = token.message},
                                             now));
        return {};
    }));
    tell(message, finding);
    co_return true;
}

}  // namespace relevo
