// Tenants, domains, credentials, networks.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/profile_address.h"
#include "core/accounts/users.h"
#include "core/signing/keys.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/mailboxes.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/secret.h"
#include "core/webhooks/endpoints.h"
#include "lib/base/text.h"
#include "lib/mailauth/public_suffix.h"

#include <fmt/format.h>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;
using Work = Result<json::object>;

Result<std::string> name_of_tenant(Reader& reader, TenantId id) {
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    for (const Tenant& tenant : all)
        if (tenant.id == id) return tenant.name;
    return std::string();
}

}  // namespace

// --- what is named in arguments: by name or by id

Result<Tenant> named_tenant(Reader& reader, const std::string& text) {
    const auto id = TenantId::parse(text);
    if (!id.has_value()) return find_tenant(reader, text);
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    for (const Tenant& tenant : all)
        if (tenant.id == *id) return tenant;
    return failure(ErrorKind::not_found, "there is no tenant " + text);
}

Result<Domain> named_domain(Reader& reader, const std::string& text) {
    const auto id = DomainId::parse(text);
    return id.has_value() ? domain_by_id(reader, *id) : find_domain(reader, text);
}

Result<CredentialRow> named_credential(Reader& reader, const std::string& text) {
    const auto id = CredentialId::parse(text);
    if (!id.has_value()) return find_credential(reader, text);
    RELEVO_TRY(std::vector<CredentialRow> all, list_credentials(reader));
    for (CredentialRow& row : all)
        if (row.credential.id == *id) return std::move(row);
    return failure(ErrorKind::not_found, "there is no credential " + text);
}

namespace {

Result<NetworkGrant> named_network(Reader& reader, const std::string& text) {
    const auto id = NetworkGrantId::parse(text);
    RELEVO_TRY(const std::vector<NetworkGrant> all, list_network_grants(reader));
    for (const NetworkGrant& grant : all)
        if ((id.has_value() && grant.id == *id) || grant.network.text() == text) return grant;
    return failure(ErrorKind::not_found,
                   fmt::format("the network {} sends for nobody; see: relevo network list", text));
}

Result<std::optional<TenantId>> optional_tenant(Reader& reader, const Arguments& arguments) {
    RELEVO_TRY(const auto name, text_member(arguments, "tenant"));
    if (!name) return std::optional<TenantId>();
    RELEVO_TRY(const Tenant tenant, named_tenant(reader, *name));
    return std::optional<TenantId>(tenant.id);
}

// --- JSON forms

}  // namespace

Result<json::object> json_of(Reader& reader, const Domain& domain) {
    RELEVO_TRY(const std::string tenant, name_of_tenant(reader, domain.tenant));
    json::value challenge;
    if (domain.ownership == Ownership::pending)
        challenge = json::object{{"host", challenge_host(domain.name)}, {"text", challenge_text(domain.challenge)}};
    RELEVO_TRY(const MailboxServers servers, mailbox_servers_of(reader, domain.id));
    json::array mailboxes;
    for (const clientsetup::MailboxServer& server : servers) mailboxes.emplace_back(text_of(server));
    return json::object{{"id", domain.id.text()},
                        {"name", domain.name},
                        {"tenant", tenant},
                        {"subdomains", domain.subdomains == Subdomains::included},
                        {"addresses", json_list(domain.addresses)},
                        {"ownership", name_of(domain.ownership)},
                        {"verified_at", json_time(domain.verified_at)},
                        {"challenge", std::move(challenge)},
                        {"dmarc", domain.dmarc ? json::value(name_of(*domain.dmarc)) : json::value(nullptr)},
                        {"return_path", json_text_or_null(domain.return_path)},
                        {"tracking", domain.tracking ? json::value(name_of(*domain.tracking)) : json::value(nullptr)},
                        {"tracking_host", json_text_or_null(domain.tracking_host)},
                        {"mailboxes", std::move(mailboxes)},
                        {"created_at", json_time(domain.created_at)}};
}

