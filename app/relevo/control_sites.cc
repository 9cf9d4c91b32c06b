// Sites: the mail servers that destinations share, and what is known of the paths to them.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/json_sites.h"
#include "app/relevo/queue_words.h"
#include "app/relevo/waiting.h"
#include "core/routing/site_key.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

constexpr std::size_t shown_destinations = 100;

json::array json_of(const std::vector<shaping::ExplainedValue>& values) {
    json::array told;
    for (const shaping::ExplainedValue& value : values) {
        json::array overrides;
        for (const auto& other : value.overrides)
            overrides.emplace_back(json::object{{"value", other.value}, {"origin", other.origin}});
        told.emplace_back(json::object{{"name", value.name},
                                       {"value", value.value},
                                       {"origin", value.origin},
                                       {"overrides", std::move(overrides)}});
    }
    return told;
}

// The first pool that a source is in: its rules count.
std::string pool_of(const EgressTable& table, std::string_view source) {
    for (const EgressPool& pool : table.pools())
        if (std::ranges::any_of(pool.members, [&](const auto& member) { return member.source->name == source; }))
            return pool.name;
    return {};
}

}  // namespace

Task<Control::Answer> Control::perform_sites(std::string command, Arguments arguments) {
    if (command == "site.list") co_return co_await list_sites(std::move(arguments));
    if (command == "site.show") co_return co_await show_site(std::move(arguments));
    if (command == "site.suspend") co_return co_await suspend_site(std::move(arguments), true);
    if (command == "site.resume") co_return co_await suspend_site(std::move(arguments), false);
    if (command == "site.forget") co_return co_await forget_site(std::move(arguments));
    if (command == "site.explain") co_return co_await explain_site(std::move(arguments));
    co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
}

// By its key, its provider, or one of its destinations. Errors: not_found.
Task<Result<std::vector<SiteStatus>>> Control::sites_named(std::string given) {
    std::string name = to_lower(given);
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        const auto status = co_await on_shard<std::optional<DestinationStatus>>(
            engine->shard(), [engine, name] { return engine->destination(name); });
        if (status && !status->site.empty()) {
            name = status->site;
            break;
        }
    }
    std::vector<SiteStatus> sites = co_await all_sites();
    std::erase_if(sites, [&](const SiteStatus& site) { return site.key != name && site.provider != name; });
    if (sites.empty())
        co_return failure(ErrorKind::not_found,
                          fmt::format("nothing is known of a site \"{}\": no mail goes there now. `relevo site list` "
                                      "shows those in use; `relevo site explain` looks a domain up",
                                      printable(given, 100)));
    co_return sites;
}

Task<Control::Answer> Control::list_sites(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"limit", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    std::vector<SiteStatus> sites = co_await all_sites();
    const std::size_t in_all = sites.size();
    std::ranges::sort(sites, [](const SiteStatus& a, const SiteStatus& b) {
        return std::tie(b.ready, a.key) < std::tie(a.ready, b.key);
    });
    const std::size_t page =
        std::min(longest_page, limit && *limit > 0 ? static_cast<std::size_t>(*limit) : default_page);
    if (sites.size() > page) sites.resize(page);
    json::array list;
    for (const SiteStatus& site : sites) list.emplace_back(json_summary_of(site, language));
    json::array suspended;
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> suspensions, co_await context_.store.spool().suspensions());
    for (const Spool::Suspension& suspension : suspensions)
        if (suspension.site.starts_with(site_prefix) || suspension.site.starts_with(provider_prefix))
            suspended.emplace_back(json::object{{"site", suspension.site.substr(suspension.site.find(':') + 1)},
                                                {"is_provider", suspension.site.starts_with(provider_prefix)},
                                                {"reason", json_text_or_null(suspension.reason)},
                                                {"since", json_time(suspension.since)}});
    co_return json::object{{"sites", std::move(list)}, {"site_count", in_all}, {"suspended", std::move(suspended)}};
}

