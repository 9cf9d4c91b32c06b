#include "core/policy/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace relevo {

namespace {

bool contains(const std::vector<dns::Network>& networks, const dns::IpAddress& address) {
    return std::ranges::any_of(networks, [&](const dns::Network& network) { return network.contains(address); });
}

// What keeps a credential from sending, apart from its password. nullopt: nothing.
std::optional<Decision> judge_credential(const Directory& directory, const Credential& credential,
                                         WallClock::time_point now) {
    const Tenant* tenant = directory.tenant(credential.tenant);
    if (tenant == nullptr || tenant->suspended) return decide(ReplyKey::tenant_suspended);
    if (!credential.smtp_enabled) return decide(ReplyKey::smtp_not_enabled, {{"login", credential.login}});
    if (credential.has_expiry() && credential.expires_at <= now)
        return decide(ReplyKey::credential_expired,
                      {{"login", credential.login}, {"time", reply_date(credential.expires_at)}});
    return std::nullopt;
}

}  // namespace

ConnectionDecision judge_connection(const ListenerAccess& listener, const Directory& directory,
                                    const dns::IpAddress& client) {
    if (!listener.allowed_networks.empty() && !contains(listener.allowed_networks, client))
        return {decide(ReplyKey::network_not_allowed, {{"address", client.text()}}), {}};
    if (listener.network_grants == NetworkGrants::ignored) return {};
    const NetworkGrant* grant = directory.grant_for(client);
    if (grant == nullptr) return {};
    const Tenant* tenant = directory.tenant(grant->tenant);
    if (tenant == nullptr || tenant->suspended) return {};
    return {std::nullopt, Identity{.tenant = grant->tenant, .credential = {}, .grant = grant->id}};
}

Decision login_held_back(const LoginGuard::Verdict& verdict) {
    return decide(ReplyKey::login_held_back, {{"seconds", std::to_string(verdict.retry_after.count())}});
}

LoginDecision judge_login(const Directory& directory, std::string_view login, Proof proof, const dns::IpAddress& client,
                          WallClock::time_point now) {
    if (proof == Proof::not_checked) return {decide(ReplyKey::login_busy), {}};
    const Credential* credential = directory.credential_by_login(login);
    if (proof == Proof::wrong || credential == nullptr) return {decide(ReplyKey::credentials_wrong), {}};
    if (auto refusal = judge_credential(directory, *credential, now)) return {*std::move(refusal), {}};
    if (!credential->networks.empty() && !contains(credential->networks, client))
        return {
            decide(ReplyKey::source_network_not_allowed, {{"login", credential->login}, {"address", client.text()}}),
            {}};
    return {decide(ReplyKey::authenticated),
            Identity{.tenant = credential->tenant, .credential = credential->id, .grant = {}}};
}

std::optional<Decision> judge_identity(const Directory& directory, const Identity& identity,
                                       WallClock::time_point now) {
    if (identity.credential) {
        const Credential* credential = directory.credential(identity.credential);
        if (credential == nullptr) return decide(ReplyKey::access_withdrawn);
        return judge_credential(directory, *credential, now);
    }
    const Tenant* tenant = directory.tenant(identity.tenant);
    if (tenant == nullptr) return decide(ReplyKey::access_withdrawn);
    if (identity.grant && directory.grant(identity.grant) == nullptr) return decide(ReplyKey::access_withdrawn);
    if (tenant->suspended) return decide(ReplyKey::tenant_suspended);
    return std::nullopt;
}

std::string reply_date(WallClock::time_point time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    return fmt::format("{:04}-{:02}-{:02} {}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), reply_time(time));
}

std::string reply_time(WallClock::time_point time) {
    const auto minutes =
        std::chrono::floor<std::chrono::minutes>(time - std::chrono::floor<std::chrono::days>(time)).count();
    return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

}  // namespace relevo