namespace {

Work json_of(Reader& reader, const Tenant& tenant) {
    RELEVO_TRY(const auto domains, list_domains(reader, tenant.id));
    RELEVO_TRY(const auto credentials, list_credentials(reader, tenant.id));
    RELEVO_TRY(const std::optional<Plan> plan, plan_of(reader, tenant.id));
    return json::object{{"id", tenant.id.text()},
                        {"name", tenant.name},
                        {"language", tenant.language == mail::Language::spanish ? "es" : "en"},
                        {"suspended", tenant.suspended},
                        {"weight", tenant.weight},
                        {"tls", mail::name_of(tenant.tls)},
                        {"created_at", json_time(tenant.created_at)},
                        {"domains", domains.size()},
                        {"credentials", credentials.size()},
                        {"plan", plan ? json::value(plan->name) : json::value(nullptr)}};
}

Work json_of(Reader& reader, const CredentialRow& row) {
    const Credential& credential = row.credential;
    RELEVO_TRY(const std::string tenant, name_of_tenant(reader, credential.tenant));
    json::array networks;
    for (const dns::Network& network : credential.networks) networks.emplace_back(network.text());
    return json::object{{"id", credential.id.text()},
                        {"login", credential.login},
                        {"tenant", tenant},
                        {"label", credential.label},
                        {"smtp", credential.smtp_enabled},
                        {"domains", json_list(credential.domains)},
                        {"networks", std::move(networks)},
                        {"messages_per_hour", credential.limits.messages_per_hour},
                        {"messages_per_day", credential.limits.messages_per_day},
                        {"stream", mail::name_of(credential.stream)},
                        {"expires_at", json_time(credential.expires_at)},
                        {"created_at", json_time(credential.created_at)},
                        {"last_used_at", json_time(row.last_used_at)},
                        {"last_used_from", json_text_or_null(row.last_used_from)}};
}

Work json_with_profile(Reader& reader, const CredentialRow& row, const json::object& submission) {
    RELEVO_TRY(json::object shown, json_of(reader, row));
    RELEVO_TRY(shown["profile_url"], profile_address(reader, row.credential, submission));
    return shown;
}

Work json_of(Reader& reader, const NetworkGrant& grant) {
    RELEVO_TRY(const std::string tenant, name_of_tenant(reader, grant.tenant));
    return json::object{{"id", grant.id.text()},
                        {"network", grant.network.text()},
                        {"tenant", tenant},
                        {"label", grant.label},
                        {"messages_per_hour", grant.limits.messages_per_hour},
                        {"messages_per_day", grant.limits.messages_per_day},
                        {"stream", mail::name_of(grant.stream)},
                        {"created_at", json_time(grant.created_at)}};
}

template <class Row>
Work json_list_of(Reader& reader, std::string_view name, const std::vector<Row>& rows) {
    json::array list;
    for (const Row& row : rows) {
        RELEVO_TRY(json::object one, json_of(reader, row));
        list.emplace_back(std::move(one));
    }
    return json::object{{name, std::move(list)}};
}

Result<RateLimits> limits_member(const Arguments& arguments, RateLimits before = {}) {
    RELEVO_TRY(const auto hour, number_member(arguments, "messages_per_hour"));
    RELEVO_TRY(const auto day, number_member(arguments, "messages_per_day"));
    if (hour.value_or(0) > UINT32_MAX || day.value_or(0) > UINT32_MAX)
        return failure(ErrorKind::invalid, "a rate is at most 4,294,967,295 messages");
    if (hour) before.messages_per_hour = static_cast<std::uint32_t>(*hour);
    if (day) before.messages_per_day = static_cast<std::uint32_t>(*day);
    return before;
}

Result<std::optional<mail::MessageStream>> stream_member(const Arguments& arguments) {
    RELEVO_TRY(const auto text, text_member(arguments, "stream"));
    if (!text) return std::optional<mail::MessageStream>();
    const auto stream = mail::parse_message_stream(*text);
    if (!stream)
        return failure(ErrorKind::invalid,
                       fmt::format("stream is \"{}\": must be transactional or bulk", printable(*text, 60)));
    return stream;
}

// --- tenants

Work set_tenant(Transaction& transaction, const Arguments& arguments) {
    RELEVO_CHECK(
        check_members(arguments, {"tenant", "weight", "tls", "plan", "max_domains", "max_credentials", "max_users"}));
    RELEVO_TRY(const std::string name, required_text(arguments, "tenant"));
    RELEVO_TRY(Tenant tenant, named_tenant(transaction, name));
    RELEVO_CHECK(apply_plan_members(transaction, tenant.id, arguments));
    RELEVO_TRY(const auto weight, number_member(arguments, "weight"));
    if (weight) {
        tenant.weight = static_cast<std::uint32_t>(std::min<std::int64_t>(*weight, UINT32_MAX));
        RELEVO_CHECK(set_tenant_weight(transaction, tenant.id, tenant.weight));
    }
    RELEVO_TRY(const auto tls, text_member(arguments, "tls"));
    if (tls) {
        const auto wish = mail::parse_tls_wish(*tls);
        if (!wish || *wish == mail::TlsWish::optional)
            return failure(ErrorKind::invalid,
                           fmt::format("tls is \"{}\": must be usual, required or verified", printable(*tls, 60)));
        tenant.tls = *wish;
        RELEVO_CHECK(set_tenant_tls(transaction, tenant.id, tenant.tls));
    }
    return json_of(transaction, tenant);
}

Work tenant_command(Transaction& transaction, std::string_view command, const Arguments& arguments,
                    mail::Language default_language) {
    if (command == "tenant.add") {
        RELEVO_CHECK(check_members(arguments, {"name", "language"}));
        RELEVO_TRY(const std::string name, required_text(arguments, "name"));
        RELEVO_TRY(const auto language_text, text_member(arguments, "language"));
        mail::Language language = default_language;
        if (language_text) {
            RELEVO_TRY(language, mail::parse_language(*language_text));
        }
        RELEVO_CHECK(create_tenant(transaction, name, language, WallClock::now()));
        RELEVO_TRY(const Tenant tenant, find_tenant(transaction, name));
        return json_of(transaction, tenant);
    }
    if (command == "tenant.set") return set_tenant(transaction, arguments);
    RELEVO_CHECK(command == "tenant.suspend" ? check_members(arguments, {"tenant", "suspended"})
                                             : check_members(arguments, {"tenant"}));
    RELEVO_TRY(const std::string name, required_text(arguments, "tenant"));
    RELEVO_TRY(Tenant tenant, named_tenant(transaction, name));
    if (command == "tenant.remove") {
        RELEVO_CHECK(require_no_access_of(transaction, tenant.id));
        RELEVO_CHECK(remove_tenant(transaction, tenant.id));
        RELEVO_CHECK(remove_suppressions_of(transaction, tenant.id));
        RELEVO_CHECK(remove_webhooks_of(transaction, tenant.id));
        return json::object{{"removed", tenant.name}};
    }
    if (command != "tenant.suspend")
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    RELEVO_TRY(const auto suspended, flag_member(arguments, "suspended"));
    tenant.suspended = suspended.value_or(true);
    RELEVO_CHECK(set_tenant_suspended(transaction, tenant.id, tenant.suspended));
    return json_of(transaction, tenant);
}

// --- domains

// A record under "co.uk" or "github.io" proves nothing about the strangers who have domains below it.
Result<void> refuse_public_suffix(std::string_view name) {
    RELEVO_TRY(const std::string ascii, comparable_domain(name));
    if (!mailauth::PublicSuffixList::builtin().is_public_suffix(ascii)) return {};
    return failure(ErrorKind::invalid,
                   ascii +
                       " is a public suffix, under which anybody registers domains: name the customer's own domain, "
                       "or vouch for it with --trusted");
}

Result<std::optional<DmarcHandling>> dmarc_handling(std::string_view text) {
    for (const auto handling : {DmarcHandling::none, DmarcHandling::quarantine, DmarcHandling::reject})
        if (text == name_of(handling)) return std::optional(handling);
    if (text == "default") return std::optional<DmarcHandling>();
    return failure(ErrorKind::invalid, fmt::format("dmarc is \"{}\": must be one of none, quarantine, reject, default "
                                                   "(as verification.dmarc says)",
                                                   text));
}

// nullopt: as the configuration says.
Result<std::optional<Tracked>> tracking_of(const std::string& text) {
    if (text == "default") return std::optional<Tracked>();
    const auto tracked = parse_tracked(text);
    if (tracked) return tracked;
    return failure(ErrorKind::invalid,
                   fmt::format("\"{}\" cannot be tracked: write opens, clicks, opens,clicks, none or default",
                               printable(text, 60)));
}

Work set_domain(Transaction& transaction, const Arguments& arguments) {
    RELEVO_CHECK(
        check_members(arguments, {"domain", "dmarc", "return_path", "tracking", "tracking_host", "mailboxes"}));
    RELEVO_TRY(const std::string name, required_text(arguments, "domain"));
    RELEVO_TRY(const auto dmarc, text_member(arguments, "dmarc"));
    RELEVO_TRY(const auto return_path, text_member(arguments, "return_path"));
    RELEVO_TRY(const auto tracking, text_member(arguments, "tracking"));
    RELEVO_TRY(const auto tracking_host, text_member(arguments, "tracking_host"));
    RELEVO_TRY(const auto mailboxes, list_member(arguments, "mailboxes"));
    if (!dmarc && !return_path && !tracking && !tracking_host && !mailboxes)
        return failure(ErrorKind::invalid,
                       "what is to be set? Give dmarc, return_path, tracking, tracking_host or mailboxes");
    RELEVO_TRY(const Domain domain, named_domain(transaction, name));
    if (dmarc) {
        RELEVO_TRY(const auto handling, dmarc_handling(*dmarc));
        RELEVO_CHECK(set_dmarc_handling(transaction, domain.id, handling));
    }
    if (return_path) RELEVO_CHECK(set_return_path(transaction, domain.id, *return_path));
    if (tracking) {
        RELEVO_TRY(const auto tracked, tracking_of(*tracking));
        RELEVO_CHECK(set_tracking(transaction, domain.id, tracked));
    }
    if (tracking_host) RELEVO_CHECK(set_tracking_host(transaction, domain.id, *tracking_host));
    if (mailboxes) {
        const bool are_none = *mailboxes == std::vector<std::string>{"none"};
        RELEVO_CHECK(set_mailbox_servers(transaction, domain.id, are_none ? std::vector<std::string>() : *mailboxes));
    }
    RELEVO_TRY(const Domain changed, domain_by_id(transaction, domain.id));
    return json_of(transaction, changed);
}

Work domain_command(Transaction& transaction, std::string_view command, const Arguments& arguments) {
    if (command == "domain.remove") {
        RELEVO_CHECK(check_members(arguments, {"domain"}));
        RELEVO_TRY(const std::string name, required_text(arguments, "domain"));
        RELEVO_TRY(const Domain domain, named_domain(transaction, name));
        RELEVO_CHECK(remove_domain(transaction, domain.id));
        RELEVO_CHECK(withdraw_keys_of(transaction, domain.id, WallClock::now()));
        return json::object{{"removed", domain.name}};
    }
    if (command == "domain.set") return set_domain(transaction, arguments);
    if (command != "domain.add")
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    RELEVO_CHECK(check_members(arguments, {"tenant", "domain", "subdomains", "addresses", "trusted"}));
    RELEVO_TRY(const std::string tenant_text, required_text(arguments, "tenant"));
    RELEVO_TRY(const Tenant tenant, named_tenant(transaction, tenant_text));
    RELEVO_TRY(const std::string name, required_text(arguments, "domain"));
    RELEVO_TRY(const auto subdomains, flag_member(arguments, "subdomains"));
    RELEVO_TRY(const auto addresses, list_member(arguments, "addresses"));
    RELEVO_TRY(const auto trusted, flag_member(arguments, "trusted"));
    if (!trusted.value_or(false)) RELEVO_CHECK(refuse_public_suffix(name));
    RELEVO_TRY(const DomainId id,
               create_domain(transaction,
                             {.tenant = tenant.id,
                              .name = name,
                              .subdomains = subdomains.value_or(false) ? Subdomains::included : Subdomains::excluded,
                              .ownership = trusted.value_or(false) ? Ownership::trusted : Ownership::pending,
                              .challenge = generate_password(system_random())},
                             WallClock::now()));
    if (addresses) RELEVO_CHECK(set_domain_addresses(transaction, id, *addresses));
    RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
    return json_of(transaction, domain);
}

// --- credentials

Result<void> apply_credential_members(Transaction& transaction, const Credential& credential,
                                      const Arguments& arguments) {
    RELEVO_TRY(const auto label, text_member(arguments, "label"));
    if (label) RELEVO_CHECK(set_label(transaction, credential.id, *label));
    RELEVO_TRY(const auto domains, list_member(arguments, "domains"));
    if (domains) RELEVO_CHECK(set_credential_domains(transaction, credential.id, *domains));
    RELEVO_TRY(const auto networks, list_member(arguments, "networks"));
    if (networks) RELEVO_CHECK(set_credential_networks(transaction, credential.id, *networks));
    RELEVO_TRY(const RateLimits limits, limits_member(arguments, credential.limits));
    if (limits != credential.limits) RELEVO_CHECK(set_limits(transaction, credential.id, limits));
    RELEVO_TRY(const auto stream, stream_member(arguments));
    if (stream) RELEVO_CHECK(set_stream(transaction, credential.id, *stream));
    RELEVO_TRY(const auto expires_at, time_member(arguments, "expires_at"));
    if (expires_at) RELEVO_CHECK(set_expiry(transaction, credential.id, *expires_at));
    return {};
}

Work credential_command(Transaction& transaction, std::string_view command, const Arguments& arguments) {
    RELEVO_CHECK(command == "credential.set"
                     ? check_members(arguments, {"credential", "label", "domains", "networks", "messages_per_hour",
                                                 "messages_per_day", "stream", "expires_at"})
                     : check_members(arguments, {"credential"}));
    RELEVO_TRY(const std::string name, required_text(arguments, "credential"));
    RELEVO_TRY(const CredentialRow row, named_credential(transaction, name));
    const Credential& credential = row.credential;
    if (command == "credential.remove") {
        RELEVO_CHECK(remove_credential(transaction, credential.id));
        return json::object{{"removed", credential.login}};
    }
    if (command == "credential.enable" || command == "credential.disable") {
        RELEVO_CHECK(set_smtp_enabled(transaction, credential.id, command == "credential.enable"));
    } else if (command == "credential.set") {
        RELEVO_CHECK(apply_credential_members(transaction, credential, arguments));
    } else {
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    }
    RELEVO_TRY(const CredentialRow changed, find_credential(transaction, credential.login));
    return json_of(transaction, changed);
}

// --- networks

Work network_command(Transaction& transaction, std::string_view command, const Arguments& arguments) {
    if (command == "network.remove") {
        RELEVO_CHECK(check_members(arguments, {"network"}));
        RELEVO_TRY(const std::string name, required_text(arguments, "network"));
        RELEVO_TRY(const NetworkGrant grant, named_network(transaction, name));
        RELEVO_CHECK(remove_network_grant(transaction, grant.id));
        return json::object{{"removed", grant.network.text()}};
    }
    if (command != "network.add")
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    RELEVO_CHECK(
        check_members(arguments, {"tenant", "network", "label", "messages_per_hour", "messages_per_day", "stream"}));
    RELEVO_TRY(const std::string tenant_text, required_text(arguments, "tenant"));
    RELEVO_TRY(const Tenant tenant, named_tenant(transaction, tenant_text));
    RELEVO_TRY(const std::string network, required_text(arguments, "network"));
    RELEVO_TRY(const auto label, text_member(arguments, "label"));
    RELEVO_TRY(const RateLimits limits, limits_member(arguments));
    RELEVO_TRY(const auto stream, stream_member(arguments));
    RELEVO_TRY(const NetworkGrantId id,
               create_network_grant(transaction, tenant.id, network, label.value_or(""), limits,
                                    stream.value_or(mail::MessageStream::transactional), WallClock::now()));
    RELEVO_TRY(const NetworkGrant grant, named_network(transaction, id.text()));
    return json_of(transaction, grant);
}

Result<NewCredential> new_credential(Reader& reader, const Arguments& arguments) {
    NewCredential credential;
    RELEVO_TRY(const std::string tenant_text, required_text(arguments, "tenant"));
    RELEVO_TRY(const Tenant tenant, named_tenant(reader, tenant_text));
    credential.tenant = tenant.id;
    RELEVO_TRY(const auto login, text_member(arguments, "login"));
    credential.login = login ? *login : suggest_login(tenant.name, system_random());
    RELEVO_TRY(const auto label, text_member(arguments, "label"));
    credential.label = label.value_or("");
    RELEVO_TRY(const auto domains, list_member(arguments, "domains"));
    credential.domains = domains.value_or(std::vector<std::string>());
    RELEVO_TRY(const auto networks, list_member(arguments, "networks"));
    credential.networks = networks.value_or(std::vector<std::string>());
    RELEVO_TRY(credential.limits, limits_member(arguments));
    RELEVO_TRY(const auto stream, stream_member(arguments));
    credential.stream = stream.value_or(mail::MessageStream::transactional);
    RELEVO_TRY(const auto expires_at, time_member(arguments, "expires_at"));
    credential.expires_at = expires_at.value_or(WallClock::time_point{});
    return credential;
}

}  // namespace

