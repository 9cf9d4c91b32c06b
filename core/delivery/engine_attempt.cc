// Messages over a connection, and what becomes of each recipient afterwards.
#include "core/delivery/engine.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

// After a connection that came to nothing, this many more recipients share its fate, so that a long queue to a dead
// server is worked off.
constexpr std::size_t shared_failures = 200;
constexpr std::chrono::seconds record_retry{1};
constexpr std::chrono::minutes load_retry{1};

// RFC 8689 §4.2.1. Certificates are mended: the mail waits.
RoutingProblem lack_of_required_tls() {
    return {.permanent = false,
            .status = {4, 7, 5},
            .text =
                "the sender demands TLS all the way (REQUIRETLS), but this server, or its certificate, is not "
                "certain"};
}

bool is_expired(const Route& route, const Message& message, WallClock::time_point now) {
    const auto limit =
        message.envelope.reverse_path.is_null() ? route.retry.expire_reports_after : route.retry.expire_after;
    return now - message.accepted_at >= limit;
}

std::size_t place_of(const std::vector<std::uint32_t>& ordinals, std::uint32_t ordinal) {
    return static_cast<std::size_t>(std::ranges::lower_bound(ordinals, ordinal) - ordinals.begin());
}

}  // namespace

Task<> DeliveryEngine::serve(Site& site, Lease lease) {
    ports_.metrics.connections.add();
    const Deadline began = Clock::now();
    auto work = co_await load(site, std::move(lease));
    if (work) {
        Opened opened = co_await open_connection(site);
        if (opened.connection) {
            site.failures_in_a_row = 0;
            site.last_problem.clear();
            ++site.answering;
            Lease first = std::move(work->lease);
            schedule(site);  // it answers: more connections may follow
            co_await work_through(site, *opened.connection, std::move(first));
            --site.answering;
        } else if (opened.busy && (site.answering > 0 || site.failures_in_a_row == 0)) {
            put_back(site, work->lease, 0, WallClock::now());
            pause(site);
        } else {
            if (!opened.problem.permanent) back_off(site, opened.problem.text, began);
            AttemptEnd end = end_by(*work, opened);
            co_await conclude(site, std::move(*work), std::move(end));
            co_await share_failure(site, opened.problem);
        }
    }
    ports_.metrics.connections.subtract();
    leave(site);
}

DeliveryEngine::AttemptEnd DeliveryEngine::end_by(const Work& work, const Opened& opened) const {
    AttemptEnd end{.results = {}, .peer = opened.peer, .transcript = opened.transcript};
    for (const std::uint32_t ordinal : work.lease.ordinals) end.results.push_back(judge(ordinal, opened.problem));
    return end;
}

Task<> DeliveryEngine::share_failure(Site& site, RoutingProblem problem) {
    for (std::size_t shared = 0; shared < shared_failures && !draining_;) {
        auto lease = queue_.lease(site, options_.recipients_per_transaction);
        if (!lease) co_return;
        shared += lease->ordinals.size();
        auto work = co_await load(site, std::move(*lease));
        if (!work) continue;
        AttemptEnd end = end_by(
            *work, Opened{.connection = nullptr, .problem = problem, .busy = false, .peer = {}, .transcript = {}});
        co_await conclude(site, std::move(*work), std::move(end));
    }
}

// Routes that end the matter here.
Task<> DeliveryEngine::serve_without_connection(Site& site, Lease lease) {
    for (std::optional<Lease> next = std::move(lease); next;
         next = queue_.lease(site, options_.recipients_per_transaction)) {
        const Route& route = site.route();
        if (route.kind == RouteKind::hold) {
            co_await set_aside(site, std::move(*next), route.text.empty() ? "held by route " + route.name : route.text);
            continue;
        }
        auto work = co_await load(site, std::move(*next));
        if (!work) continue;
        AttemptEnd end;
        for (const std::uint32_t ordinal : work->lease.ordinals) {
            AttemptResult result{.ordinal = ordinal};
            result.stage = "routing";
            const bool discards = route.kind == RouteKind::discard;
            result.outcome = discards ? Outcome::delivered : Outcome::failed;
            result.status = discards ? "2.0.0" : "5.7.1";
            result.explanation = discards             ? "discarded by route " + route.name
                                 : route.text.empty() ? "refused by route " + route.name
                                                      : route.text;
            result.dsn_relayed = discards;
            end.results.push_back(std::move(result));
        }
        co_await conclude(site, std::move(*work), std::move(end));
    }
    leave(site);
}

