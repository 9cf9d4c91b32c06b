// Two tenants and their rules, for the tests of this module.
#pragma once

#include "core/tenancy/directory.h"

#include <chrono>
#include <memory>

namespace relevo::test {

inline const WallClock::time_point now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) +
                                       std::chrono::hours(14) + std::chrono::minutes(5)};

inline constexpr TenantId acme{1};
inline constexpr TenantId rival{2};
inline constexpr TenantId suspended{3};
inline const Identity crm{.tenant = acme, .credential = CredentialId{1}, .grant = {}};
inline const Identity shop{.tenant = acme, .credential = CredentialId{2}, .grant = {}};  // only shop.example
inline const Identity rival_login{.tenant = rival, .credential = CredentialId{3}, .grant = {}};
inline const Identity by_network{.tenant = acme, .credential = {}, .grant = NetworkGrantId{1}};
inline const Identity nobody{};

inline Tenant tenant(TenantId id, std::string name, bool is_suspended = false) {
    return {.id = id, .name = std::move(name), .language = {}, .suspended = is_suspended, .created_at = {}};
}
inline Domain domain(std::int64_t id, TenantId owner, std::string name, Subdomains subdomains,
                     std::vector<std::string> addresses = {}) {
    return {.id = DomainId{id},
            .tenant = owner,
            .name = std::move(name),
            .subdomains = subdomains,
            .addresses = std::move(addresses),
            .created_at = {},
            .ownership = Ownership::trusted,
            .challenge = {},
            .verified_at = {}};
}
inline Credential credential(std::int64_t id, TenantId owner, std::string login) {
    Credential made;
    made.id = CredentialId{id};
    made.tenant = owner;
    made.login = std::move(login);
    return made;
}
inline NetworkGrant grant(std::int64_t id, TenantId owner, std::string_view network) {
    return {.id = NetworkGrantId{id},
            .tenant = owner,
            .network = dns::Network::parse(network).value(),
            .label = {},
            .limits = {},
            .created_at = {}};
}

inline std::vector<Credential> credentials() {
    std::vector<Credential> all = {credential(1, acme, "crm"),           credential(2, acme, "shop"),
                                   credential(3, rival, "rival"),        credential(4, acme, "off"),
                                   credential(5, acme, "old"),           credential(6, acme, "office"),
                                   credential(7, suspended, "suspended")};
    all[0].limits = {.messages_per_hour = 100, .messages_per_day = 500};
    all[1].domains = {"shop.example"};
    all[3].smtp_enabled = false;
    all[4].expires_at = now - std::chrono::hours(24);
    all[5].networks = {dns::Network::parse("192.0.2.0/24").value()};
    return all;
}

inline Domain pending(Domain domain) {
    domain.ownership = Ownership::pending;
    domain.challenge = "k3yy";
    return domain;
}

// acme: example.com with subdomains, shop.example, strict.example with two addresses, münchen.example, and new.example
// with subdomains, which is not proven to be acme's.
// rival: example.org, españa.example, and closed.example.net below nobody's example.net.
inline std::shared_ptr<const Directory> directory() {
    return Directory::of(
        {tenant(acme, "Acme"), tenant(rival, "Rival"), tenant(suspended, "Gone", true)},
        {domain(1, acme, "example.com", Subdomains::included), domain(2, acme, "shop.example", Subdomains::excluded),
         domain(3, acme, "strict.example", Subdomains::excluded, {"info@strict.example", "no-reply@strict.example"}),
         domain(4, acme, "xn--mnchen-3ya.example", Subdomains::excluded),
         domain(5, rival, "example.org", Subdomains::included),
         domain(6, rival, "xn--espaa-rta.example", Subdomains::excluded),
         domain(7, rival, "closed.example.net", Subdomains::excluded),
         pending(domain(8, acme, "new.example", Subdomains::included))},
        credentials(), {grant(1, acme, "198.51.100.0/24"), grant(2, suspended, "203.0.113.0/24")});
}

}  // namespace relevo::test
