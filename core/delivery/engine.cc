#include "core/delivery/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::array delivery_bounds{0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 86400.0};
constexpr std::chrono::seconds longest_back_off{900};
constexpr std::chrono::seconds busy_pause{1};
// The wall clock may jump; nothing is due later than this without a look at it.
constexpr std::chrono::seconds longest_sleep{60};

}  // namespace

DeliveryMetrics::DeliveryMetrics(Metrics& metrics)
    : delivered(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                                {{"outcome", "delivered"}})),
      deferred(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                               {{"outcome", "deferred"}})),
      failed(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                             {{"outcome", "failed"}})),
      expired(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                              {{"outcome", "expired"}})),
      connections_opened(metrics.counter("relevo_connections_out_total", "Connections to mail servers, by result",
                                         {{"result", "opened"}})),
      connections_failed(metrics.counter("relevo_connections_out_total", "Connections to mail servers, by result",
                                         {{"result", "failed"}})),
      reports(metrics.counter("relevo_reports_total", "Delivery status notifications made")),
      dane_met(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                               {{"policy", "dane"}, {"result", "met"}})),
      dane_unmet(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                                 {{"policy", "dane"}, {"result", "unmet"}})),
      mta_sts_met(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                                  {{"policy", "mta-sts"}, {"result", "met"}})),
      mta_sts_unmet(metrics.counter("relevo_transport_demands_total",
                                    "Mail servers held to a demand for TLS, by result",
                                    {{"policy", "mta-sts"}, {"result", "unmet"}})),
      connections(metrics.gauge("relevo_connections_out", "Open connections to mail servers")),
      queue(metrics.gauge("relevo_queue_recipients", "Recipients that wait or are being delivered")),
      delivery_seconds(
          metrics.histogram("relevo_delivery_seconds", "Time from acceptance to delivery", delivery_bounds)) {
    for (const bounces::BounceClass kind : bounces::all_bounce_classes())
        replies_.push_back(&metrics.counter("relevo_delivery_replies_total",
                                            "Recipients that were refused, put off or not reached, by reason",
                                            {{"class", name_of(kind)}}));
}

DeliveryEngine::DeliveryEngine(Ports ports, DeliveryOptions options, unsigned shards)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      finder_(ports_.resolver,
              {.host_name = options_.host_name,
               .use_ipv6 = options_.use_ipv6,
               .allow_private_addresses = options_.allow_private_addresses},
              std::random_device{}()),
      connection_limit_(std::max(1U, options_.connection_limit / shards)),
      clock_(ports_.shard),
      chance_(std::random_device{}()),
      drain_(ports_.shard) {
    options_.fresh_content_limit /= shards;
    if (options_.client_name.empty()) options_.client_name = options_.host_name;
}

DeliveryEngine::~DeliveryEngine() = default;

void DeliveryEngine::start() {
    ports_.shard.post([this] {
        queue_.for_each_site([this](Site& site) { schedule(site); });
        ports_.shard.spawn(keep_time());
    });
}

void DeliveryEngine::drain(Deadline deadline, std::function<void()> done) {
    ports_.shard.post([this, deadline, done = std::move(done)]() mutable {
        draining_ = true;
        drained_ = std::move(done);
        for (auto& [site, slots] : idle_)
            for (IdleSlot* slot : slots) slot->wakeup.notify_all();
        clock_.notify_all();
        drain_.notify_all();
        ++running_;  // so that drained_ is called from here if nothing runs
        finished_one();
        if (drained_)
            ports_.shard.spawn([](DeliveryEngine& engine, Deadline until) -> Task<> {
                co_await sleep_until(until);
                if (engine.drained_) std::exchange(engine.drained_, nullptr)();
            }(*this, deadline));
    });
}

void DeliveryEngine::finished_one() {
    --running_;
    if (running_ == 0 && draining_ && drained_) std::exchange(drained_, nullptr)();
}

void DeliveryEngine::enqueue(QueuedRecipients recipients) {
    ports_.shard.post([this, recipients = std::move(recipients)] { take_in(recipients); });
}

void DeliveryEngine::restore(const QueuedRecipients& recipients) {
    Site& site = queue_.site(recipients.site, recipients.route);
    for (const std::uint32_t ordinal : recipients.ordinals)
        add(site,
            {.message = recipients.message,
             .ordinal = ordinal,
             .attempts = recipients.attempts,
             .delay_reported = recipients.delay_reported,
             .fresh = recipients.fresh != nullptr},
            recipients.due);
}

void DeliveryEngine::add(Site& site, QueueEntry entry, WallClock::time_point due) {
    queue_.add(site, entry, due, WallClock::now());
    ports_.metrics.queue.add();
}

std::vector<QueueEntry> DeliveryEngine::finish(Site& site, MessageId message, std::span<const std::uint32_t> ordinals) {
    const std::size_t before = queue_.size();
    auto again = queue_.finish(site, message, ordinals);
    ports_.metrics.queue.subtract(static_cast<std::int64_t>(before - queue_.size()));
    return again;
}

