#include "core/tenancy/directory.h"

#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/secret.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <tuple>

namespace relevo {

namespace {

Result<void> add_secrets(Reader& reader, std::vector<Credential>& credentials) {
    // Both lists come in the order of ids, from one snapshot.
    std::size_t next = 0;
    return reader.query(
        "SELECT id, password_hash, scram FROM credential ORDER BY id", {}, [&](const Row& row) -> Result<void> {
            Credential& credential = credentials.at(next++);
            credential.secret.password_hash = row.text(1);
            auto scram = parse_scram_text(row.text(2));
            if (!scram.has_value())
                return failure(ErrorKind::invalid, scram.error().detail + ", credential \"" + credential.login + "\"");
            credential.secret.scram = *std::move(scram);
            return {};
        });
}

}  // namespace

Result<std::shared_ptr<const Directory>> Directory::load(Reader& reader) {
    RELEVO_TRY(auto tenants, list_tenants(reader));
    RELEVO_TRY(auto domains, list_domains(reader));
    RELEVO_TRY(auto rows, list_credentials(reader));
    RELEVO_TRY(auto grants, list_network_grants(reader));
    RELEVO_TRY(auto quotas, list_quotas(reader));
    std::vector<Credential> credentials;
    credentials.reserve(rows.size());
    for (auto& row : rows) credentials.push_back(std::move(row.credential));
    RELEVO_CHECK(add_secrets(reader, credentials));
    return of(std::move(tenants), std::move(domains), std::move(credentials), std::move(grants), std::move(quotas));
}

std::shared_ptr<const Directory> Directory::of(std::vector<Tenant> tenants, std::vector<Domain> domains,
                                               std::vector<Credential> credentials, std::vector<NetworkGrant> grants,
                                               std::vector<Quota> quotas) {
    auto directory = std::make_shared<Directory>();
    directory->tenants_ = std::move(tenants);
    directory->domains_ = std::move(domains);
    directory->credentials_ = std::move(credentials);
    directory->grants_ = std::move(grants);
    directory->quotas_ = std::move(quotas);
    std::ranges::sort(directory->quotas_, {},
                      [](const Quota& quota) { return std::tuple(quota.scope, quota.subject, quota.period); });
    directory->index();
    return directory;
}

const Domain* Directory::domain_of_return_path(std::string_view ascii_name) const {
    const auto found = domains_by_return_path_.find(ascii_name);
    return found == domains_by_return_path_.end() ? nullptr : found->second;
}

const Domain* Directory::domain_of_tracking_host(std::string_view ascii_name) const {
    const auto found = domains_by_tracking_host_.find(ascii_name);
    return found == domains_by_tracking_host_.end() ? nullptr : found->second;
}

void Directory::index() {
    for (const auto& tenant : tenants_) tenants_by_id_.emplace(tenant.id, &tenant);
    for (const auto& domain : domains_) {
        domains_by_name_.emplace(domain.name, &domain);
        if (!domain.return_path.empty()) domains_by_return_path_.emplace(domain.return_path, &domain);
        if (!domain.tracking_host.empty()) domains_by_tracking_host_.emplace(domain.tracking_host, &domain);
        domains_by_tenant_[domain.tenant].push_back(&domain);
    }
    credentials_by_id_.reserve(credentials_.size());
    credentials_by_login_.reserve(credentials_.size());
    for (const auto& credential : credentials_) {
        credentials_by_id_.emplace(credential.id, &credential);
        credentials_by_login_.emplace(credential.login, &credential);
    }
    for (std::size_t i = 0; i < grants_.size(); ++i) {
        grants_by_id_.emplace(grants_[i].id, &grants_[i]);
        granted_networks_.insert(grants_[i].network, i);
    }
}

const Tenant* Directory::tenant(TenantId id) const {
    const auto found = tenants_by_id_.find(id);
    return found == tenants_by_id_.end() ? nullptr : found->second;
}

const Credential* Directory::credential(CredentialId id) const {
    const auto found = credentials_by_id_.find(id);
    return found == credentials_by_id_.end() ? nullptr : found->second;
}

const Credential* Directory::credential_by_login(std::string_view login) const {
    const auto found = credentials_by_login_.find(to_lower(login));
    return found == credentials_by_login_.end() ? nullptr : found->second;
}

const NetworkGrant* Directory::grant(NetworkGrantId id) const {
    const auto found = grants_by_id_.find(id);
    return found == grants_by_id_.end() ? nullptr : found->second;
}

const NetworkGrant* Directory::grant_for(const dns::IpAddress& address) const {
    const auto found = granted_networks_.find(address);
    return found ? &grants_[*found] : nullptr;
}

const Domain* Directory::domain_for(std::string_view ascii_name) const {
    const auto own = domains_by_name_.find(ascii_name);
    if (own != domains_by_name_.end()) return own->second;
    for (auto dot = ascii_name.find('.'); dot != std::string_view::npos; dot = ascii_name.find('.', dot + 1)) {
        const auto above = domains_by_name_.find(ascii_name.substr(dot + 1));
        if (above == domains_by_name_.end()) continue;
        return above->second->subdomains == Subdomains::included ? above->second : nullptr;
    }
    return nullptr;
}

std::span<const Quota> Directory::quotas_of(QuotaScope scope, std::int64_t subject) const {
    const auto found = std::ranges::equal_range(quotas_, std::pair(scope, subject), {}, [](const Quota& quota) {
        return std::pair(quota.scope, quota.subject);
    });
    return {found.begin(), found.end()};
}

const Domain* Directory::domain(DomainId id) const {
    const auto found = std::ranges::find(domains_, id, &Domain::id);
    return found == domains_.end() ? nullptr : &*found;
}

bool Directory::has_domain_at_or_below(std::string_view ascii_name) const {
    return std::ranges::any_of(
        domains_, [&](const Domain& domain) { return mail::is_same_or_subdomain(domain.name, ascii_name); });
}

const std::vector<const Domain*>& Directory::domains_of(TenantId tenant) const {
    static const std::vector<const Domain*> none;
    const auto found = domains_by_tenant_.find(tenant);
    return found == domains_by_tenant_.end() ? none : found->second;
}

}  // namespace relevo
