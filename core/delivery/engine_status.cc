// What people are told of the deliveries of a shard, and what outlives the process.
#include "core/delivery/engine.h"

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

// More paths than this that nobody uses: what was learned of them is forgotten, so that memory has a bound.
constexpr std::size_t kept_throttles = 100'000;

// How a rule would find the path that a throttle is kept for, before anybody knows its site.
shaping::ShapingQuery query_of(std::string_view shaping_key, std::string_view source) {
    shaping::ShapingQuery query{.domain = {}, .site = {}, .provider = {}, .source = source, .pool = {}, .tenant = {}};
    const std::size_t colon = shaping_key.find(':');
    const std::string_view kind = shaping_key.substr(0, colon);
    const std::string_view name = colon == std::string_view::npos ? shaping_key : shaping_key.substr(colon + 1);
    (kind == "domain" ? query.domain : kind == "provider" ? query.provider : query.site) = name;
    return query;
}

}  // namespace

// nullopt: not in the future.
std::optional<WallClock::time_point> DeliveryEngine::wall_time(Deadline time) {
    const Deadline now = Clock::now();
    if (time <= now) return std::nullopt;
    return WallClock::now() + std::chrono::duration_cast<WallClock::duration>(time - now);
}

// Why no more goes than what is under way.
std::optional<Hindered> DeliveryEngine::hindrance_of(const Lane& lane) const {
    if (lane.ready_count() == 0 || !lane.throttle) return std::nullopt;
    const auto now = WallClock::now();
    shaping::Throttle asked(*lane.throttle);  // asking may move a raise of connections on
    shaping::Permission permission = asked.may_send(now);
    if (permission.granted()) permission = asked.may_connect(now);
    if (permission.granted()) return std::nullopt;
    const Site& site = lane.site();
    return Hindered{.by = site.provider.empty() ? site.key() : site.provider,
                    .source = lane.source_name(),
                    .permission = permission};
}

// Looks at what is due first: the others are of the same destination, and mostly of the same pool.
bool DeliveryEngine::lacks_a_source(const Destination& destination) const {
    const std::optional<std::uint32_t> flow = destination.first_due_flow();
    if (!flow || destination.site == nullptr || destination.suspended) return false;
    const auto egress = ports_.dispatcher.egress();
    const EgressPool& pool = egress->pool_for({.tenant = queue_.flow(*flow).tenant,
                                               .stream = queue_.flow(*flow).stream,
                                               .domain = destination.domain(),
                                               .route = destination.route(),
                                               .wanted = {}});
    return std::ranges::all_of(pool.members, [](const EgressMember& member) { return member.source->drained; });
}

DestinationStatus DeliveryEngine::status_of(const Destination& destination) const {
    DestinationStatus status{.key = destination.key(),
                             .route = destination.route().name,
                             .site = {},
                             .provider = {},
                             .ready = destination.due_count() + destination.ready_count(),
                             .waiting = destination.waiting_count(),
                             .active = destination.leased_count(),
                             .connections = 0,
                             .connection_limit = destination.route().connection_limit,
                             .suspended = destination.suspended,
                             .site_suspended = false,
                             .is_sought = destination.is_sought,
                             .lacks_source = lacks_a_source(destination),
                             .last_problem = {},
                             .next_connection = std::nullopt,
                             .hindered = std::nullopt};
    if (const BackOff* trouble = destination.trouble()) {
        status.last_problem = trouble->last_problem;
        status.next_connection = wall_time(trouble->not_before);
    }
    if (destination.site == nullptr) return status;
    status.site = destination.site->key();
    status.provider = destination.site->provider;
    status.site_suspended = destination.site->suspended;
    for (const auto& lane : destination.site->lanes()) {
        status.connections += lane->connections;
        if (status.last_problem.empty()) status.last_problem = lane->back_off.last_problem;
        if (!status.hindered) status.hindered = hindrance_of(*lane);
        const auto next = wall_time(lane->back_off.not_before);
        if (next && (!status.next_connection || *next > *status.next_connection)) status.next_connection = next;
    }
    return status;
}

std::vector<DestinationStatus> DeliveryEngine::destinations() {
    std::vector<DestinationStatus> all;
    queue_.for_each_destination([&](Destination& destination) {
        const bool tells = !destination.is_empty() || destination.suspended ||
                           (destination.site != nullptr && destination.site->connections() > 0) ||
                           destination.trouble() != nullptr;
        if (tells) all.push_back(status_of(destination));
    });
    return all;
}

std::optional<DestinationStatus> DeliveryEngine::destination(std::string_view key) {
    const Destination* found = queue_.find(key);
    if (found == nullptr) return std::nullopt;
    return status_of(*found);
}