// Ends a lease that led to no attempt: what came again meanwhile is looked at again, its row tells whether it waits.
void DeliveryEngine::finish_unattempted(Site& site, MessageId message, std::span<const std::uint32_t> ordinals) {
    for (const QueueEntry& entry : finish(site, message, ordinals)) add(site, entry, WallClock::now());
}

void DeliveryEngine::take_in(const QueuedRecipients& recipients) {
    Site& site = queue_.site(recipients.site, recipients.route);
    site.set_route(recipients.route);
    if (recipients.fresh && fresh_octets_ + recipients.fresh->content->size() <= options_.fresh_content_limit) {
        Fresh& fresh = fresh_[recipients.message];
        if (!fresh.message) {
            fresh.message = recipients.fresh;
            fresh_octets_ += recipients.fresh->content->size();
        }
        fresh.remaining += recipients.ordinals.size();
    }
    restore(recipients);
    wake_for(recipients.site);
}

// Something was added to this destination.
void DeliveryEngine::wake_for(std::string_view key) {
    if (Site* site = queue_.find(key)) schedule(*site);
    const auto due = queue_.next_due();
    if (due && (!clock_set_for_ || *due < *clock_set_for_)) clock_.notify_all();
}

void DeliveryEngine::release_fresh(MessageId message, std::size_t recipients) {
    const auto found = fresh_.find(message);
    if (found == fresh_.end()) return;
    found->second.remaining -= std::min(recipients, found->second.remaining);
    if (found->second.remaining > 0) return;
    fresh_octets_ -= found->second.message->content->size();
    fresh_.erase(found);
}

Task<> DeliveryEngine::keep_time() {
    while (!draining_) {
        queue_.wake(WallClock::now(), [this](Site& site) { schedule(site); });
        while (!probes_.empty() && probes_.begin()->first <= Clock::now()) {
            const std::string key = std::move(probes_.begin()->second);
            probes_.erase(probes_.begin());
            if (Site* site = queue_.find(key)) probe(*site);
        }
        Deadline deadline = Clock::now() + longest_sleep;
        clock_set_for_ = queue_.next_due();
        if (clock_set_for_)
            deadline = std::min(
                deadline, Clock::now() + std::max(Clock::duration::zero(), std::chrono::duration_cast<Clock::duration>(
                                                                               *clock_set_for_ - WallClock::now())));
        if (!probes_.empty()) deadline = std::min(deadline, probes_.begin()->first);
        co_await clock_.wait(deadline);
    }
}

// The back-off of a destination is over. With nothing left to deliver there is nothing to remember it for.
void DeliveryEngine::probe(Site& site) {
    schedule(site);
    if (!site.is_empty() || Clock::now() < site.not_before) return;
    site.last_problem.clear();
    site.failures_in_a_row = 0;
    forget_if_done(site);
}

void DeliveryEngine::schedule(Site& site) {
    if (draining_ || site.suspended) return;
    const RouteKind kind = site.route().kind;
    const bool connects = kind == RouteKind::mail_exchanger || kind == RouteKind::smarthost || kind == RouteKind::lmtp;
    auto idle = idle_.find(&site);
    while (site.ready_count() > 0) {
        if (idle != idle_.end() && !idle->second.empty()) {
            auto lease = queue_.lease(site, options_.recipients_per_transaction);
            if (!lease) return;
            IdleSlot* slot = idle->second.back();  // the one used last: the others may time out
            idle->second.pop_back();
            slot->lease = std::move(lease);
            slot->wakeup.notify_all();
            continue;
        }
        if (Clock::now() < site.not_before) return;
        // A destination that failed is tried by one connection until it answers again.
        const std::uint32_t limit = !connects || site.failures_in_a_row > 0 ? 1 : site.route().connection_limit;
        if (site.connections >= limit) return;
        if (connections_ >= connection_limit_) {
            if (std::ranges::find(starved_, &site) == starved_.end()) starved_.push_back(&site);
            end_an_idle_connection();
            return;
        }
        auto lease = queue_.lease(site, options_.recipients_per_transaction);
        if (!lease) return;
        ++site.connections;
        ++connections_;
        ++running_;
        ports_.shard.spawn(connects ? serve(site, std::move(*lease))
                                    : serve_without_connection(site, std::move(*lease)));
    }
}

// Its place goes to a destination that has none.
void DeliveryEngine::end_an_idle_connection() {
    for (auto& [site, slots] : idle_) {
        if (slots.empty()) continue;
        slots.front()->wakeup.notify_all();
        slots.pop_front();
        return;
    }
}

// A connection of this destination ended.
void DeliveryEngine::leave(Site& site) {
    --site.connections;
    if (site.connections == 0) site.forget_former_routes();
    --connections_;
    schedule(site);
    schedule_starved();
    forget_if_done(site);
    finished_one();
}

