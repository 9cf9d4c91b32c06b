// A message over a connection, and what becomes of each recipient afterwards.
#include "core/delivery/engine.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::seconds record_retry{1};

// RFC 8689 §4.2.1. Certificates are mended: the mail waits.
RoutingProblem lack_of_required_tls() {
    return {.permanent = false,
            .status = {4, 7, 5},
            .text =
                "the sender demands TLS all the way (REQUIRETLS), but this server, or its certificate, is not "
                "certain"};
}

std::chrono::seconds time_for(const RetrySchedule& retry, const Message& message) {
    return message.envelope.reverse_path.is_null() ? retry.expire_reports_after : retry.expire_after;
}

std::size_t place_of(const std::vector<std::uint32_t>& ordinals, std::uint32_t ordinal) {
    return static_cast<std::size_t>(std::ranges::lower_bound(ordinals, ordinal) - ordinals.begin());
}

}  // namespace

// The beginning of a drain ends it: what is not written yet is tried at once.
Task<> DeliveryEngine::pause_before_writing_again() { co_await drain_.wait(Clock::now() + record_retry); }

// A connection used before that ended as we wrote MAIL, or said 421 to it: the server had closed it while it was idle,
// and nothing was attempted. The next one is fresh, so this cannot go on for ever.
bool DeliveryEngine::ended_before_it_began(const Connection& connection) {
    if (connection.transactions() <= 1 || connection.is_usable()) return false;
    return std::ranges::all_of(connection.results(), [](const smtp::RecipientResult& result) {
        return result.stage == smtp::ClientStage::mail && (result.reply.code == 0 || result.reply.code == 421);
    });
}

Task<> DeliveryEngine::attempt(Lane& lane, Connection& connection, Work work, std::shared_ptr<PendingRecord> pending) {
    work.started = Clock::now();
    const auto began = WallClock::now();
    const Destination& destination = *work.lease.destination;
    begin_with(destination, connection);
    const bool is_certain_all_the_way = connection.is_verified() && is_certain(destination, connection.facts().host);
    if (work.message->envelope.require_tls && !is_certain_all_the_way) {
        AttemptEnd end{.results = {}, .peer = connection.facts(), .transcript = {}};
        for (const std::uint32_t ordinal : work.lease.ordinals)
            end.results.push_back(judge(ordinal, lack_of_required_tls()));
        co_return co_await conclude(std::move(work), std::move(end));
    }
    smtp::Transaction transaction{
        .envelope = &work.message->envelope, .recipients = {}, .content = *work.message->content};
    for (const std::uint32_t ordinal : work.lease.ordinals)
        transaction.recipients.push_back(&work.message->envelope.recipients[place_of(work.message->ordinals, ordinal)]);
    const auto written = [](PendingRecord& record) -> Task<> {
        while (record.busy) co_await record.done.wait();
    };
    work.was_handed_over = true;
    if (ports_.before_attempt) ports_.before_attempt(*work.message);
    co_await connection.deliver(std::move(transaction), [&] { return written(*pending); });
    if (ended_before_it_began(connection)) co_return put_back(work.lease, 0, WallClock::now());
    co_await written(*pending);
    AttemptEnd end{.results = {}, .peer = connection.facts(), .transcript = connection.take_transcript()};
    for (std::size_t i = 0; i < work.lease.ordinals.size(); ++i)
        end.results.push_back(
            judge(work.lease.ordinals[i], connection.results()[i], connection.failure(), connection.dsn_relayed()));
    hear(lane, work, began, end.results, *end.peer);
    pending->busy = true;
    ++running_;
    ports_.shard.spawn(conclude_in_background(std::move(work), std::move(end), pending));
}

Task<> DeliveryEngine::conclude_in_background(Work work, AttemptEnd end, std::shared_ptr<PendingRecord> pending) {
    co_await conclude(std::move(work), std::move(end));
    pending->busy = false;
    pending->done.notify_all();
    finished_one();
}