Task<> DeliveryEngine::work_through(Site& site, Connection& connection, std::optional<Lease> lease) {
    const auto pending = std::make_shared<PendingRecord>(ports_.shard);
    std::uint32_t limit = options_.messages_per_connection;
    if (const auto announced = connection.extensions().mail_limit) limit = std::min(limit, std::max(1U, *announced));
    while (lease) {
        // What the server announces as its limit binds us (RFC 9422 §3.1.2); the rest follows in the next transaction.
        if (const auto most = connection.extensions().recipient_limit)
            put_back(site, *lease, std::max(1U, *most), WallClock::now());
        auto work = co_await load(site, std::move(*lease));
        lease.reset();
        if (work) co_await attempt(site, connection, std::move(*work), pending);
        if (!connection.is_usable() || connection.transactions() >= limit || draining_ || site.suspended) break;
        lease = queue_.lease(site, options_.recipients_per_transaction);
        if (!lease) lease = co_await wait_for_work(site);
        if (lease && connection.has_gone()) {
            // The server closed while we were idle: the message goes over another connection, and nothing was
            // attempted.
            put_back(site, *lease, 0, WallClock::now());
            break;
        }
    }
    if (connection.is_usable()) co_await connection.quit();
}

// Gives back all but the first `kept` recipients of a lease, as if they had not been leased.
void DeliveryEngine::put_back(Site& site, Lease& lease, std::size_t kept, WallClock::time_point due) {
    const std::size_t count = lease.ordinals.size();
    if (count <= kept) return;
    // What came again meanwhile is the same as what is given back here.
    static_cast<void>(finish(site, lease.message, std::span(lease.ordinals).subspan(kept)));
    for (std::size_t i = kept; i < count; ++i)
        add(site,
            {.message = lease.message,
             .ordinal = lease.ordinals[i],
             .attempts = lease.attempts[i],
             .delay_reported = lease.delay_reported[i]},
            due);  // not fresh: a person may have held it meanwhile
    lease.ordinals.resize(kept);
    lease.attempts.resize(kept);
    lease.delay_reported.resize(kept);
}

Task<std::optional<Lease>> DeliveryEngine::wait_for_work(Site& site) {
    IdleSlot slot(ports_.shard);
    idle_[&site].push_back(&slot);
    // Another destination may be waiting for our place.
    const Deadline until = starved_.empty() ? Clock::now() + options_.idle_timeout : Clock::now();
    co_await slot.wakeup.wait(until);
    if (!slot.lease) std::erase(idle_[&site], &slot);
    co_return std::move(slot.lease);
}

// The message of a lease, from memory or from the spool. Nothing: the lease was dealt with here.
Task<std::optional<DeliveryEngine::Work>> DeliveryEngine::load(Site& site, Lease lease) {
    Work work{.lease = std::move(lease), .message = nullptr, .started = Clock::now()};
    if (const auto fresh = fresh_.find(work.lease.message); work.lease.fresh && fresh != fresh_.end()) {
        work.message = fresh->second.message;
        co_return work;
    }
    auto loaded = co_await ports_.spool.load(work.lease.message, work.lease.ordinals);
    if (!loaded.has_value()) {
        const Error problem = std::move(loaded.error());
        if (problem.kind == ErrorKind::io) {
            ports_.log.error("spool.damaged", {{"message", work.lease.message.text()}, {"problem", problem.detail}});
            co_await set_aside(site, std::move(work.lease), "its stored content cannot be read: " + problem.detail);
            co_return std::nullopt;
        }
        if (problem.kind == ErrorKind::not_found)
            finish_unattempted(site, work.lease.message, work.lease.ordinals);
        else
            put_back(site, work.lease, 0, WallClock::now() + load_retry);
        co_return std::nullopt;
    }
    work.message = std::move(*loaded);
    // What a person removed meanwhile is no longer ours to deliver.
    Lease kept{.message = work.lease.message, .ordinals = {}, .attempts = {}, .delay_reported = {}};
    std::vector<std::uint32_t> gone;
    for (std::size_t i = 0; i < work.lease.ordinals.size(); ++i) {
        if (!std::ranges::binary_search(work.message->ordinals, work.lease.ordinals[i])) {
            gone.push_back(work.lease.ordinals[i]);
            continue;
        }
        kept.ordinals.push_back(work.lease.ordinals[i]);
        kept.attempts.push_back(work.lease.attempts[i]);
        kept.delay_reported.push_back(work.lease.delay_reported[i]);
    }
    finish_unattempted(site, work.lease.message, gone);
    work.lease = std::move(kept);
    co_return work;
}

