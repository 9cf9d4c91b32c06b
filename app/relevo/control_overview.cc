// The queue as a whole: by destination, by site and source, by tenant, and what waits most.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/json_sites.h"
#include "app/relevo/queue_words.h"
#include "app/relevo/waiting.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <map>

namespace relevo {
namespace {

namespace json = boost::json;

constexpr std::size_t shown_at_top = 10;

std::size_t waiting_at(const DestinationStatus& status) { return status.ready + status.waiting + status.active; }
std::size_t waiting_at(const SiteStatus& status) { return status.ready + status.waiting + status.active; }

template <class T>
void most_first(std::vector<T>& all, std::size_t limit) {
    std::ranges::sort(all, [](const T& a, const T& b) {
        return waiting_at(a) != waiting_at(b) ? waiting_at(a) > waiting_at(b) : a.key < b.key;
    });
    if (all.size() > limit) all.resize(limit);
}

Result<std::size_t> page_of(const json::object& arguments, std::size_t usual) {
    RELEVO_TRY(const auto limit, number_member(arguments, "limit"));
    if (limit && *limit < 1) return failure(ErrorKind::invalid, "\"limit\" is at least 1");
    return std::min(longest_page, limit ? static_cast<std::size_t>(*limit) : usual);
}

// What waits of each tenant, all streams together.
struct TenantLoad {
    TenantId tenant;
    std::size_t ready = 0, waiting = 0;
    MessageId oldest;
    std::vector<FlowTally> streams;
};

std::vector<TenantLoad> loads_of(const QueueTally& tally) {
    std::map<TenantId, TenantLoad> loads;
    for (const FlowTally& flow : tally.flows) {
        TenantLoad& load = loads[flow.flow.tenant];
        load.tenant = flow.flow.tenant;
        load.ready += flow.ready;
        load.waiting += flow.waiting;
        if (load.oldest == MessageId{} || flow.oldest < load.oldest) load.oldest = flow.oldest;
        load.streams.push_back(flow);
    }
    std::vector<TenantLoad> all;
    for (auto& [id, load] : loads) all.push_back(std::move(load));
    std::ranges::sort(all, [](const TenantLoad& a, const TenantLoad& b) {
        return a.ready + a.waiting != b.ready + b.waiting ? a.ready + a.waiting > b.ready + b.waiting
                                                          : a.tenant < b.tenant;
    });
    return all;
}

json::object json_of(const TenantLoad& load, const std::string& name) {
    json::array streams;
    for (const FlowTally& flow : load.streams)
        streams.emplace_back(json::object{{"stream", mail::name_of(flow.flow.stream)},
                                          {"ready", flow.ready},
                                          {"waiting", flow.waiting},
                                          {"oldest", json_time(time_of(flow.oldest))}});
    return {{"tenant", json_text_or_null(name)},
            {"ready", load.ready},
            {"waiting", load.waiting},
            {"oldest", json_time(time_of(load.oldest))},
            {"streams", std::move(streams)}};
}

// One line about what keeps a destination; null if nothing is due there.
json::value why_of(const DestinationStatus& status, const std::vector<Spool::Suspension>& suspensions,
                   mail::Language language) {
    if (status.ready == 0 && suspension_of(status.key, &status, suspensions) == nullptr) return nullptr;
    return json::string(
        why_due_mail_waits(status.key, &status, nullptr, suspensions, WallClock::now()).sentence.in(language));
}

json::object json_of(const DestinationStatus& status, const std::vector<Spool::Suspension>& suspensions) {
    const auto* suspension = suspension_of(status.key, &status, suspensions);
    return {{"destination", status.key},
            {"site", json_text_or_null(status.site)},
            {"provider", json_text_or_null(status.provider)},
            {"route", status.route},
            {"ready", status.ready},
            {"waiting", status.waiting},
            {"active", status.active},
            {"connections", status.connections},
            {"suspended", status.suspended || status.site_suspended},
            {"suspension_reason", suspension != nullptr ? json_text_or_null(suspension->reason) : json::value(nullptr)},
            {"hindrance",
             status.hindered ? json::value(name_of(status.hindered->permission.hindrance)) : json::value(nullptr)},
            {"last_problem", json_text_or_null(status.last_problem)},
            {"next_connection_at", status.next_connection ? json_time(*status.next_connection) : json::value(nullptr)}};
}

}  // namespace

Task<Control::Answer> Control::perform_overview(std::string command, Arguments arguments) {
    if (command == "queue.summary") co_return co_await summarise_queue(std::move(arguments));
    if (command == "queue.site") co_return co_await show_queue_of_sites(std::move(arguments));
    if (command == "queue.tenant") co_return co_await show_queue_of_tenants(std::move(arguments));
    if (command == "queue.top") co_return co_await show_queue_top(std::move(arguments));
    if (command == "server.pulse") co_return co_await take_pulse(std::move(arguments));
    co_return failure(ErrorKind::unsupported, "there is no such command");
}

Task<std::vector<DestinationStatus>> Control::all_destinations() {
    std::vector<DestinationStatus> all;
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        auto some = co_await on_shard<std::vector<DestinationStatus>>(engine->shard(),
                                                                      [engine] { return engine->destinations(); });
        std::ranges::move(some, std::back_inserter(all));
    }
    co_return all;
}