Task<Control::Answer> Control::show_site(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"site"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "site"));
    RELEVO_CO_TRY(const std::vector<SiteStatus> sites, co_await sites_named(name));
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> suspensions, co_await context_.store.spool().suspensions());
    json::array list;
    for (const SiteStatus& site : sites) {
        json::object told = relevo::json_of(site, context_.default_language);
        DeliveryEngine& engine = context_.dispatcher->engine_of_site(site.shaping_key);
        const auto keys = co_await on_shard<std::vector<std::string>>(
            engine.shard(), [&engine, key = site.key] { return engine.destinations_of(key, shown_destinations); });
        told["destination_names"] = json_list(keys);
        DestinationStatus as_status;
        as_status.site = site.key;
        as_status.provider = site.provider;
        const auto* suspension = suspension_of({}, &as_status, suspensions);
        told["suspension_reason"] =
            suspension != nullptr ? json_text_or_null(suspension->reason) : json::value(nullptr);
        list.emplace_back(std::move(told));
    }
    co_return json::object{{"sites", std::move(list)}};
}

// A name that the shaping rules know is a provider; any other is a site, whether mail goes there now or not.
Task<Control::Answer> Control::suspend_site(Arguments arguments, bool suspended) {
    RELEVO_CO_CHECK(check_members(arguments, {"site", "reason"}));
    RELEVO_CO_TRY(const std::string given, required_text(arguments, "site"));
    RELEVO_CO_TRY(const auto reason, text_member(arguments, "reason"));
    const std::string name = to_lower(given);
    const bool is_provider = context_.shaping()->knows_provider(name);
    const std::string key = std::string(is_provider ? provider_prefix : site_prefix) + name;
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> before, co_await context_.store.spool().suspensions());
    if (!suspended && std::ranges::find(before, key, &Spool::Suspension::site) == before.end())
        co_return failure(ErrorKind::not_found, fmt::format("{} is not suspended", printable(given, 100)));
    RELEVO_CO_CHECK(co_await context_.store.spool().set_suspension(
        key, suspended ? std::optional(reason.value_or("")) : std::nullopt));
    std::size_t sites = 0;
    if (context_.dispatcher != nullptr) {
        std::set<std::string> all;
        RELEVO_CO_TRY(const std::vector<Spool::Suspension> after, co_await context_.store.spool().suspensions());
        for (const Spool::Suspension& one : after)
            if (one.site.starts_with(site_prefix) || one.site.starts_with(provider_prefix)) all.insert(one.site);
        context_.dispatcher->set_suspended_sites(std::move(all));
        const std::vector<SiteStatus> known = co_await all_sites();
        sites = static_cast<std::size_t>(std::ranges::count_if(
            known, [&](const SiteStatus& site) { return (is_provider ? site.provider : site.key) == name; }));
    }
    co_return json::object{{"site", name}, {"is_provider", is_provider}, {"suspended", suspended}, {"sites", sites}};
}

Task<Control::Answer> Control::forget_site(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"site", "source", "dry_run"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "site"));
    RELEVO_CO_TRY(const auto source, text_member(arguments, "source"));
    RELEVO_CO_TRY(const auto dry_run, flag_member(arguments, "dry_run"));
    RELEVO_CO_TRY(const std::vector<SiteStatus> sites, co_await sites_named(name));
    std::set<std::string> keys;
    std::size_t count = 0;
    json::array paths;
    for (const SiteStatus& site : sites) {
        if (!keys.insert(site.shaping_key).second) continue;
        DeliveryEngine& engine = context_.dispatcher->engine_of_site(site.shaping_key);
        const auto all = co_await on_shard<std::vector<ThrottleReport>>(
            engine.shard(),
            [&engine, only = source.value_or(""), key = site.shaping_key] { return engine.throttles(only, key); });
        for (const ThrottleReport& path : all)
            paths.emplace_back(json::object{{"source", path.source}, {"shaping_key", path.shaping_key}});
        count += all.size();
        if (dry_run.value_or(false)) continue;
        static_cast<void>(co_await on_shard<std::size_t>(
            engine.shard(), [&engine, shaping_key = site.shaping_key, key = site.key, only = source.value_or("")] {
                return engine.forget_learned(shaping_key, key, only);
            }));
    }
    co_return json::object{{"count", count}, {"changed", !dry_run.value_or(false)}, {"paths", std::move(paths)}};
}