DeliveryOutcome DeliveryEngine::outcome_for(const Work& work, std::size_t place, AttemptResult& result,
                                            const AttemptEnd& end, double chance, ReportableResult& reportable) {
    const Destination& destination = *work.lease.destination;
    const auto now = WallClock::now();
    const Message& message = *work.message;
    const RetrySchedule& retry = destination.route().retry;
    DeliveryOutcome outcome;
    outcome.ordinal = result.ordinal;
    outcome.attempts = std::min<std::uint32_t>(work.lease.attempts[place] + 1U, UINT16_MAX);
    AttemptFacts facts{
        .attempt = outcome.attempts,
        .recipient = message.envelope.recipients[place_of(message.ordinals, result.ordinal)].address.text(),
        .destination = destination.key(),
        .site = destination.site != nullptr ? destination.site->key() : std::string(),
        .route = destination.route().name,
        .peer = end.peer ? &*end.peer : nullptr,
        .transcript = end.transcript,
        .duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - work.started),
        .next_attempt = std::nullopt};
    look_at_clock();
    const auto tried = tried_for(message), left = time_for(retry, message) - tried;
    if (result.outcome == Outcome::deferred && left <= std::chrono::milliseconds::zero())
        result.outcome = Outcome::expired;
    classify(result, facts.peer, std::string_view(facts.recipient).substr(facts.recipient.rfind('@') + 1),
             *ports_.patterns.load());
    if (result.outcome == Outcome::deferred) {
        // The last try is made when the time is up.
        outcome.due_at = now + std::min(retry.delay_after(outcome.attempts, chance), left);
        facts.next_attempt = outcome.due_at;
        reportable.delayed = retry.delay_warning_after.count() > 0 && !work.lease.delay_reported[place] &&
                             tried >= retry.delay_warning_after && !message.envelope.reverse_path.is_null();
        reportable.will_retry_until = now + left;
        outcome.delay_reported = reportable.delayed;
    }
    outcome.outcome = result.outcome;
    outcome.last_reply = result.reply.empty() ? result.explanation : result.reply;
    outcome.detail = event_detail(result, facts);
    reportable.result = result;
    if (end.peer && !result.reply.empty()) reportable.remote_host = end.peer->host;
    return outcome;
}

Task<> DeliveryEngine::conclude(Work work, AttemptEnd end) {
    Destination& destination = *work.lease.destination;
    const Hold hold(*this, destination);
    std::vector<DeliveryOutcome> outcomes;
    std::vector<ReportableResult> reportable(end.results.size());
    const double chance = std::uniform_real_distribution<>()(chance_);  // one for all, so that they stay together
    for (std::size_t i = 0; i < end.results.size(); ++i)
        outcomes.push_back(outcome_for(work, i, end.results[i], end, chance, reportable[i]));
    const Message& message = *work.message;
    std::vector<Submission> reports =
        make_reports(message, reportable, {options_.host_name, options_.full_return_limit_octets},
                     ports_.language_of(message.tenant), ports_.ids, WallClock::now());
    if (ports_.sign_report)
        for (Submission& report : reports)
            report.content = std::make_shared<const std::string>(
                ports_.sign_report(*report.content, report.accepted_at) + *report.content);
    const auto accepted = co_await write_outcomes(work.message, outcomes, std::move(reports));
    if (ports_.suspects != nullptr && work.was_handed_over) ports_.suspects->acquit(message.id);
    const auto again = finish(destination, message.id, work.lease.ordinals);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const mail::Address& address =
            message.envelope.recipients[place_of(message.ordinals, outcomes[i].ordinal)].address;
        log_outcome(message, end.results[i], address.text(), destination, end.peer);
        count(message, end.results[i]);
        if (outcomes[i].outcome != Outcome::deferred) continue;
        const bool is_wanted_now = std::ranges::find(again, outcomes[i].ordinal, &QueueEntry::ordinal) != again.end();
        wait_for_retry({.id = {message.id, outcomes[i].ordinal},
                        .flow = {message.tenant, message.stream, message.pool, message.envelope.tls_optional},
                        .domain = address.domain(),
                        .attempts = static_cast<std::uint16_t>(outcomes[i].attempts),
                        .delay_reported = work.lease.delay_reported[i] || outcomes[i].delay_reported,
                        .due = is_wanted_now ? WallClock::now() : outcomes[i].due_at});
    }
    release_fresh(message.id, outcomes.size());
    for (const auto& report : accepted) {
        ports_.metrics.reports.add();
        ports_.log.info("report.accepted", {{"message", report->id.text()},
                                            {"about", message.id.text()},
                                            {"to", report->envelope.recipients.front().address.text()}});
        ports_.dispatcher.enqueue(report);
    }
}

