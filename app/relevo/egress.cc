#include "app/relevo/egress.h"

#include "adapters/net/local_address.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view built_in = "default";

EgressSource source_of(SourceSettings settings, const Configuration& configuration) {
    if (settings.ehlo_name.empty()) settings.ehlo_name = configuration.server.host_name;
    EgressSource source = egress_source(settings);
    if (!configuration.delivery.ipv6) source.ipv6.reset();
    return source;
}

EgressSource default_source(const Configuration& configuration) {
    SourceSettings settings;
    settings.name = built_in;
    settings.addresses = configuration.delivery.source_addresses;
    settings.public_addresses = configuration.checks.egress_addresses;
    settings.ehlo_name = configuration.delivery.ehlo_name;
    return source_of(std::move(settings), configuration);
}

EgressPool pool_of(const PoolSettings& settings, const std::vector<std::shared_ptr<const EgressSource>>& sources,
                   const Directory& directory) {
    EgressPool pool;
    pool.name = settings.name;
    for (const WeightedName& member : settings.sources) {
        const auto source =
            std::ranges::find_if(sources, [&](const auto& known) { return known->name == member.name; });
        pool.members.push_back({.source = *source, .weight = member.weight});
    }
    for (const std::string& name : settings.tenants) {
        const auto tenant = std::ranges::find(directory.tenants(), name, &Tenant::name);
        pool.tenants.push_back(tenant != directory.tenants().end() ? tenant->id : TenantId{-1});
    }
    pool.routes = settings.routes;
    pool.domains = settings.domains;
    pool.streams = settings.streams;
    pool.on_request = settings.on_request;
    return pool;
}

// Whether mail can still leave from the built-in source.
bool uses_built_in(const Configuration& configuration) {
    const std::string& fallback = configuration.delivery.pool;
    return fallback.empty() || fallback == built_in ||
           std::ranges::any_of(configuration.routes,
                               [](const RouteSettings& route) { return route.pool == built_in; }) ||
           std::ranges::any_of(configuration.pools, [](const PoolSettings& pool) {
               return std::ranges::find(pool.sources, built_in, &WeightedName::name) != pool.sources.end();
           });
}

setup::SourceFacts facts_of(const EgressSource& source) {
    return {.name = source.name,
            .ehlo_name = source.client_name,
            .addresses = source.seen_addresses(),
            .is_proxied = source.proxy.has_value()};
}

Result<void> check_addresses(const std::vector<dns::IpAddress>& addresses, const std::string& setting,
                             const Configuration& configuration) {
    for (const dns::IpAddress& address : addresses)
        if (const auto had = net::check_local_address(address); !had.has_value()) {
            const auto origin = configuration.origins.find(setting);
            return failure(had.error().kind,
                           fmt::format("{}{}: {}: add it to an interface, or correct the setting",
                                       origin != configuration.origins.end() ? origin->second + ": " : "", setting,
                                       had.error().detail));
        }
    return {};
}

}  // namespace

EgressSource egress_source(const SourceSettings& settings) {
    EgressSource source;
    source.name = settings.name;
    // Without addresses the system chooses; a family that is left out is not used.
    if (settings.addresses.empty()) {
        source.ipv4 = dns::IpAddress::v4({});
        source.ipv6 = dns::IpAddress::v6({});
    }
    for (const dns::IpAddress& address : settings.addresses) (address.is_v4() ? source.ipv4 : source.ipv6) = address;
    source.public_addresses = settings.public_addresses;
    source.client_name = mail::to_ascii_domain(settings.ehlo_name).value_or(settings.ehlo_name);
    if (settings.proxy != SourceProxy::none)
        source.proxy = EgressProxy{
            .protocol = settings.proxy == SourceProxy::socks5 ? ProxyProtocol::socks5 : ProxyProtocol::haproxy,
            .endpoint = settings.proxy_address.front(),
            .user = settings.proxy_user,
            .password = settings.proxy_password.value};
    source.drained = settings.drained;
    return source;
}

std::shared_ptr<const EgressTable> egress_table(const Configuration& configuration, const Directory& directory,
                                                const Drains& drains) {
    std::vector<std::shared_ptr<const EgressSource>> sources;
    const auto add = [&](EgressSource source) {
        source.drained = source.drained || drains.contains(source.name);
        sources.push_back(std::make_shared<const EgressSource>(std::move(source)));
    };
    add(default_source(configuration));
    for (const SourceSettings& settings : configuration.sources) add(source_of(settings, configuration));
    std::vector<EgressPool> pools(1);
    pools.front().name = built_in;
    pools.front().members.push_back({.source = sources.front()});
    for (const PoolSettings& settings : configuration.pools) pools.push_back(pool_of(settings, sources, directory));
    const std::string& fallback = configuration.delivery.pool;
    return std::make_shared<const EgressTable>(std::move(sources), std::move(pools),
                                               fallback.empty() ? built_in : std::string_view(fallback));
}

Result<void> check_local_addresses(const Configuration& configuration) {
    RELEVO_CHECK(check_addresses(configuration.delivery.source_addresses, "delivery.source_addresses", configuration));
    for (std::size_t i = 0; i < configuration.sources.size(); ++i)
        if (configuration.sources[i].proxy == SourceProxy::none)
            RELEVO_CHECK(check_addresses(configuration.sources[i].addresses, fmt::format("source[{}].addresses", i),
                                         configuration));
    return {};
}

std::vector<setup::SourceFacts> source_facts(const Configuration& configuration) {
    std::vector<setup::SourceFacts> facts;
    if (uses_built_in(configuration)) facts.push_back(facts_of(default_source(configuration)));
    for (const SourceSettings& settings : configuration.sources)
        facts.push_back(facts_of(source_of(settings, configuration)));
    return facts;
}

}  // namespace relevo
