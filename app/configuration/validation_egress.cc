// Where mail leaves from: sources and pools that fit together.
#include "app/configuration/validation.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo::configuration {
namespace {

constexpr std::size_t pool_limit = 256;  // sources of one pool
constexpr std::size_t name_limit_octets = 64;
constexpr std::string_view built_in = "default";

bool is_unspecified(const dns::IpAddress& address) {
    return std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
}

// Names stand in commands, logs and header fields, and a colon would begin a weight.
bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= name_limit_octets && std::ranges::all_of(name, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

void check_name(std::string_view what, const std::string& name, std::set<std::string>& names, const std::string& path,
                Problems& problems) {
    if (name.empty())
        problems.add(path + ".name", fmt::format("is missing: give the {} a name", what));
    else if (name == built_in)
        problems.add(path + ".name", fmt::format("is \"default\", the name of the built-in {}: choose another", what));
    else if (!is_plain_name(name))
        problems.add(path + ".name",
                     fmt::format("\"{}\" is no name: use up to {} letters, digits, \"-\", \"_\" and \".\"",
                                 printable(name, 80), name_limit_octets));
    else if (!names.insert(name).second)
        problems.add(path + ".name", fmt::format("\"{}\" is used twice: give each {} its own name", name, what));
}

// "unknown: did you mean …" for names that something else defines.
template <class Names>
void check_known(std::string_view what, const std::string& name, const Names& known, const std::string& path,
                 Problems& problems) {
    if (name == built_in || std::ranges::find(known, name) != known.end()) return;
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    const auto near = nearest_name(name, candidates);
    problems.add(path, fmt::format("\"{}\" is no {}: {}", printable(name, 80), what,
                                   near ? fmt::format("did you mean \"{}\"?", *near)
                                        : fmt::format("add a [[{}]] of that name, or name another", what)));
}

void check_addresses(const SourceSettings& source, const std::string& path, Problems& problems) {
    const auto v4 = std::ranges::count_if(source.addresses, &dns::IpAddress::is_v4);
    if (v4 > 1 || static_cast<std::ptrdiff_t>(source.addresses.size()) - v4 > 1)
        problems.add(path + ".addresses", "has two addresses of one family: make a source of each, and a pool of both");
    if (std::ranges::any_of(source.public_addresses, is_unspecified))
        problems.add(path + ".public_addresses", "holds an address that nobody sees: name those that others see");
}

void check_proxy(const SourceSettings& source, const std::string& path, Problems& problems) {
    if (source.proxy == SourceProxy::none) {
        if (!source.proxy_address.empty())
            problems.add(path + ".proxy_address", "has no use without a proxy: set proxy to \"socks5\" or \"haproxy\"");
    } else if (source.proxy_address.size() != 1 || source.proxy_address.front().port == 0) {
        problems.add(path + ".proxy_address", "is missing: name the proxy's one address and port");
    }
    if (source.proxy == SourceProxy::haproxy &&
        (source.addresses.empty() || std::ranges::any_of(source.addresses, is_unspecified)))
        problems.add(path + ".addresses", "is missing: a haproxy must be told which of its addresses to send from");
    const bool has_password = !source.proxy_password.value.empty() || !source.proxy_password_file.empty();
    if (!source.proxy_password.value.empty() && !source.proxy_password_file.empty())
        problems.add(path + ".proxy_password", "stands beside proxy_password_file: keep one of them");
    if (source.proxy_user.empty() != !has_password)
        problems.add(path + ".proxy_user", "and a password go together: add what is missing");
    if (!source.proxy_user.empty() && source.proxy != SourceProxy::socks5)
        problems.add(path + ".proxy_user", "has a use only with proxy = \"socks5\": remove it");
    // RFC 1929 §2: one octet tells the length.
    if (source.proxy_user.size() > 255 || source.proxy_password.value.size() > 255)
        problems.add(path + ".proxy_user", "or its password has more than 255 octets, which SOCKS5 cannot carry");
}

// Limits and reputation are kept for each source: two of one address would count it twice.
void check_shared_addresses(const std::vector<SourceSettings>& sources, std::size_t index, Problems& problems) {
    const SourceSettings& source = sources[index];
    for (std::size_t other = 0; other < index; ++other)
        for (const dns::IpAddress& address : source.addresses)
            if (!is_unspecified(address) && sources[other].proxy_address == source.proxy_address &&
                std::ranges::find(sources[other].addresses, address) != sources[other].addresses.end())
                problems.add(fmt::format("source[{}].addresses", index),
                             fmt::format("{} is an address of source \"{}\" too: give it to one of them",
                                         address.text(), sources[other].name));
}

void check_sources(Configuration& configuration, std::set<std::string>& names, Problems& problems) {
    std::set<std::string> used;
    for (const PoolSettings& pool : configuration.pools)
        for (const WeightedName& member : pool.sources) used.insert(member.name);
    for (std::size_t i = 0; i < configuration.sources.size(); ++i) {
        SourceSettings& source = configuration.sources[i];
        const std::string path = fmt::format("source[{}]", i);
        check_name("source", source.name, names, path, problems);
        check_addresses(source, path, problems);
        check_proxy(source, path, problems);
        check_shared_addresses(configuration.sources, i, problems);
        if (!source.ehlo_name.empty()) check_domain(source.ehlo_name, path + ".ehlo_name", problems);
        if (!source.name.empty() && !used.contains(source.name))
            problems.add(path + ".name", fmt::format("\"{}\" is in no pool, so nothing would leave from it: name it in "
                                                     "the sources of a [[pool]]",
                                                     printable(source.name, 80)));
    }
}

void check_members(const PoolSettings& pool, const std::set<std::string>& sources, const std::string& path,
                   Problems& problems) {
    if (pool.sources.empty()) problems.add(path + ".sources", "is missing: name its sources");
    if (pool.sources.size() > pool_limit)
        problems.add(path + ".sources", fmt::format("has more than {} entries: keep fewer", pool_limit));
    std::set<std::string_view> members;
    for (const WeightedName& member : pool.sources) {
        check_known("source", member.name, sources, path + ".sources", problems);
        if (!members.insert(member.name).second)
            problems.add(path + ".sources",
                         fmt::format("\"{}\" stands there twice: name it once, with the weight of both", member.name));
    }
}

void check_pools(Configuration& configuration, const std::set<std::string>& sources, Problems& problems) {
    std::set<std::string> names;
    std::set<std::string> routes;
    std::set<std::string> named = {configuration.delivery.pool};
    for (const RouteSettings& route : configuration.routes) {
        routes.insert(route.name);
        named.insert(route.pool);
    }
    for (std::size_t i = 0; i < configuration.pools.size(); ++i) {
        PoolSettings& pool = configuration.pools[i];
        const std::string path = fmt::format("pool[{}]", i);
        check_name("pool", pool.name, names, path, problems);
        check_members(pool, sources, path, problems);
        for (const std::string& route : pool.routes) check_known("route", route, routes, path + ".routes", problems);
        check_domain_patterns(pool.domains, path + ".domains", problems);
        const bool selects =
            !pool.tenants.empty() || !pool.routes.empty() || !pool.domains.empty() || !pool.streams.empty();
        if (!pool.name.empty() && !selects && !pool.on_request && !named.contains(pool.name))
            problems.add(path + ".name",
                         fmt::format("\"{}\" takes no mail: add tenants, routes, domains or streams, or name it in "
                                     "delivery.pool",
                                     printable(pool.name, 80)));
    }
    if (!configuration.delivery.pool.empty())
        check_known("pool", configuration.delivery.pool, names, "delivery.pool", problems);
    for (std::size_t i = 0; i < configuration.routes.size(); ++i)
        if (!configuration.routes[i].pool.empty())
            check_known("pool", configuration.routes[i].pool, names, fmt::format("route[{}].pool", i), problems);
}

}  // namespace

void check_egress(Configuration& configuration, Problems& problems) {
    std::set<std::string> sources;
    check_sources(configuration, sources, problems);
    check_pools(configuration, sources, problems);
}

}  // namespace relevo::configuration
