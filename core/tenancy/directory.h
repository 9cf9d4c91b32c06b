// Everything about tenants that a session asks for, in memory.
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"
#include "core/tenancy/network_table.h"
#include "core/tenancy/quota.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// An immutable snapshot, swapped whole after each administrative change: whoever holds one sees one consistent state.
// Shared because sessions on several shards use it while the next one takes its place. A look-up costs a hash; 100,000
// credentials take about 70 MB and load in under a second. Threads: any.
class Directory {
 public:
    Directory() = default;  // nobody may send
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    // Errors: invalid – a row is damaged (detail names it); io.
    [[nodiscard]] static Result<std::shared_ptr<const Directory>> load(Reader& reader);
    [[nodiscard]] static std::shared_ptr<const Directory> of(std::vector<Tenant> tenants, std::vector<Domain> domains,
                                                             std::vector<Credential> credentials,
                                                             std::vector<NetworkGrant> grants,
                                                             std::vector<Quota> quotas = {});

    // nullptr: there is none. Pointers live as long as the directory.
    [[nodiscard]] const Tenant* tenant(TenantId id) const;
    [[nodiscard]] const Credential* credential(CredentialId id) const;
    [[nodiscard]] const Credential* credential_by_login(std::string_view login) const;  // case ignored
    [[nodiscard]] const NetworkGrant* grant(NetworkGrantId id) const;
    // The narrowest granted network that holds the address.
    [[nodiscard]] const NetworkGrant* grant_for(const dns::IpAddress& address) const;
    // The row that decides about a domain name in A-labels (comparable_domain()): its own, else the nearest one above,
    // if that one includes its subdomains.
    [[nodiscard]] const Domain* domain_for(std::string_view ascii_name) const;
    // The domain whose mail comes back to `ascii_name`.
    [[nodiscard]] const Domain* domain_of_return_path(std::string_view ascii_name) const;
    // A domain whose links go to `ascii_name`; all such are of one tenant.
    [[nodiscard]] const Domain* domain_of_tracking_host(std::string_view ascii_name) const;
    // Whether somebody's domain is `ascii_name` or lies below it: a policy there speaks for that domain. Looks at each.
    [[nodiscard]] bool has_domain_at_or_below(std::string_view ascii_name) const;
    [[nodiscard]] const std::vector<const Domain*>& domains_of(TenantId tenant) const;

    // The quotas of one tenant, domain or credential; none for most.
    [[nodiscard]] std::span<const Quota> quotas_of(QuotaScope scope, std::int64_t subject) const;
    [[nodiscard]] const std::vector<Quota>& quotas() const { return quotas_; }  // by scope, then subject
    [[nodiscard]] const Domain* domain(DomainId id) const;                      // looks at each
    [[nodiscard]] const std::vector<Tenant>& tenants() const { return tenants_; }
    [[nodiscard]] const std::vector<Credential>& credentials() const { return credentials_; }

 private:
    void index();

    std::vector<Tenant> tenants_;
    std::vector<Domain> domains_;
    std::vector<Credential> credentials_;
    std::vector<NetworkGrant> grants_;
    std::vector<Quota> quotas_;

    std::unordered_map<TenantId, const Tenant*> tenants_by_id_;
    std::unordered_map<CredentialId, const Credential*> credentials_by_id_;
    std::unordered_map<std::string_view, const Credential*> credentials_by_login_;
    std::unordered_map<NetworkGrantId, const NetworkGrant*> grants_by_id_;
    std::unordered_map<std::string_view, const Domain*> domains_by_name_;
    std::unordered_map<std::string_view, const Domain*> domains_by_return_path_;
    std::unordered_map<std::string_view, const Domain*> domains_by_tracking_host_;
    std::unordered_map<TenantId, std::vector<const Domain*>> domains_by_tenant_;
    NetworkTable granted_networks_;
};

}  // namespace relevo