// What limits mail to a domain, and where each value comes from.
Task<Control::Answer> Control::explain_site(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain", "source", "tenant"}));
    RELEVO_CO_TRY(const std::string given, required_text(arguments, "domain"));
    RELEVO_CO_TRY(const auto source_name, text_member(arguments, "source"));
    RELEVO_CO_TRY(const auto tenant, text_member(arguments, "tenant"));
    if (context_.inspection == nullptr) co_return failure(ErrorKind::unsupported, "this process asks no DNS");
    const std::string domain = to_lower(given);
    const auto directory = context_.directory();
    TenantId tenant_id;
    if (tenant) {
        const auto found = std::ranges::find(directory->tenants(), *tenant, &Tenant::name);
        if (found == directory->tenants().end())
            co_return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(*tenant, 60)));
        tenant_id = found->id;
    }
    const auto routes = context_.routes();
    const Route& route = routes->find(domain, tenant_id);
    const auto egress = context_.egress();
    const auto shaping = context_.shaping();
    const auto hosts = co_await context_.inspection->hosts_of(route, domain);
    if (!hosts.has_value())
        co_return failure(hosts.error().permanent ? ErrorKind::not_found : ErrorKind::temporary, hosts.error().text);
    const EgressPool& pool = egress->pool_for({.tenant = tenant_id,
                                               .stream = mail::MessageStream::transactional,
                                               .domain = domain,
                                               .route = route,
                                               .wanted = {}});
    if (source_name && egress->find_source(*source_name) == nullptr)
        co_return failure(ErrorKind::not_found, fmt::format("there is no source \"{}\"", printable(*source_name, 60)));
    std::vector<std::string> sources;
    if (source_name)
        sources.push_back(*source_name);
    else
        for (const EgressMember& member : pool.members) sources.push_back(member.source->name);
    const std::string site = site_key(route, hosts->names);
    const std::string provider(shaping->provider_of(hosts->names));
    json::array list;
    std::string shaping_key;
    for (const std::string& source : sources) {
        const std::string its_pool = pool_of(*egress, source);
        const shaping::ShapingQuery query{.domain = domain,
                                          .site = site,
                                          .provider = provider,
                                          .source = source,
                                          .pool = its_pool,
                                          .tenant = tenant ? std::string_view(*tenant) : std::string_view()};
        shaping_key = shaping->key_of(query);
        json::object told{{"source", source}, {"pool", its_pool}, {"values", json_of(shaping->explain(query))}};
        told["now"] = nullptr;
        if (context_.dispatcher != nullptr) {
            DeliveryEngine& engine = context_.dispatcher->engine_of_site(shaping_key);
            const auto all = co_await on_shard<std::vector<ThrottleReport>>(
                engine.shard(), [&engine, source, key = shaping_key] { return engine.throttles(source, key); });
            for (const ThrottleReport& path : all)
                told["now"] = relevo::json_of(path.limits, path.status,
                                              {.destination = provider.empty() ? site : provider, .source = source},
                                              context_.default_language);
        }
        list.emplace_back(std::move(told));
    }
    co_return json::object{{"domain", domain},
                           {"destination", destination_key(route, domain)},
                           {"route", route.name},
                           {"hosts", json_list(hosts->names)},
                           {"site", site},
                           {"provider", json_text_or_null(provider)},
                           {"shaping_key", shaping_key},
                           {"sources", std::move(list)}};
}

}  // namespace relevo
