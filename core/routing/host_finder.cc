#include "core/routing/host_finder.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t address_limit = 8;

std::unexpected<RoutingProblem> permanent(smtp::EnhancedStatus status, std::string text) {
    return std::unexpected(RoutingProblem{true, status, std::move(text)});
}
std::unexpected<RoutingProblem> temporary(smtp::EnhancedStatus status, std::string text) {
    return std::unexpected(RoutingProblem{false, status, std::move(text)});
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3), or a bare address as operators write it.
Result<dns::IpAddress> address_literal(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (starts_with_ignoring_case(host, "IPv6:")) host.remove_prefix(5);
    return dns::IpAddress::parse(host);
}

// By preference; equal ones in random order, to spread the load (RFC 5321 §5.1).
void sort_exchanges(std::vector<dns::MailExchange>& exchanges, std::mt19937_64& chance) {
    std::ranges::shuffle(exchanges, chance);
    std::ranges::sort(exchanges, {}, &dns::MailExchange::preference);
}

// Hosts of our own preference and behind would send the mail back to us (RFC 5321 §5.1: "MUST be discarded from
// consideration").
void discard_our_own(std::vector<dns::MailExchange>& exchanges, std::string_view host_name) {
    std::uint32_t limit = UINT32_MAX;
    for (const dns::MailExchange& exchange : exchanges)
        if (equals_ignoring_case(exchange.exchange, host_name))
            limit = std::min<std::uint32_t>(limit, exchange.preference);
    std::erase_if(exchanges, [limit](const dns::MailExchange& exchange) { return exchange.preference >= limit; });
}

}  // namespace

Task<Routed<MailHosts>> HostFinder::hosts_of(const Route& route, std::string domain, Deadline deadline) {
    if (route.kind != RouteKind::mail_exchanger) co_return MailHosts{.names = route.hosts_in_order(chance_)};
    if (domain.starts_with('[')) co_return MailHosts{.names = {domain}};
    auto ascii = mail::to_ascii_domain(domain);
    if (!ascii.has_value())
        co_return permanent({5, 1, 2},
                            fmt::format("the domain {} is not a valid name: {}", domain, ascii.error().detail));
    co_return co_await mail_exchangers(std::move(*ascii), deadline);
}

Task<Routed<MailHosts>> HostFinder::mail_exchangers(std::string domain, Deadline deadline) {
    auto answer = co_await resolver_.query(domain, dns::RecordType::mx, deadline);
    if (!answer.has_value())
        co_return temporary({4, 4, 3}, fmt::format("the DNS did not answer for the mail servers (MX) of {}: {}", domain,
                                                   answer.error().detail));
    if (!answer->name_exists) co_return permanent({5, 1, 2}, fmt::format("the domain {} does not exist", domain));
    MailHosts hosts{.names = {}, .security = answer->security};
    if (answer->exchanges.empty()) {  // "implicit MX": the domain's own addresses
        hosts.names.push_back(answer->canonical_name.empty() ? domain : answer->canonical_name);
        co_return hosts;
    }
    if (std::ranges::all_of(answer->exchanges, [](const auto& exchange) { return exchange.exchange.empty(); }))
        co_return permanent({5, 1, 10},
                            fmt::format("the domain {} declares that it takes no mail (null MX, RFC 7505)", domain));
    discard_our_own(answer->exchanges, options_.host_name);
    sort_exchanges(answer->exchanges, chance_);
    for (const dns::MailExchange& exchange : answer->exchanges) {
        if (!exchange.exchange.empty() && hosts.names.size() < options_.host_limit)
            hosts.names.push_back(exchange.exchange);
    }
    if (hosts.names.empty())
        co_return permanent(
            {5, 4, 6},
            fmt::format("mail for {} loops: its best mail server (MX) is this server, which does not know the domain",
                        domain));
    co_return hosts;
}

Task<Routed<HostAddresses>> HostFinder::addresses_of(const Route& route, std::string host, Deadline deadline) {
    HostAddresses found;
    std::vector<dns::IpAddress> v4, v6;
    if (const auto literal = address_literal(host); literal.has_value()) {
        (literal->is_v4() ? v4 : v6).push_back(*literal);
    } else {
        const auto a = co_await resolver_.query(host, dns::RecordType::a, deadline);
        if (!a.has_value())
            co_return temporary(
                {4, 4, 3}, fmt::format("the DNS did not answer for the address of {}: {}", host, a.error().detail));
        v4 = a->addresses;
        found.security = a->security;
        found.canonical_name = a->canonical_name;
        if (options_.use_ipv6 && a->name_exists) {
            const auto aaaa = co_await resolver_.query(host, dns::RecordType::aaaa, deadline);
            if (aaaa.has_value()) {
                v6 = aaaa->addresses;
                if (aaaa->security != dns::Security::secure) found.security = aaaa->security;
            } else if (v4.empty()) {
                co_return temporary({4, 4, 3}, fmt::format("the DNS did not answer for the IPv6 address of {}: {}",
                                                           host, aaaa.error().detail));
            }
        }
    }
    if (v4.empty() && v6.empty())
        co_return permanent({5, 4, 4}, fmt::format("the mail server {} has no address", host));
    std::ranges::shuffle(v4, chance_);
    std::ranges::shuffle(v6, chance_);
    std::vector<dns::IpAddress>& addresses = found.addresses;
    for (std::size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
        if (i < v6.size()) addresses.push_back(v6[i]);
        if (i < v4.size()) addresses.push_back(v4[i]);
    }
    if (!route.allow_private_addresses && !options_.allow_private_addresses)
        std::erase_if(addresses, [](const dns::IpAddress& address) { return address.is_special(); });
    if (addresses.empty())
        co_return permanent(
            {5, 4, 6},
            fmt::format("the mail server {} has only private or loopback addresses, which no route allows", host));
    if (addresses.size() > address_limit) addresses.resize(address_limit);
    co_return found;
}

}  // namespace relevo