std::vector<SiteStatus> DeliveryEngine::sites() {
    std::unordered_map<const Site*, SiteStatus> found;
    queue_.for_each_site([&](Site& site) {
        SiteStatus status{.key = site.key(),
                          .shaping_key = site.shaping_key,
                          .provider = site.provider,
                          .domain = site.domain,
                          .hosts = {},
                          .destinations = site.destinations(),
                          .suspended = site.suspended,
                          .lanes = {}};
        for (const auto& lane : site.lanes()) {
            if (!lane->throttle) continue;
            status.lanes.push_back({.source = lane->source_name(),
                                    .ready = lane->ready_count(),
                                    .connections = lane->connections,
                                    .connection_limit = site.connection_limit,
                                    .last_problem = lane->back_off.last_problem,
                                    .next_connection = wall_time(lane->back_off.not_before),
                                    .hindered = hindrance_of(*lane),
                                    .limits = lane->throttle->limits(),
                                    .throttle = lane->throttle->status(WallClock::now())});
        }
        found.emplace(&site, std::move(status));
    });
    queue_.for_each_destination([&](Destination& destination) {
        const auto site = found.find(destination.site);
        if (site == found.end()) return;
        site->second.ready += destination.due_count() + destination.ready_count();
        site->second.waiting += destination.waiting_count();
        site->second.active += destination.leased_count();
        if (site->second.hosts.empty() && destination.bearings) site->second.hosts = destination.bearings->hosts.names;
    });
    std::vector<SiteStatus> all;
    for (SiteStatus& status : found | std::views::values) all.push_back(std::move(status));
    return all;
}

std::vector<std::string> DeliveryEngine::destinations_of(std::string_view site, std::size_t most) {
    std::vector<std::string> keys;
    queue_.for_each_destination([&](Destination& destination) {
        if (keys.size() < most && destination.site != nullptr && destination.site->key() == site)
            keys.push_back(destination.key());
    });
    std::ranges::sort(keys);
    return keys;
}

std::set<DeliveryId> DeliveryEngine::leased_of(const std::vector<DeliveryId>& ids) const {
    std::set<DeliveryId> leased;
    std::ranges::copy_if(ids, std::inserter(leased, leased.end()),
                         [this](const DeliveryId& id) { return queue_.is_leased(id); });
    return leased;
}

std::map<std::string, std::string> DeliveryEngine::sites_of(const std::set<std::string>& destinations) {
    std::map<std::string, std::string> sites;
    for (const std::string& key : destinations)
        if (const Destination* destination = queue_.find(key); destination != nullptr && destination->site != nullptr)
            sites.emplace(key, destination->site->key());
    return sites;
}

std::map<DeliveryId, Standing> DeliveryEngine::standings(const std::set<DeliveryId>& ids,
                                                         const std::set<std::string>& destinations) {
    std::set<const Site*> sites;
    for (const std::string& key : destinations)
        if (const Destination* destination = queue_.find(key); destination != nullptr && destination->site != nullptr)
            sites.insert(destination->site);
    std::map<DeliveryId, Standing> found;
    for (const Site* site : sites)
        for (const auto& lane : site->lanes()) {
            std::set<TenantId> tenants;
            lane->for_each_ready(
                [&](shaping::Priority, TenantId tenant, const ReadyEntry&) { tenants.insert(tenant); });
            const Standing common{.source = lane->source_name(),
                                  .before = 0,
                                  .ready = lane->ready_count(),
                                  .connections = lane->connections,
                                  .connection_limit = site->connection_limit,
                                  .no_connection_left = std::ranges::find(starved_, lane.get()) != starved_.end(),
                                  .last_problem = lane->back_off.last_problem,
                                  .next_connection = wall_time(lane->back_off.not_before),
                                  .hindered = hindrance_of(*lane),
                                  .of_tenant = {},
                                  .tenants = tenants.size()};
            std::map<std::pair<shaping::Priority, TenantId>, std::size_t> before;
            lane->for_each_ready([&](shaping::Priority priority, TenantId tenant, const ReadyEntry& ready) {
                const std::size_t place = before[{priority, tenant}]++;
                const DeliveryId id{ready.entry.message, ready.entry.ordinal};
                if (!ids.contains(id)) return;
                Standing standing = common;
                standing.before = place;
                standing.of_tenant = hindrance_of(*site, tenant);
                if (ports_.weight_of) standing.weight = ports_.weight_of(tenant);
                found.emplace(id, std::move(standing));
            });
        }
    return found;
}