// The beginning of a drain ends it: what is not written yet is tried at once.
Task<> DeliveryEngine::pause_before_writing_again() { co_await drain_.wait(Clock::now() + record_retry); }

// Holds recipients until a person decides.
Task<> DeliveryEngine::set_aside(Site& site, Lease lease, std::string reason) {
    std::vector<DeliveryRow> rows;
    for (const std::uint32_t ordinal : lease.ordinals) {
        DeliveryRow row;
        row.id = {lease.message, ordinal};
        rows.push_back(std::move(row));
    }
    for (;;) {
        const auto changed = co_await ports_.spool.change(rows, Spool::Change::hold, reason);
        if (changed.has_value()) break;
        ports_.log.error("spool.write_failed",
                         {{"message", lease.message.text()}, {"problem", changed.error().detail}});
        co_await pause_before_writing_again();
    }
    finish_unattempted(site, lease.message, lease.ordinals);
    release_fresh(lease.message, lease.ordinals.size());
}

// A connection used before that ended as we wrote MAIL, or said 421 to it: the server had closed it while it was idle,
// and nothing was attempted. The next one is fresh, so this cannot go on for ever.
bool DeliveryEngine::ended_before_it_began(const Connection& connection) {
    if (connection.transactions() <= 1 || connection.is_usable()) return false;
    return std::ranges::all_of(connection.results(), [](const smtp::RecipientResult& result) {
        return result.stage == smtp::ClientStage::mail && (result.reply.code == 0 || result.reply.code == 421);
    });
}

Task<> DeliveryEngine::attempt(Site& site, Connection& connection, Work work, std::shared_ptr<PendingRecord> pending) {
    work.started = Clock::now();
    if (work.message->envelope.require_tls && !connection.is_authenticated()) {
        AttemptEnd end{.results = {}, .peer = connection.facts(), .transcript = {}};
        for (const std::uint32_t ordinal : work.lease.ordinals)
            end.results.push_back(judge(ordinal, lack_of_required_tls()));
        co_return co_await conclude(site, std::move(work), std::move(end));
    }
    smtp::Transaction transaction{
        .envelope = &work.message->envelope, .recipients = {}, .content = *work.message->content};
    for (const std::uint32_t ordinal : work.lease.ordinals)
        transaction.recipients.push_back(&work.message->envelope.recipients[place_of(work.message->ordinals, ordinal)]);
    const auto written = [](PendingRecord& record) -> Task<> {
        while (record.busy) co_await record.done.wait();
    };
    co_await connection.deliver(std::move(transaction), [&] { return written(*pending); });
    if (ended_before_it_began(connection)) co_return put_back(site, work.lease, 0, WallClock::now());
    co_await written(*pending);
    AttemptEnd end{.results = {}, .peer = connection.facts(), .transcript = connection.take_transcript()};
    for (std::size_t i = 0; i < work.lease.ordinals.size(); ++i)
        end.results.push_back(
            judge(work.lease.ordinals[i], connection.results()[i], connection.failure(), connection.dsn_relayed()));
    pending->busy = true;
    ++running_;
    ports_.shard.spawn(conclude_in_background(site, std::move(work), std::move(end), pending));
}

Task<> DeliveryEngine::conclude_in_background(Site& site, Work work, AttemptEnd end,
                                              std::shared_ptr<PendingRecord> pending) {
    co_await conclude(site, std::move(work), std::move(end));
    pending->busy = false;
    pending->done.notify_all();
    forget_if_done(site);
    finished_one();
}