// The password that was given, or a new one, and what is kept of it: 20 ms of processor time, which a shard with
// sessions has not got.
Task<Result<Control::FreshSecret>> Control::fresh_secret(const Arguments& arguments) {
    RELEVO_CO_TRY(const auto given, text_member(arguments, "password"));
    FreshSecret secret;
    secret.password = given ? *given : generate_password(system_random());
    if (context_.passwords != nullptr) {
        RELEVO_CO_TRY(secret.stored, co_await make_secret(*context_.passwords, secret.password));
    } else {
        RELEVO_CO_TRY(secret.stored, make_secret(secret.password, system_random()));
    }
    co_return secret;
}

Task<Control::Answer> Control::change_rows(std::function<Result<json::object>(Transaction&)> work) {
    json::object answer;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(answer, work(transaction));
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    if (context_.refresh_directory) RELEVO_CO_CHECK(co_await context_.refresh_directory());
    co_return answer;
}

Task<Control::Answer> Control::read_rows(std::function<Result<json::object>(Reader&)> work) {
    json::object answer;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(answer, work(reader));
        return {};
    }));
    co_return answer;
}

Task<Control::Answer> Control::change_tenancy(std::string command, Arguments arguments) {
    return change_rows([command = std::move(command), arguments = std::move(arguments),
                        language = context_.default_language](Transaction& transaction) -> Work {
        if (command.starts_with("tenant.")) return tenant_command(transaction, command, arguments, language);
        if (command.starts_with("domain.")) return domain_command(transaction, command, arguments);
        if (command.starts_with("network.")) return network_command(transaction, command, arguments);
        return credential_command(transaction, command, arguments);
    });
}