// Nothing refers to a destination without connections; one that failed is kept for its back-off.
void DeliveryEngine::forget_if_done(Site& site) {
    if (site.connections > 0) return;
    idle_.erase(&site);
    if (site.is_empty() && site.last_problem.empty() && std::ranges::find(starved_, &site) == starved_.end())
        queue_.forget_if_idle(site);
}

void DeliveryEngine::schedule_starved() {
    if (starved_.empty()) return;
    for (Site* site : std::exchange(starved_, {})) schedule(*site);
}

void DeliveryEngine::connect_not_before(Site& site, Deadline time) {
    site.not_before = time;
    probes_.emplace(site.not_before, site.key());
    clock_.notify_all();
}

// `began`: when we set out to connect. Several may be under way when a server fails: that is one
// failure, not one for each.
void DeliveryEngine::back_off(Site& site, const std::string& problem, Deadline began) {
    site.last_problem = problem;
    if (began < site.failed_at) return;
    const auto& delays = site.route().retry.delays;
    const auto first = std::min<std::chrono::milliseconds>(options_.first_back_off, delays.front());
    const auto longest = std::min<std::chrono::milliseconds>(longest_back_off, std::ranges::max(delays));
    const auto doubled = first * (1U << std::min(site.failures_in_a_row, 10U));
    ++site.failures_in_a_row;
    const auto share = 0.8 + 0.4 * std::uniform_real_distribution<>()(chance_);
    site.failed_at = Clock::now();
    connect_not_before(
        site, site.failed_at + std::chrono::duration_cast<Clock::duration>(
                                   std::min<std::chrono::duration<double, std::milli>>(doubled, longest) * share));
    ports_.log.warning(
        "delivery.back_off",
        {{"site", site.key()},
         {"failures", site.failures_in_a_row},
         {"seconds", std::chrono::duration_cast<std::chrono::seconds>(site.not_before - Clock::now()).count()},
         {"problem", problem}});
}

// A server that has no room for one connection is not down: it gets one probe soon, before any mail is put off.
void DeliveryEngine::pause(Site& site) {
    site.failures_in_a_row = std::max(1U, site.failures_in_a_row);
    connect_not_before(site, Clock::now() + std::min<std::chrono::milliseconds>(busy_pause, options_.first_back_off));
}

SiteStatus DeliveryEngine::status_of(const Site& site) const {
    SiteStatus status{.key = site.key(),
                      .route = site.route().name,
                      .ready = site.ready_count(),
                      .waiting = site.waiting_count(),
                      .active = site.leased_count(),
                      .connections = site.connections,
                      .suspended = site.suspended,
                      .last_problem = site.last_problem,
                      .next_connection = std::nullopt};
    if (site.not_before > Clock::now())
        status.next_connection =
            WallClock::now() + std::chrono::duration_cast<WallClock::duration>(site.not_before - Clock::now());
    return status;
}

std::vector<SiteStatus> DeliveryEngine::sites() {
    std::vector<SiteStatus> all;
    queue_.for_each_site([&](Site& site) { all.push_back(status_of(site)); });
    return all;
}

std::optional<SiteStatus> DeliveryEngine::site(std::string_view key) {
    const Site* found = queue_.find(key);
    if (found == nullptr) return std::nullopt;
    return status_of(*found);
}

std::set<DeliveryId> DeliveryEngine::leased_of(const std::vector<DeliveryId>& ids) const {
    std::set<DeliveryId> leased;
    std::ranges::copy_if(ids, std::inserter(leased, leased.end()),
                         [this](const DeliveryId& id) { return queue_.is_leased(id); });
    return leased;
}

void DeliveryEngine::suspend(std::string_view key, bool suspended) {
    Site* site = queue_.find(key);
    if (site == nullptr) {
        if (!suspended) return;
        const auto [unused, route] = ports_.dispatcher.site_of(key, TenantId{});
        site = &queue_.site(key, route);
    }
    site->suspended = suspended;
    schedule(*site);
}

void DeliveryEngine::remove(std::string_view key, const std::set<DeliveryId>& chosen) {
    Site* site = queue_.find(key);
    if (site == nullptr) return;
    const std::size_t removed = queue_.remove_if(*site, [&](const QueueEntry& entry) {
        if (!chosen.contains({entry.message, entry.ordinal})) return false;
        release_fresh(entry.message, 1);
        return true;
    });
    ports_.metrics.queue.subtract(static_cast<std::int64_t>(removed));
}

void DeliveryEngine::retry(std::string_view key, const std::set<DeliveryId>& chosen) {
    Site* site = queue_.find(key);
    if (site == nullptr) return;
    queue_.retry_if(*site, [&](const QueueEntry& entry) { return chosen.contains({entry.message, entry.ordinal}); });
    site->not_before = Deadline::min();
    schedule(*site);
}

}  // namespace relevo