DeliveryOutcome DeliveryEngine::outcome_for(const Site& site, const Work& work, std::size_t place,
                                            AttemptResult& result, const AttemptEnd& end, double chance,
                                            ReportableResult& reportable) {
    const auto now = WallClock::now();
    const Message& message = *work.message;
    const RetrySchedule& retry = site.route().retry;
    DeliveryOutcome outcome;
    outcome.ordinal = result.ordinal;
    outcome.attempts = std::min<std::uint32_t>(work.lease.attempts[place] + 1U, UINT16_MAX);
    AttemptFacts facts{
        .attempt = outcome.attempts,
        .recipient = message.envelope.recipients[place_of(message.ordinals, result.ordinal)].address.text(),
        .site = site.key(),
        .route = site.route().name,
        .peer = end.peer ? &*end.peer : nullptr,
        .transcript = end.transcript,
        .duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - work.started),
        .next_attempt = std::nullopt};
    if (result.outcome == Outcome::deferred && is_expired(site.route(), message, now))
        result.outcome = Outcome::expired;
    classify(result, facts.peer, std::string_view(facts.recipient).substr(facts.recipient.rfind('@') + 1),
             *ports_.patterns.load());
    if (result.outcome == Outcome::deferred) {
        outcome.due_at = now + retry.delay_after(outcome.attempts, chance);
        const auto limit = message.envelope.reverse_path.is_null() ? retry.expire_reports_after : retry.expire_after;
        outcome.due_at =
            std::min(outcome.due_at, message.accepted_at + limit);  // the last try is made when the time is up
        facts.next_attempt = outcome.due_at;
        reportable.delayed = retry.delay_warning_after.count() > 0 && !work.lease.delay_reported[place] &&
                             now - message.accepted_at >= retry.delay_warning_after &&
                             !message.envelope.reverse_path.is_null();
        reportable.will_retry_until = message.accepted_at + limit;
        outcome.delay_reported = reportable.delayed;
    }
    outcome.outcome = result.outcome;
    outcome.last_reply = result.reply.empty() ? result.explanation : result.reply;
    outcome.detail = event_detail(result, facts);
    reportable.result = result;
    if (end.peer && !result.reply.empty()) reportable.remote_host = end.peer->host;
    return outcome;
}

Task<> DeliveryEngine::conclude(Site& site, Work work, AttemptEnd end) {
    std::vector<DeliveryOutcome> outcomes;
    std::vector<ReportableResult> reportable(end.results.size());
    const double chance = std::uniform_real_distribution<>()(chance_);  // one for all, so that they stay together
    for (std::size_t i = 0; i < end.results.size(); ++i)
        outcomes.push_back(outcome_for(site, work, i, end.results[i], end, chance, reportable[i]));
    const Message& message = *work.message;
    std::vector<Submission> reports =
        make_reports(message, reportable, {options_.host_name, options_.full_return_limit_octets},
                     ports_.language_of(message.tenant), ports_.ids, WallClock::now());
    if (ports_.sign_report)
        for (Submission& report : reports)
            report.content = std::make_shared<const std::string>(
                ports_.sign_report(*report.content, report.accepted_at) + *report.content);
    const auto accepted = co_await write_outcomes(work.message, outcomes, std::move(reports));
    const auto again = finish(site, message.id, work.lease.ordinals);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const mail::Address& address =
            message.envelope.recipients[place_of(message.ordinals, outcomes[i].ordinal)].address;
        log_outcome(message, end.results[i], address.text(), site, end.peer);
        count(message, end.results[i]);
        if (outcomes[i].outcome != Outcome::deferred) continue;
        const bool is_wanted_now = std::ranges::find(again, outcomes[i].ordinal, &QueueEntry::ordinal) != again.end();
        wait_for_retry({.id = {message.id, outcomes[i].ordinal},
                        .tenant = message.tenant,
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
    DeliveryEngine& engine = ports_.dispatcher.engine_of(queued.site);
    if (&engine != this) return engine.enqueue(queued);
    restore(queued);
    // Later, since a destination may end with what it is given now.
    ports_.shard.post([this, site = queued.site] { wake_for(site); });
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
                                 const Site& site, const std::optional<PeerFacts>& peer) {
    static constexpr std::array events{"delivery.delivered", "delivery.deferred", "delivery.failed",
                                       "delivery.expired"};
    const bool is_delivered = result.outcome == Outcome::delivered;
    ports_.log.info(events[static_cast<std::size_t>(result.outcome)],
                    {{"message", message.id.text()},
                     {"to", recipient},
                     {"site", site.key()},
                     {"host", peer ? peer->host : std::string()},
                     {"address", peer ? peer->endpoint.address.text() : std::string()},
                     {"tls", peer ? peer->tls : std::string()},
                     {"status", result.status},
                     {"class", is_delivered ? std::string() : std::string(name_of(result.kind))},
                     {"nature", is_delivered ? std::string() : std::string(name_of(result.nature))},
                     {"reply", result.reply.empty() ? result.explanation : result.reply}});
}

void DeliveryEngine::count(const Message& message, const AttemptResult& result) {
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
