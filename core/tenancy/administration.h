// Changes to tenants, their domains and their networks, as statements inside a transaction of the caller.
// Every text that a person gives is checked here; the detail of an error says what is wrong and what to do.
// After a change the owner loads a new Directory. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// --- tenants

// Errors: invalid – the name is empty, over 100 octets, not UTF-8 or holds control characters. conflict – it is taken.
[[nodiscard]] Result<TenantId> create_tenant(Transaction& transaction, std::string_view name, mail::Language language,
                                             WallClock::time_point now);
// Errors: not_found. conflict – it still has domains, credentials or networks.
[[nodiscard]] Result<void> remove_tenant(Transaction& transaction, TenantId tenant);
[[nodiscard]] Result<void> set_tenant_language(Transaction& transaction, TenantId tenant, mail::Language language);
[[nodiscard]] Result<void> set_tenant_suspended(Transaction& transaction, TenantId tenant, bool suspended);
// Its turns in a round of the queue. Errors: invalid – not 1 to 1000. not_found.
inline constexpr std::uint32_t largest_tenant_weight = 1000;
// Errors: invalid – optional, which only a message can ask for.
[[nodiscard]] Result<void> set_tenant_tls(Transaction& transaction, TenantId tenant, mail::TlsWish tls);
[[nodiscard]] Result<void> set_tenant_weight(Transaction& transaction, TenantId tenant, std::uint32_t weight);
[[nodiscard]] Result<std::vector<Tenant>> list_tenants(Reader& reader);
// Errors: not_found – detail names the nearest tenant, if one is near.
[[nodiscard]] Result<Tenant> find_tenant(Reader& reader, std::string_view name);

// --- domains

struct NewDomain {
    TenantId tenant;
    std::string name;  // in any spelling; kept as A-labels
    Subdomains subdomains = Subdomains::excluded;
    Ownership ownership = Ownership::pending;
    std::string challenge;  // random: generate_password()
};

// Below a domain with subdomains included everything belongs to one tenant.
// Errors: invalid – not a domain name; subdomains of a top-level domain. not_found – no such tenant. conflict – the
// domain, or the rule of a domain above or below it, belongs to another tenant.
[[nodiscard]] Result<DomainId> create_domain(Transaction& transaction, const NewDomain& domain,
                                             WallClock::time_point now);
// Errors: not_found. conflict – a credential is restricted to it: without that row it could send from all domains.
[[nodiscard]] Result<void> remove_domain(Transaction& transaction, DomainId domain);
// Errors: not_found.
[[nodiscard]] Result<void> set_ownership(Transaction& transaction, DomainId domain, Ownership ownership,
                                         WallClock::time_point now);
// nullopt: as the configuration says.
[[nodiscard]] Result<void> set_dmarc_handling(Transaction& transaction, DomainId domain,
                                              std::optional<DmarcHandling> handling);
// The sub-domain that its mail comes back to; "": none of its own. Errors: invalid – not below the domain. conflict –
// another tenant's domain, or another domain's return path.
[[nodiscard]] Result<void> set_return_path(Transaction& transaction, DomainId domain, std::string_view name);
// What is tracked of its mail. nullopt: as the configuration says.
[[nodiscard]] Result<void> set_tracking(Transaction& transaction, DomainId domain, std::optional<Tracked> tracked);
// The sub-domain that its links go to; "": the service's. Domains of one tenant may share one. Errors: invalid – not
// below the domain. conflict – another tenant's domain or host.
[[nodiscard]] Result<void> set_tracking_host(Transaction& transaction, DomainId domain, std::string_view name);
[[nodiscard]] Result<void> set_subdomains(Transaction& transaction, DomainId domain, Subdomains subdomains);
// Only these addresses of the domain may send; empty: all. Errors: invalid – not an address, or of another domain.
[[nodiscard]] Result<void> set_domain_addresses(Transaction& transaction, DomainId domain,
                                                const std::vector<std::string>& addresses);
[[nodiscard]] Result<std::vector<Domain>> list_domains(Reader& reader, std::optional<TenantId> tenant = {});
[[nodiscard]] Result<Domain> find_domain(Reader& reader, std::string_view name);
// Errors: not_found.
[[nodiscard]] Result<Domain> domain_by_id(Reader& reader, DomainId domain);

// The form in which domains are stored and compared: A-labels, lower case, no final dot. Errors: invalid, limit.
[[nodiscard]] Result<std::string> comparable_domain(std::string_view name);
// The form in which addresses of a rule are stored and compared: local part with ASCII letters in lower case, domain as
// above. Errors: invalid, limit.
[[nodiscard]] Result<std::string> comparable_address(std::string_view text);
[[nodiscard]] Result<std::string> comparable_address(const mail::Address& address);

// --- networks that send without a password

// Errors: invalid – not a network, host bits set, or wider than /8 (IPv4) or /16 (IPv6): that would be an open relay.
// conflict – the network is granted already.
[[nodiscard]] Result<NetworkGrantId> create_network_grant(Transaction& transaction, TenantId tenant,
                                                          std::string_view network, std::string_view label,
                                                          RateLimits limits, mail::MessageStream stream,
                                                          WallClock::time_point now);
[[nodiscard]] Result<void> remove_network_grant(Transaction& transaction, NetworkGrantId grant);
[[nodiscard]] Result<void> set_network_grant_limits(Transaction& transaction, NetworkGrantId grant, RateLimits limits);
[[nodiscard]] Result<std::vector<NetworkGrant>> list_network_grants(Reader& reader,
                                                                    std::optional<TenantId> tenant = {});

}  // namespace relevo
