// Mail that comes whole: the questions that an SMTP session asks one by one, asked in a row.
#include "core/policy/access.h"
#include "core/policy/sending.h"
#include "core/reception/incoming_message.h"
#include "core/reception/replies.h"

namespace relevo {
namespace {

std::unexpected<NotAccepted> refused(Decision decision, std::optional<std::size_t> recipient = std::nullopt) {
    return std::unexpected(NotAccepted{.decision = std::move(decision), .recipient = recipient});
}

std::string received_field(const Arrival& arrival, const mail::Envelope& envelope, MessageId id) {
    mail::ReceivedInfo info;
    info.client_name = arrival.name;
    info.client_address = arrival.client.address.text();
    info.host_name = arrival.host_name;
    info.with = arrival.tls.empty() ? "HTTP" : "HTTPS";
    info.tls = arrival.tls;
    info.id = id.text();
    if (envelope.recipients.size() == 1) info.for_recipient = envelope.recipients.front().address.text();
    info.time = WallClock::now();
    return mail::received_field(info);
}

// Whether the sender, and what was counted of it, let a message begin.
Decision judge_beginning(ReceptionShared& shared, const Arrival& arrival, const mail::ReversePath& sender) {
    const auto now = WallClock::now();
    const auto directory = shared.directory.load();
    if (auto withdrawn = judge_identity(*directory, arrival.identity, now)) return *std::move(withdrawn);
    Decision decision = relevo::judge_sender(*directory, arrival.identity, sender, now);
    if (!decision.is_accepted()) return decision;
    const auto limits = limits_of(*directory, arrival.identity);
    if (const auto refusal = shared.rates.check(sender_key(arrival.identity), limits, now))
        return rate_reached(*refusal);
    return decision;
}

}  // namespace

Task<std::expected<AcceptedMessage, NotAccepted>> Reception::take(WholeMessage whole) {
    const Arrival& arrival = whole.arrival;
    if (auto decision = judge_beginning(ports_.shared, arrival, whole.envelope.reverse_path); !decision.is_accepted())
        co_return refused(std::move(decision));
    auto time_left = std::chrono::duration_cast<Clock::duration>(RecipientCheck::transaction_time);
    for (std::size_t i = 0; i < whole.envelope.recipients.size(); ++i) {
        const mail::Address& address = whole.envelope.recipients[i].address;
        Decision decision = judge_recipient(arrival.identity, address, ports_.shared.is_inbound);
        if (decision.is_accepted() && ports_.recipients.is_on() && time_left > Clock::duration::zero()) {
            const Deadline began = Clock::now();
            const auto time = std::min<Clock::duration>(time_left, RecipientCheck::recipient_time);
            auto refusal = co_await ports_.recipients.check(address, arrival.identity.tenant, began + time);
            time_left -= Clock::now() - began;
            if (refusal) decision = *std::move(refusal);
        }
        if (decision.is_accepted())
            if (auto refusal = judge_suppression(ports_.shared, arrival.identity.tenant, address))
                decision = *std::move(refusal);
        if (!decision.is_accepted()) co_return refused(std::move(decision), i);
    }
    IncomingMessage message(ports_);
    if (auto refusal = message.begin(arrival, whole.envelope, whole.content.size()))
        co_return refused(*std::move(refusal));
    message.set_received_field(received_field(arrival, whole.envelope, message.id()));
    message.append(whole.content);
    whole.content = {};
    const auto header = mail::Header::parse(message.arrived());
    if (!header.has_value())
        co_return refused(
            {.key = ReplyKey::header_malformed, .reply = replies::header_too_large(header.error().detail)});
    message.heed(*header);
    if (auto refusal = message.prepare(arrival, whole.envelope, *header)) co_return refused(*std::move(refusal));
    const Deadline began = Clock::now();
    const auto kept = co_await message.keep(arrival, std::move(whole.envelope), std::move(whole.also));
    if (!kept.has_value()) co_return std::unexpected(NotAccepted{.error = kept.error()});
    ports_.metrics.accepted.add();
    ports_.metrics.commit_seconds.observe(std::chrono::duration<double>(Clock::now() - began).count());
    co_return AcceptedMessage{kept->message->id, kept->recipients, kept->suppressed};
}

}  // namespace relevo
