// Where mail leaves from.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/json_sites.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

json::object json_of(const dns::IpAddress& address, const Result<setup::AddressNames>* names) {
    json::object told{{"address", address.text()}};
    if (names == nullptr) return told;
    if (!names->has_value()) {
        told["status"] = "unknown";
        told["problem"] = names->error().detail;
        return told;
    }
    told["status"] = !(*names)->confirmed.empty() ? "confirmed" : (*names)->names.empty() ? "no name" : "unconfirmed";
    told["names"] = json_list((*names)->names);
    told["confirmed"] = json_list((*names)->confirmed);
    return told;
}

json::array pools_with(const EgressSource& source, const EgressTable& table) {
    json::array told;
    for (const EgressPool& pool : table.pools()) {
        double total = 0;
        std::uint32_t weight = 0;
        for (const EgressMember& member : pool.members) {
            if (!member.source->drained) total += member.weight;
            if (member.source.get() == &source) weight = member.weight;
        }
        if (weight == 0) continue;
        told.emplace_back(json::object{{"name", pool.name},
                                       {"weight", weight},
                                       {"share", source.drained ? 0.0 : static_cast<double>(weight) / total}});
    }
    return told;
}

// Who drained a source, and why; null if it is active.
json::value drain_of(const EgressSource& source, const Drains& drains) {
    if (!source.drained) return nullptr;
    const auto found = drains.find(source.name);
    if (found == drains.end())
        return json::object{{"by", "configuration"}, {"reason", nullptr}, {"since", nullptr}, {"until", nullptr}};
    const Drain& drain = found->second;
    return json::object{{"by", name_of(drain.cause)},
                        {"reason", json_text_or_null(drain.reason)},
                        {"since", json_time(drain.since)},
                        {"until", json_time(drain.until)}};
}

json::value json_of(const std::optional<EgressProxy>& proxy) {
    if (!proxy) return nullptr;
    return json::object{{"protocol", name_of(proxy->protocol)}, {"address", proxy->endpoint.text()}};
}

}  // namespace

Task<Control::Answer> Control::list_sources(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"look"}));
    RELEVO_CO_TRY(const auto look, flag_member(arguments, "look"));
    const bool looks = look.value_or(true);
    if (looks && context_.inspection == nullptr) co_return failure(ErrorKind::unsupported, "this process asks no DNS");
    Drains drains;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(drains, load_drains(reader));
        return {};
    }));
    const std::shared_ptr<const EgressTable> table = context_.egress();
    std::vector<dns::IpAddress> addresses;
    for (const auto& source : table->sources())
        std::ranges::copy(source->seen_addresses(), std::back_inserter(addresses));
    std::vector<Result<setup::AddressNames>> names;
    if (looks) names = co_await context_.inspection->names_of(addresses);
    std::size_t next = 0;
    json::array sources;
    for (const auto& source : table->sources()) {
        json::array seen;
        for (const dns::IpAddress& address : source->seen_addresses()) {
            seen.emplace_back(json_of(address, looks ? &names[next] : nullptr));
            ++next;
        }
        sources.emplace_back(json::object{{"name", source->name},
                                          {"state", source->drained ? "drained" : "active"},
                                          {"drain", drain_of(*source, drains)},
                                          {"ehlo_name", source->client_name},
                                          {"ipv4", source->ipv4.has_value()},
                                          {"ipv6", source->ipv6.has_value()},
                                          {"addresses", std::move(seen)},
                                          {"proxy", json_of(source->proxy)},
                                          {"pools", pools_with(*source, *table)}});
    }
    co_return json::object{{"sources", std::move(sources)}, {"fallback_pool", table->fallback().name}};
}

Task<Control::Answer> Control::drain_source(Arguments arguments, bool drained) {
    RELEVO_CO_CHECK(check_members(arguments, {"source", "reason"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "source"));
    RELEVO_CO_TRY(const auto reason, text_member(arguments, "reason"));
    const std::shared_ptr<const EgressTable> table = context_.egress();
    const EgressSource* source = table->find_source(name);
    if (source == nullptr)
        co_return failure(ErrorKind::not_found, fmt::format("there is no source \"{}\"", printable(name, 60)));
    bool was_drained_here = false;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const Drains drains, load_drains(transaction));
        was_drained_here = drains.contains(name);
        EventWriter& events = context_.store.spool().events();
        if (!drained) return remove_drain(transaction, events, name, WallClock::now());
        return save_drain(transaction, events, name,
                          {.cause = DrainCause::person,
                           .reason = reason.value_or(""),
                           .since = WallClock::now(),
                           .until = {},
                           .times = 0});
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    if (context_.refresh_drains) RELEVO_CO_CHECK(co_await context_.refresh_drains());
    // What the file drains, only the file gives back.
    const EgressSource* after = context_.egress()->find_source(name);
    if (!drained && !was_drained_here && after != nullptr && after->drained)
        co_return failure(
            ErrorKind::conflict,
            fmt::format("the configuration drains {}: take \"drained = true\" out of it and reload", name));
    json::array without;
    for (const EgressPool& pool : context_.egress()->pools())
        if (std::ranges::all_of(pool.members, [&](const EgressMember& member) {
                return member.source->drained || (drained && member.source->name == name);
            }))
            without.emplace_back(pool.name);
    co_return json::object{{"source", name}, {"drained", drained}, {"pools_without_source", std::move(without)}};
}

// Where a source gets known, and how far it has come.
Task<Control::Answer> Control::show_warm_up(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"source", "provider"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "source"));
    RELEVO_CO_TRY(const auto provider, text_member(arguments, "provider"));
    if (context_.egress()->find_source(name) == nullptr)
        co_return failure(ErrorKind::not_found, fmt::format("there is no source \"{}\"", printable(name, 60)));
    json::array paths;
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        const auto all = co_await on_shard<std::vector<ThrottleReport>>(
            engine->shard(), [engine, name] { return engine->throttles(name); });
        for (const ThrottleReport& path : all) {
            if (path.limits.warm_up_start.value_or(0) == 0) continue;
            if (provider && path.shaping_key != "provider:" + to_lower(*provider)) continue;
            json::object told = json_of(path.status.warm_up);
            told["shaping_key"] = path.shaping_key;
            told["start"] = *path.limits.warm_up_start;
            told["factor"] = path.limits.warm_up_factor.value_or(1.5);
            told["full"] = path.limits.warm_up_full ? json::value(*path.limits.warm_up_full) : json::value(nullptr);
            paths.emplace_back(std::move(told));
        }
    }
    json::array rules;
    for (const shaping::Rule& rule : context_.shaping()->rules()) {
        const bool fits =
            (rule.selectors.source.empty() || rule.selectors.source == name) &&
            (!provider || rule.selectors.provider.empty() || rule.selectors.provider == to_lower(*provider));
        if (fits && rule.values.warm_up_start.value_or(0) > 0)
            rules.emplace_back(json::object{
                {"for", rule.selectors.text()}, {"start", *rule.values.warm_up_start}, {"origin", rule.origin}});
    }
    co_return json::object{{"source", name}, {"rules", std::move(rules)}, {"paths", std::move(paths)}};
}

}  // namespace relevo
