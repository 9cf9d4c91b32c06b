#include "core/tenancy/credentials.h"

#include "core/tenancy/administration.h"
#include "core/tenancy/columns.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/quota.h"
#include "core/tenancy/secret.h"
#include "core/tenancy/statements.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <unordered_map>

namespace relevo {

namespace {

constexpr std::size_t login_limit = 128;
constexpr std::size_t label_limit_octets = 200;
constexpr std::string_view missing = "there is no such credential";

struct Owner {
    TenantId tenant;
    std::string login;
};

Result<Owner> owner_of(Reader& reader, CredentialId credential) {
    Owner owner;
    RELEVO_CHECK(reader.query("SELECT tenant_id, login FROM credential WHERE id = $1", {credential.value},
                              [&](const Row& row) -> Result<void> {
                                  owner = {TenantId{row.integer(0)}, std::string(row.text(1))};
                                  return {};
                              }));
    if (!owner.tenant) return failure(ErrorKind::not_found, std::string(missing));
    return owner;
}

Result<std::vector<std::string>> domains_of_tenant(Reader& reader, TenantId tenant,
                                                   const std::vector<std::string>& names) {
    std::vector<std::string> canonical;
    if (names.empty()) return canonical;
    RELEVO_TRY(const auto owned, list_domains(reader, tenant));
    for (const auto& name : names) {
        RELEVO_TRY(const std::string ascii, comparable_domain(name));
        const bool belongs = std::ranges::any_of(owned, [&](const Domain& domain) {
            return domain.name == ascii ||
                   (domain.subdomains == Subdomains::included && mail::is_same_or_subdomain(ascii, domain.name));
        });
        if (!belongs)
            return failure(ErrorKind::refused, ascii + " is not a domain of this tenant: add it to the tenant first");
        if (std::ranges::find(canonical, ascii) == canonical.end()) canonical.push_back(ascii);
    }
    return canonical;
}

Result<void> replace_domains(Transaction& transaction, CredentialId credential, TenantId tenant,
                             const std::vector<std::string>& names) {
    RELEVO_TRY(const auto domains, domains_of_tenant(transaction, tenant, names));
    RELEVO_TRY([[maybe_unused]] const auto removed,
               transaction.execute("DELETE FROM credential_domain WHERE credential_id = $1", {credential.value}));
    for (const auto& domain : domains) {
        RELEVO_TRY([[maybe_unused]] const auto inserted,
                   transaction.execute("INSERT INTO credential_domain (credential_id, domain) VALUES ($1, $2)",
                                       {credential.value, std::string_view(domain)}));
    }
    return {};
}

Result<void> replace_networks(Transaction& transaction, CredentialId credential,
                              const std::vector<std::string>& texts) {
    std::vector<std::string> networks;
    for (const auto& text : texts) {
        RELEVO_TRY(const auto network, dns::Network::parse(text));
        if (std::ranges::find(networks, network.text()) == networks.end()) networks.push_back(network.text());
    }
    RELEVO_TRY([[maybe_unused]] const auto removed,
               transaction.execute("DELETE FROM credential_network WHERE credential_id = $1", {credential.value}));
    for (const auto& network : networks) {
        RELEVO_TRY([[maybe_unused]] const auto inserted,
                   transaction.execute("INSERT INTO credential_network (credential_id, network) VALUES ($1, $2)",
                                       {credential.value, std::string_view(network)}));
    }
    return {};
}

Result<void> insert_credential(Transaction& transaction, CredentialId id, const NewCredential& credential,
                               std::string_view login, const StoredSecret& secret, WallClock::time_point now) {
    const std::string scram = scram_text(secret.scram);
    RELEVO_TRY(
        [[maybe_unused]] const auto inserted,
        transaction.execute(
            "INSERT INTO credential (id, tenant_id, login, label, password_hash, scram, smtp_enabled,"
            " messages_per_hour, messages_per_day, expires_at, created_at, stream, last_used_at, last_used_from)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '')",
            {id.value, credential.tenant.value, login, std::string_view(credential.label),
             std::string_view(secret.password_hash), std::string_view(scram), columns::of(credential.smtp_enabled),
             std::int64_t{credential.limits.messages_per_hour}, std::int64_t{credential.limits.messages_per_day},
             columns::of(credential.expires_at), columns::of(now), columns::of(credential.stream)}));
    return {};
}

Result<CredentialRow> row_of(const Row& row) {
    CredentialRow listed;
    Credential& credential = listed.credential;
    credential.id = CredentialId{row.integer(0)};
    credential.tenant = TenantId{row.integer(1)};
    credential.login = row.text(2);
    credential.label = row.text(3);
    credential.smtp_enabled = row.integer(4) != 0;
    credential.limits = {.messages_per_hour = static_cast<std::uint32_t>(row.integer(5)),
                         .messages_per_day = static_cast<std::uint32_t>(row.integer(6))};
    credential.expires_at = columns::time(row.integer(7));
    credential.created_at = columns::time(row.integer(8));
    listed.last_used_at = columns::time(row.integer(9));
    listed.last_used_from = row.text(10);
    credential.stream = columns::stream(row.integer(11));
    return listed;
}

// Fills the child lists of `rows`, which are in the order of ids, with one pass over each table.
Result<void> add_restrictions(Reader& reader, std::vector<CredentialRow>& rows) {
    std::unordered_map<std::int64_t, Credential*> by_id;
    for (auto& row : rows) by_id.emplace(row.credential.id.value, &row.credential);
    RELEVO_CHECK(reader.query("SELECT credential_id, domain FROM credential_domain ORDER BY credential_id, domain", {},
                              [&](const Row& row) -> Result<void> {
                                  const auto found = by_id.find(row.integer(0));
                                  if (found != by_id.end()) found->second->domains.emplace_back(row.text(1));
                                  return {};
                              }));
    return reader.query("SELECT credential_id, network FROM credential_network ORDER BY credential_id, network", {},
                        [&](const Row& row) -> Result<void> {
                            const auto found = by_id.find(row.integer(0));
                            if (found == by_id.end()) return {};
                            RELEVO_TRY(const auto network, dns::Network::parse(row.text(1)));
                            found->second->networks.push_back(network);
                            return {};
                        });
}

}  // namespace

Result<std::string> canonical_login(std::string_view text) {
    const auto wrong = [&](std::string_view reason) {
        return failure(ErrorKind::invalid,
                       "the login \"" + printable(text, 140) + "\" " + std::string(reason) +
                           ": use a name such as \"crm\" or an e-mail address, of letters, digits and . _ - +");
    };
    if (text.empty()) return wrong("is empty");
    if (text.size() > login_limit) return wrong("has over 128 characters");
    const bool allowed = std::ranges::all_of(
        text, [](char c) { return is_alpha(c) || is_digit(c) || std::string_view("._-+@").contains(c); });
    if (!allowed) return wrong("holds a character that is not allowed");
    if (std::ranges::count(text, '@') > 1 || text.front() == '@' || text.back() == '@') return wrong("misuses \"@\"");
    return to_lower(text);
}

Result<CredentialId> create_credential(Transaction& transaction, const NewCredential& credential,
                                       const StoredSecret& secret, WallClock::time_point now) {
    RELEVO_TRY(const std::string login, canonical_login(credential.login));
    RELEVO_CHECK(statements::check_text("the label", credential.label, label_limit_octets));
    if (credential.expires_at != WallClock::time_point{} && credential.expires_at <= now)
        return failure(ErrorKind::invalid, "the expiry lies in the past: give a later time, or none");
    RELEVO_CHECK(statements::require_tenant(transaction, credential.tenant));
    RELEVO_TRY(const bool taken,
               statements::exists(transaction, "SELECT 1 FROM credential WHERE login = $1", {std::string_view(login)}));
    if (taken) return failure(ErrorKind::conflict, "the login \"" + login + "\" is taken: choose another one");
    RELEVO_TRY(const std::int64_t present,
               statements::count(transaction, "SELECT count(*) FROM credential WHERE tenant_id = $1",
                                 {credential.tenant.value}));
    RELEVO_CHECK(require_room(transaction, credential.tenant, LimitedThing::credentials, present));
    RELEVO_TRY(const std::int64_t number, statements::next_id(transaction, "credential"));
    const CredentialId id{number};
    RELEVO_CHECK(insert_credential(transaction, id, credential, login, secret, now));
    RELEVO_CHECK(replace_domains(transaction, id, credential.tenant, credential.domains));
    RELEVO_CHECK(replace_networks(transaction, id, credential.networks));
    return id;
}

Result<void> remove_credential(Transaction& transaction, CredentialId credential) {
    RELEVO_TRY(const Owner owner, owner_of(transaction, credential));
    RELEVO_TRY([[maybe_unused]] const auto domains,
               transaction.execute("DELETE FROM credential_domain WHERE credential_id = $1", {credential.value}));
    RELEVO_TRY([[maybe_unused]] const auto networks,
               transaction.execute("DELETE FROM credential_network WHERE credential_id = $1", {credential.value}));
    RELEVO_TRY([[maybe_unused]] const auto addresses,
               transaction.execute("DELETE FROM login_address WHERE login = $1", {std::string_view(owner.login)}));
    RELEVO_CHECK(remove_quotas_of(transaction, QuotaScope::credential, credential.value));
    return statements::change_one(transaction, "DELETE FROM credential WHERE id = $1", {credential.value}, missing);
}

Result<void> set_secret(Transaction& transaction, CredentialId credential, const StoredSecret& secret) {
    const std::string scram = scram_text(secret.scram);
    return statements::change_one(transaction, "UPDATE credential SET password_hash = $2, scram = $3 WHERE id = $1",
                                  {credential.value, std::string_view(secret.password_hash), std::string_view(scram)},
                                  missing);
}

Result<void> set_smtp_enabled(Transaction& transaction, CredentialId credential, bool enabled) {
    return statements::change_one(transaction, "UPDATE credential SET smtp_enabled = $2 WHERE id = $1",
                                  {credential.value, columns::of(enabled)}, missing);
}

Result<void> set_label(Transaction& transaction, CredentialId credential, std::string_view label) {
    RELEVO_CHECK(statements::check_text("the label", label, label_limit_octets));
    return statements::change_one(transaction, "UPDATE credential SET label = $2 WHERE id = $1",
                                  {credential.value, label}, missing);
}

Result<void> set_limits(Transaction& transaction, CredentialId credential, RateLimits limits) {
    return statements::change_one(
        transaction, "UPDATE credential SET messages_per_hour = $2, messages_per_day = $3 WHERE id = $1",
        {credential.value, std::int64_t{limits.messages_per_hour}, std::int64_t{limits.messages_per_day}}, missing);
}

Result<void> set_stream(Transaction& transaction, CredentialId credential, mail::MessageStream stream) {
    return statements::change_one(transaction, "UPDATE credential SET stream = $2 WHERE id = $1",
                                  {credential.value, columns::of(stream)}, missing);
}

Result<void> set_expiry(Transaction& transaction, CredentialId credential, WallClock::time_point expires_at) {
    return statements::change_one(transaction, "UPDATE credential SET expires_at = $2 WHERE id = $1",
                                  {credential.value, columns::of(expires_at)}, missing);
}

Result<void> set_credential_domains(Transaction& transaction, CredentialId credential,
                                    const std::vector<std::string>& domains) {
    RELEVO_TRY(const Owner owner, owner_of(transaction, credential));
    return replace_domains(transaction, credential, owner.tenant, domains);
}

Result<void> set_credential_networks(Transaction& transaction, CredentialId credential,
                                     const std::vector<std::string>& networks) {
    RELEVO_CHECK(owner_of(transaction, credential));
    return replace_networks(transaction, credential, networks);
}

Result<std::vector<CredentialRow>> list_credentials(Reader& reader, std::optional<TenantId> tenant) {
    std::vector<CredentialRow> rows;
    RELEVO_CHECK(reader.query(
        "SELECT id, tenant_id, login, label, smtp_enabled, messages_per_hour, messages_per_day, expires_at, created_at,"
        " last_used_at, last_used_from, stream FROM credential WHERE $1 = 0 OR tenant_id = $1 ORDER BY id",
        {tenant ? tenant->value : 0}, [&](const Row& row) -> Result<void> {
            RELEVO_TRY(rows.emplace_back(), row_of(row));
            return {};
        }));
    RELEVO_CHECK(add_restrictions(reader, rows));
    return rows;
}

Result<CredentialRow> find_credential(Reader& reader, std::string_view login) {
    RELEVO_TRY(const std::string canonical, canonical_login(login));
    std::vector<CredentialRow> rows;
    RELEVO_CHECK(reader.query(
        "SELECT id, tenant_id, login, label, smtp_enabled, messages_per_hour, messages_per_day, expires_at, created_at,"
        " last_used_at, last_used_from, stream FROM credential WHERE login = $1",
        {std::string_view(canonical)}, [&](const Row& row) -> Result<void> {
            RELEVO_TRY(rows.emplace_back(), row_of(row));
            return {};
        }));
    if (rows.empty()) return failure(ErrorKind::not_found, "there is no credential \"" + canonical + "\"");
    RELEVO_CHECK(add_restrictions(reader, rows));
    return std::move(rows.front());
}

}  // namespace relevo