json::object Control::json_of_conduct(std::string_view tenant_id) const {
    const auto id = TenantId::parse(tenant_id);
    const Conduct conduct = context_.feedback.conduct().of(id.has_value() ? *id : TenantId{}, WallClock::now());
    return {{"level", name_of(conduct.level)},
            {"reason", json_text_or_null(reason_of(conduct))},
            {"since", conduct.level == ConductLevel::good ? json::value(nullptr) : json_time(conduct.since)},
            {"window_hours", conduct.window.count()},
            {"recipients", conduct.counts.sent},
            {"bounced", conduct.counts.bounced},
            {"complained", conduct.counts.complained}};
}

// What comes from memory and not from rows: how its mail behaved.
Task<Control::Answer> Control::show_tenant(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "tenant"));
    RELEVO_CO_TRY(json::object tenant, co_await read_rows([name](Reader& reader) -> Work {
                      RELEVO_TRY(const Tenant found, named_tenant(reader, name));
                      return json_of(reader, found);
                  }));
    tenant["conduct"] = json_of_conduct(std::string_view(tenant.at("id").get_string()));
    co_return tenant;
}

Task<Control::Answer> Control::list_all_tenants(Arguments arguments) {
    RELEVO_CO_TRY(json::object answer, co_await read_tenancy("tenant.list", std::move(arguments)));
    for (json::value& tenant : answer.at("tenants").as_array())
        tenant.as_object()["conduct"] = json_of_conduct(std::string_view(tenant.at("id").get_string()));
    co_return answer;
}

