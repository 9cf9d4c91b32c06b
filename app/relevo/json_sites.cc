#include "app/relevo/json_sites.h"

#include "app/relevo/json_arguments.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

std::string_view state_of(const shaping::ThrottleStatus& status) {
    using Phase = shaping::AdaptivePace::Phase;
    if (status.pace.phase == Phase::blocked) return "blocked";
    if (status.pace.phase == Phase::pausing) return "paused";
    return status.pace.rate > 0 || status.learned_connections > 0 ? "slowed" : "open";
}

json::value json_until(shaping::Time until) {
    return until == shaping::never ? json::value(nullptr) : json_time(until);
}

json::value json_of(const shaping::Permission& permission, const shaping::PathNames& names, mail::Language language) {
    if (permission.granted()) return nullptr;
    return json::object{{"hindrance", name_of(permission.hindrance)},
                        {"until", json_until(permission.until)},
                        {"sentence", explain(permission, names, WallClock::now(), language)}};
}

json::object limits_in_force(const shaping::Limits& limits) {
    json::object told;
    shaping::for_each_limit([&](std::string_view name, auto member) {
        if (const auto& value = limits.*member) told[name] = std::string(shaping::text_of(*value));
    });
    return told;
}

json::array changes_of(const shaping::ThrottleStatus& status, mail::Language language) {
    json::array changes;
    for (const shaping::ChangeEntry& entry : status.changes)
        changes.emplace_back(json::object{
            {"time", json_time(entry.time())},
            {"change", name_of(entry.change)},
            {"cause", entry.cause == bounces::BounceClass::delivered ? json::value(nullptr)
                                                                     : json::value(bounces::name_of(entry.cause))},
            {"text", entry.text(language)}});
    return changes;
}

json::object lane_line(const LaneStatus& lane) {
    return {
        {"source", lane.source},
        {"ready", lane.ready},
        {"connections", lane.connections},
        {"connection_limit", lane.connection_limit},
        {"state", state_of(lane.throttle)},
        {"accepted_rate", lane.throttle.accepted_rate},
        {"messages_of_hour", static_cast<std::int64_t>(lane.throttle.messages_of_hour)},
        {"messages_of_day", static_cast<std::int64_t>(lane.throttle.messages_of_day)},
        {"hindrance", lane.hindered ? json::value(name_of(lane.hindered->permission.hindrance)) : json::value(nullptr)},
        {"until", lane.hindered ? json_until(lane.hindered->permission.until) : json::value(nullptr)},
        {"last_problem", json_text_or_null(lane.last_problem)},
        {"next_connection_at", lane.next_connection ? json_time(*lane.next_connection) : json::value(nullptr)}};
}

// Without its sources.
json::object head_of(const SiteStatus& site) {
    return {{"site", site.key},
            {"provider", json_text_or_null(site.provider)},
            {"shaping_key", site.shaping_key},
            {"destinations", site.destinations},
            {"ready", site.ready},
            {"waiting", site.waiting},
            {"active", site.active},
            {"suspended", site.suspended}};
}

}  // namespace

json::object json_of(const shaping::WarmUpState& state) {
    return {{"target", state.target},     {"sent", state.sent},       {"delivered", state.delivered},
            {"deferred", state.deferred}, {"bounced", state.bounced}, {"complained", state.complained},
            {"ended", state.ended}};
}

json::object json_summary_of(const SiteStatus& site, mail::Language language) {
    json::object told = head_of(site);
    json::array lanes;
    for (const LaneStatus& lane : site.lanes) {
        json::object line = lane_line(lane);
        line["why"] = lane.hindered ? json::value(explain(lane.hindered->permission,
                                                          {.destination = lane.hindered->by, .source = lane.source},
                                                          WallClock::now(), language))
                                    : json::value(nullptr);
        lanes.emplace_back(std::move(line));
    }
    told["sources"] = std::move(lanes);
    return told;
}

json::object json_of(const shaping::Limits& limits, const shaping::ThrottleStatus& status,
                     const shaping::PathNames& names, mail::Language language) {
    const auto learned = [](double value) { return value > 0 ? json::value(value) : json::value(nullptr); };
    return {{"state", state_of(status)},
            {"learned_rate", learned(status.pace.rate)},
            {"learned_ceiling", learned(status.pace.ceiling)},
            {"learned_connections",
             status.learned_connections > 0 ? json::value(status.learned_connections) : json::value(nullptr)},
            {"cause", status.pace.phase == shaping::AdaptivePace::Phase::open
                          ? json::value(nullptr)
                          : json::value(bounces::name_of(status.pace.cause))},
            {"accepted_rate", status.accepted_rate},
            {"connections", status.connections},
            {"messages_of_hour", static_cast<std::int64_t>(status.messages_of_hour)},
            {"messages_of_day", static_cast<std::int64_t>(status.messages_of_day)},
            {"connect", json_of(status.to_connect, names, language)},
            {"send", json_of(status.to_send, names, language)},
            {"warm_up", status.warming_up ? json::value(json_of(status.warm_up)) : json::value(nullptr)},
            {"limits", limits_in_force(limits)},
            {"changes", changes_of(status, language)}};
}

json::object json_of(const SiteStatus& site, mail::Language language) {
    json::object told = head_of(site);
    told["hosts"] = json_list(site.hosts);
    json::array lanes;
    for (const LaneStatus& lane : site.lanes) {
        json::object line = lane_line(lane);
        const std::string& by = site.provider.empty() ? site.key : site.provider;
        for (auto& [name, value] :
             json_of(lane.limits, lane.throttle, {.destination = by, .source = lane.source}, language))
            if (name != "connections") line[name] = value;  // of the path: other sites of the provider are in it
        lanes.emplace_back(std::move(line));
    }
    told["sources"] = std::move(lanes);
    return told;
}

}  // namespace relevo