// The route may have changed, so another destination or even another shard may be the right one. On this shard it must
// be in the queue at once: a person's release that comes next would not find it, and add it a second time.
void DeliveryEngine::wait_for_retry(const WaitingRecipient& recipient) {
    const QueuedRecipients queued = ports_.dispatcher.queued(recipient);
    DeliveryEngine& engine = ports_.dispatcher.engine_of(queued.destination);
    if (&engine != this) return engine.enqueue(queued);
    restore(queued);
    // Later, since a destination may end with what it is given now.
    ports_.shard.post([this, key = queued.destination] { wake_for(key); });
}

// Until it is written, the row says "still to be delivered": a crash would send again, so this never gives up.
Task<std::vector<std::shared_ptr<const Message>>> DeliveryEngine::write_outcomes(std::shared_ptr<const Message> message,
                                                                                 std::vector<DeliveryOutcome> outcomes,
                                                                                 std::vector<Submission> reports) {
    for (;;) {
        auto recorded = co_await ports_.spool.record(message, outcomes, reports);
        if (recorded.has_value()) co_return std::move(*recorded);
        ports_.log.error("spool.write_failed", {{"message", message->id.text()}, {"problem", recorded.error().detail}});
        co_await pause_before_writing_again();
    }
}

void DeliveryEngine::log_outcome(const Message& message, const AttemptResult& result, const std::string& recipient,
                                 const Destination& destination, const std::optional<PeerFacts>& peer) {
    static constexpr std::array events{"delivery.delivered", "delivery.deferred", "delivery.failed",
                                       "delivery.expired"};
    const bool is_delivered = result.outcome == Outcome::delivered;
    ports_.log.info(events[static_cast<std::size_t>(result.outcome)],
                    {{"message", message.id.text()},
                     {"to", recipient},
                     {"destination", destination.key()},
                     {"host", peer ? peer->host : std::string()},
                     {"address", peer ? peer->endpoint.address.text() : std::string()},
                     {"tls", peer ? peer->tls : std::string()},
                     {"status", result.status},
                     {"class", is_delivered ? std::string() : std::string(name_of(result.kind))},
                     {"nature", is_delivered ? std::string() : std::string(name_of(result.nature))},
                     {"reply", result.reply.empty() ? result.explanation : result.reply}});
}

void DeliveryEngine::count(const Message& message, const AttemptResult& result) {
    if (ports_.concluded) ports_.concluded(message, result);
    if (result.outcome != Outcome::delivered) ports_.metrics.replies(result.kind).add();
    switch (result.outcome) {
        case Outcome::delivered:
            ports_.metrics.delivered.add();
            ports_.metrics.delivery_seconds.observe(
                std::chrono::duration<double>(WallClock::now() - message.accepted_at).count());
            break;
        case Outcome::deferred: ports_.metrics.deferred.add(); break;
        case Outcome::failed: ports_.metrics.failed.add(); break;
        case Outcome::expired: ports_.metrics.expired.add(); break;
    }
}

}  // namespace relevo