Task<std::vector<SiteStatus>> Control::all_sites() {
    std::vector<SiteStatus> all;
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        auto some = co_await on_shard<std::vector<SiteStatus>>(engine->shard(), [engine] { return engine->sites(); });
        std::ranges::move(some, std::back_inserter(all));
    }
    co_return all;
}

Task<QueueTally> Control::whole_tally(std::set<std::string> destinations) {
    QueueTally whole;
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        auto some = co_await on_shard<QueueTally>(engine->shard(),
                                                  [engine, destinations] { return engine->tally(destinations); });
        for (const FlowTally& flow : some.flows) {
            const auto known = std::ranges::find(whole.flows, flow.flow, &FlowTally::flow);
            if (known == whole.flows.end()) {
                whole.flows.push_back(flow);
                continue;
            }
            known->ready += flow.ready;
            known->waiting += flow.waiting;
            known->oldest = std::min(known->oldest, flow.oldest);
        }
        for (const auto& [key, oldest] : some.oldest) {
            if (oldest == MessageId{}) continue;
            const auto [place, is_new] = whole.oldest.emplace(key, oldest);
            if (!is_new) place->second = std::min(place->second, oldest);
        }
    }
    co_return whole;
}

Task<Control::Answer> Control::summarise_queue(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"limit"}));
    RELEVO_CO_TRY(const std::size_t page, page_of(arguments, default_page));
    std::vector<DestinationStatus> destinations = co_await all_destinations();
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> suspensions, co_await context_.store.spool().suspensions());
    std::size_t waiting = 0, active = 0;
    for (const DestinationStatus& status : destinations) {
        waiting += status.ready + status.waiting;
        active += status.active;
    }
    const std::size_t in_all = destinations.size();
    most_first(destinations, page);
    json::array list;
    for (const DestinationStatus& status : destinations) list.emplace_back(json_of(status, suspensions));
    DeliveryFilter held;
    held.state = DeliveryState::held;
    RELEVO_CO_TRY(const auto held_rows, co_await context_.store.spool().list(held, 0, longest_page));
    RELEVO_CO_TRY(const auto oldest, co_await context_.store.spool().list({}, 0, 1));
    co_return json::object{{"destinations", std::move(list)},
                           {"destination_count", in_all},
                           {"waiting", waiting},
                           {"active", active},
                           {"held", held_rows.size()},
                           {"oldest", oldest.empty() ? json::value(nullptr) : json_time(oldest.front().accepted_at)}};
}