QueueTally DeliveryEngine::tally(const std::set<std::string>& destinations) {
    QueueTally tally;
    std::vector<FlowTally> by_flow;
    const auto count = [&](const Destination& destination, const QueueEntry& entry, bool is_waiting,
                           MessageId* oldest) {
        if (entry.flow >= by_flow.size()) by_flow.resize(entry.flow + 1U);
        FlowTally& flow = by_flow[entry.flow];
        ++(is_waiting ? flow.waiting : flow.ready);
        if (flow.oldest == MessageId{} || entry.message < flow.oldest) flow.oldest = entry.message;
        if (oldest == nullptr && destinations.contains(destination.key())) oldest = &tally.oldest[destination.key()];
        if (oldest != nullptr && (*oldest == MessageId{} || entry.message < *oldest)) *oldest = entry.message;
    };
    queue_.for_each_destination([&](Destination& destination) {
        MessageId* oldest = destinations.contains(destination.key()) ? &tally.oldest[destination.key()] : nullptr;
        destination.for_each_entry(
            [&](const QueueEntry& entry, bool is_waiting) { count(destination, entry, is_waiting, oldest); });
    });
    queue_.for_each_site([&](Site& site) {
        for (const auto& lane : site.lanes())
            lane->for_each_ready([&](shaping::Priority, TenantId, const ReadyEntry& ready) {
                count(*ready.destination, ready.entry, false, nullptr);
            });
    });
    for (std::uint32_t index = 0; index < by_flow.size(); ++index) {
        if (by_flow[index].ready + by_flow[index].waiting == 0) continue;
        by_flow[index].flow = queue_.flow(index);
        tally.flows.push_back(by_flow[index]);
    }
    return tally;
}

std::vector<ThrottleReport> DeliveryEngine::throttles(std::string_view source, std::string_view shaping_key) const {
    const auto now = WallClock::now();
    std::vector<ThrottleReport> all;
    for (const auto& [path, kept] : throttles_) {
        if ((!source.empty() && path.first != source) || (!shaping_key.empty() && path.second != shaping_key)) continue;
        all.push_back({.source = path.first,
                       .shaping_key = path.second,
                       .status = kept.throttle->status(now),
                       .limits = kept.throttle->limits()});
    }
    return all;
}

std::size_t DeliveryEngine::forget_learned(std::string_view shaping_key, std::string_view site,
                                           std::string_view source) {
    const auto now = WallClock::now();
    std::size_t forgotten = 0;
    const auto is_meant = [&](std::string_view name) { return source.empty() || source == name; };
    for (const auto& [path, kept] : throttles_) {
        if (path.second != shaping_key || !is_meant(path.first)) continue;
        kept.throttle->forget(now);
        ++forgotten;
    }
    std::vector<Lane*> lanes;
    queue_.for_each_site([&](Site& each) {
        if (each.key() != site && each.shaping_key != shaping_key) return;
        for (const auto& lane : each.lanes())
            if (is_meant(lane->source_name())) lanes.push_back(lane.get());
    });
    for (Lane* lane : lanes) {
        lane->back_off.end();
        lane->closed_until = Deadline::min();
        schedule(*lane);
    }
    return std::max(forgotten, lanes.size());
}

// --- what outlives the process

void DeliveryEngine::restore_throttle(const KeptThrottle& kept) {
    auto limits = std::make_shared<const shaping::Limits>(
        ports_.dispatcher.shaping()->limits(query_of(kept.shaping_key, kept.source)));
    auto throttle = std::make_shared<shaping::Throttle>(std::move(limits));
    throttle->restore(kept.state);
    throttles_[{kept.source, kept.shaping_key}] = {.throttle = std::move(throttle), .written = kept.state};
}

ThrottleChanges DeliveryEngine::take_throttle_changes(std::size_t most) {
    const auto now = WallClock::now();
    ThrottleChanges changes;
    const bool are_too_many = throttles_.size() > kept_throttles;
    auto place = throttles_.upper_bound(written_up_to_);
    for (std::size_t left = throttles_.size(); left > 0 && changes.changed.size() < most; --left) {
        if (place == throttles_.end()) place = throttles_.begin();
        const auto& [path, kept] = *place;
        written_up_to_ = path;
        const bool is_unused = kept.throttle.use_count() == 1;
        if (is_unused && (are_too_many || kept.throttle->is_idle(now))) {
            if (kept.written) changes.forgotten.push_back(path);
            throttled_.erase(kept.throttle.get());
            place = throttles_.erase(place);
            continue;
        }
        const shaping::ThrottleState state = kept.throttle->state();
        if (state != kept.written && (kept.written || state != shaping::ThrottleState{})) {
            changes.changed.push_back({.source = path.first, .shaping_key = path.second, .state = state});
            place->second.written = state;
        }
        ++place;
    }
    return changes;
}

void DeliveryEngine::throttles_not_written() {
    for (Kept& kept : throttles_ | std::views::values)
        kept.written = shaping::ThrottleState{.learned_connections = UINT16_MAX};
}

}  // namespace relevo