Task<Control::Answer> Control::release_tenant(Arguments arguments) {
    RELEVO_CO_TRY(const json::object before, co_await show_tenant(arguments));
    RELEVO_CO_TRY(const TenantId id, TenantId::parse(std::string_view(before.at("id").get_string())));
    ConductLedger& conduct = context_.feedback.conduct();
    const auto now = WallClock::now();
    conduct.release(id, now);
    CommitRequest request;
    request.rows = [&conduct, &events = context_.store.spool().events(), now](Transaction& transaction,
                                                                              const std::vector<ContentToStore>&) {
        return conduct.save(transaction, events, now);
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    conduct.saved();
    co_return co_await show_tenant(std::move(arguments));
}

Task<Control::Answer> Control::read_tenancy(std::string command, Arguments arguments) {
    return read_rows([command = std::move(command), arguments = std::move(arguments),
                      submission = context_.submission()](Reader& reader) -> Work {
        if (command == "credential.show") {
            RELEVO_CHECK(check_members(arguments, {"credential"}));
            RELEVO_TRY(const std::string name, required_text(arguments, "credential"));
            RELEVO_TRY(const CredentialRow row, named_credential(reader, name));
            return json_with_profile(reader, row, submission);
        }
        if (command == "domain.show") {
            RELEVO_CHECK(check_members(arguments, {"domain"}));
            RELEVO_TRY(const std::string name, required_text(arguments, "domain"));
            RELEVO_TRY(const Domain domain, named_domain(reader, name));
            return json_of(reader, domain);
        }
        if (command == "tenant.list") {
            RELEVO_CHECK(check_members(arguments, {}));
            RELEVO_TRY(const auto rows, list_tenants(reader));
            return json_list_of(reader, "tenants", rows);
        }
        RELEVO_CHECK(check_members(arguments, {"tenant"}));
        RELEVO_TRY(const auto tenant, optional_tenant(reader, arguments));
        if (command == "domain.list") {
            RELEVO_TRY(const auto rows, list_domains(reader, tenant));
            return json_list_of(reader, "domains", rows);
        }
        if (command == "credential.list") {
            RELEVO_TRY(const auto rows, list_credentials(reader, tenant));
            return json_list_of(reader, "credentials", rows);
        }
        if (command != "network.list")
            return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
        RELEVO_TRY(const auto rows, list_network_grants(reader, tenant));
        return json_list_of(reader, "networks", rows);
    });
}

Task<Control::Answer> Control::add_credential(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "login", "label", "domains", "networks", "messages_per_hour",
                                              "messages_per_day", "stream", "expires_at", "password"}));
    RELEVO_CO_TRY(const FreshSecret secret, co_await fresh_secret(arguments));
    const json::object submission = context_.submission();
    auto answer = co_await change_rows([&](Transaction& transaction) -> Work {
        RELEVO_TRY(const NewCredential credential, new_credential(transaction, arguments));
        RELEVO_CHECK(create_credential(transaction, credential, secret.stored, WallClock::now()));
        RELEVO_TRY(const CredentialRow row, find_credential(transaction, credential.login));
        return json_with_profile(transaction, row, submission);
    });
    if (!answer.has_value()) co_return answer;
    (*answer)["password"] = secret.password;
    if (submission.contains("settings_url")) (*answer)["settings_url"] = submission.at("settings_url");
    co_return answer;
}

Task<Control::Answer> Control::rotate_credential(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"credential", "password"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "credential"));
    RELEVO_CO_TRY(const FreshSecret secret, co_await fresh_secret(arguments));
    auto answer = co_await change_rows([&](Transaction& transaction) -> Work {
        RELEVO_TRY(const CredentialRow row, named_credential(transaction, name));
        RELEVO_CHECK(set_secret(transaction, row.credential.id, secret.stored));
        RELEVO_TRY(const CredentialRow changed, find_credential(transaction, row.credential.login));
        return json_of(transaction, changed);
    });
    if (answer.has_value()) (*answer)["password"] = secret.password;
    co_return answer;
}

}  // namespace relevo