Task<Control::Answer> Control::show_queue_of_sites(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"site", "limit"}));
    RELEVO_CO_TRY(const auto name, text_member(arguments, "site"));
    RELEVO_CO_TRY(const std::size_t page, page_of(arguments, default_page));
    std::vector<SiteStatus> sites;
    if (name) {
        RELEVO_CO_TRY(sites, co_await sites_named(*name));
    } else {
        sites = co_await all_sites();
    }
    const std::size_t in_all = sites.size();
    most_first(sites, page);
    json::array list;
    for (const SiteStatus& site : sites) list.emplace_back(json_summary_of(site, context_.default_language));
    co_return json::object{{"sites", std::move(list)}, {"site_count", in_all}};
}

Task<Control::Answer> Control::show_queue_of_tenants(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"limit"}));
    RELEVO_CO_TRY(const std::size_t page, page_of(arguments, default_page));
    std::vector<TenantLoad> loads = loads_of(co_await whole_tally({}));
    const std::size_t in_all = loads.size();
    if (loads.size() > page) loads.resize(page);
    json::array list;
    for (const TenantLoad& load : loads) list.emplace_back(json_of(load, tenant_name(load.tenant)));
    co_return json::object{{"tenants", std::move(list)}, {"tenant_count", in_all}};
}

Task<Control::Answer> Control::show_queue_top(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"limit"}));
    RELEVO_CO_TRY(const std::size_t page, page_of(arguments, shown_at_top));
    std::vector<DestinationStatus> destinations = co_await all_destinations();
    std::erase_if(destinations, [](const DestinationStatus& status) { return waiting_at(status) == 0; });
    most_first(destinations, page);
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> suspensions, co_await context_.store.spool().suspensions());
    std::set<std::string> keys;
    for (const DestinationStatus& status : destinations) keys.insert(status.key);
    const QueueTally tally = co_await whole_tally(std::move(keys));
    json::array list;
    for (const DestinationStatus& status : destinations) {
        json::object told = json_of(status, suspensions);
        const auto oldest = tally.oldest.find(status.key);
        told["oldest"] = oldest != tally.oldest.end() ? json_time(time_of(oldest->second)) : json::value(nullptr);
        told["why"] = why_of(status, suspensions, context_.default_language);
        list.emplace_back(std::move(told));
    }
    co_return json::object{{"destinations", std::move(list)}};
}

// Everything that `relevo top` shows, at one moment; rates come from two of them.
Task<Control::Answer> Control::take_pulse(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"limit", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const std::size_t page, page_of(arguments, shown_at_top));
    std::vector<SiteStatus> sites = co_await all_sites();
    const std::size_t in_all = sites.size();
    json::object hindrances;
    const auto count = [&](std::string_view word) {
        json::value& so_far = hindrances[word];
        so_far = so_far.is_int64() ? so_far.get_int64() + 1 : 1;
    };
    std::size_t ready = 0, waiting = 0, active = 0;
    for (const SiteStatus& site : sites) {
        if (site.suspended) count("suspended");
        for (const LaneStatus& lane : site.lanes) {
            if (lane.hindered) count(name_of(lane.hindered->permission.hindrance));
        }
    }
    const std::vector<DestinationStatus> destinations = co_await all_destinations();
    for (const DestinationStatus& status : destinations) {
        ready += status.ready;
        waiting += status.waiting;
        active += status.active;
    }
    most_first(sites, page);
    json::array site_list, tenant_list;
    for (const SiteStatus& site : sites) site_list.emplace_back(json_summary_of(site, language));
    std::vector<TenantLoad> loads = loads_of(co_await whole_tally({}));
    if (loads.size() > page) loads.resize(page);
    for (const TenantLoad& load : loads) tenant_list.emplace_back(json_of(load, tenant_name(load.tenant)));
    co_return json::object{{"time", json_time(WallClock::now())},
                           {"totals", context_.totals ? context_.totals() : json::object()},
                           {"queue", json::object{{"ready", ready}, {"waiting", waiting}, {"active", active}}},
                           {"hindrances", std::move(hindrances)},
                           {"sites", std::move(site_list)},
                           {"site_count", in_all},
                           {"tenants", std::move(tenant_list)}};
}

}  // namespace relevo
