// LAN mode: tokens and offices of a central relay, devices of an office, and what became of their mail.
#include "app/configuration/value.h"
#include "app/relevo/certificate_digests.h"
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/lan/token.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/secret.h"
#include "lib/base/text.h"
#include "lib/bounces/bounce_class.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Work = Result<json::object>;

constexpr std::chrono::hours usual_token_life{24};
constexpr std::int64_t longest_report_days = 366;

json::object json_of(const LanOffice& office, const std::string& tenant, WallClock::time_point now) {
    return {{"id", office.id.text()},
            {"label", office.label},
            {"tenant", tenant},
            {"login", office.login},
            {"state", name_of(office.state(now))},
            {"created_at", json_time(office.created_at)},
            {"expires_at", json_time(office.expires_at)},
            {"enrolled_at", json_time(office.enrolled_at)},
            {"revoked_at", json_time(office.revoked_at)}};
}

Result<std::string> tenant_name_of(Reader& reader, TenantId id) {
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    const auto found = std::ranges::find(all, id, &Tenant::id);
    return found == all.end() ? std::string() : found->name;
}

Work list_tokens(Reader& reader) {
    RELEVO_TRY(const std::vector<LanOffice> all, list_offices(reader));
    json::array offices;
    for (const LanOffice& office : all) {
        RELEVO_TRY(const std::string tenant, tenant_name_of(reader, office.tenant));
        offices.emplace_back(json_of(office, tenant, WallClock::now()));
    }
    return json::object{{"offices", std::move(offices)}};
}

// "relay.example.com:587", or the host alone.
Result<void> read_server(std::string_view text, LanFace& face) {
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && text.find(':') == colon;
    const auto port = has_port ? parse_decimal<std::uint16_t>(text.substr(colon + 1)) : std::optional(face.port);
    face.host = text.substr(0, has_port ? colon : text.size());
    if (face.host.empty() || !port || *port == 0)
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no server: write it as relay.example.com:587", printable(text, 100)));
    face.port = *port;
    return {};
}

Result<LanToken> token_of(Reader& reader, TenantId tenant, const LanFace& face) {
    LanToken token{.host = face.host, .port = face.port, .key_sha256 = face.key_sha256};
    RELEVO_TRY(const std::vector<Domain> domains, list_domains(reader, tenant));
    for (const Domain& domain : domains)
        token.domains.push_back((domain.subdomains == Subdomains::included ? "." : "") + domain.name);
    if (token.domains.empty())
        return failure(ErrorKind::conflict,
                       "the tenant has no domain yet, so the office could send nothing: add one first (relevo domain "
                       "add)");
    return token;
}

// --- devices

Result<Tenant> tenant_of_devices(Reader& reader, const std::optional<std::string>& name) {
    if (name) return named_tenant(reader, *name);
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    if (all.size() == 1) return all.front();
    return failure(ErrorKind::invalid, all.empty()
                                           ? "there is no tenant yet: enrol this office first (relevo lan enroll)"
                                           : "which tenant's device is it? Give --tenant NAME");
}

// A single address is a network of one.
std::string network_text(const std::string& text) {
    if (text.find('/') != std::string::npos) return text;
    const auto address = dns::IpAddress::parse(text);
    if (!address.has_value()) return text;
    return text + (address->is_v4() ? "/32" : "/128");
}

json::object json_of(const LanDevice& device, const std::vector<CredentialRow>& credentials,
                     const std::vector<NetworkGrant>& grants) {
    json::value login, network, last_used;
    for (const CredentialRow& row : credentials)
        if (device.credential && row.credential.id == device.credential) {
            login = json::value(row.credential.login);
            last_used = json_time(row.last_used_at);
        }
    for (const NetworkGrant& grant : grants)
        if (device.grant && grant.id == device.grant) network = json::value(grant.network.text());
    return {{"name", device.name},
            {"login", std::move(login)},
            {"network", std::move(network)},
            {"last_login_at", std::move(last_used)},
            {"created_at", json_time(device.created_at)}};
}

Work list_devices_as_json(Reader& reader) {
    RELEVO_TRY(const auto devices, list_devices(reader));
    RELEVO_TRY(const auto credentials, list_credentials(reader, {}));
    RELEVO_TRY(const auto grants, list_network_grants(reader));
    json::array rows;
    for (const LanDevice& device : devices) rows.emplace_back(json_of(device, credentials, grants));
    return json::object{{"devices", std::move(rows)}};
}

// What let it send goes too: without the row nobody would know whose it is.
Work remove_device_and_access(Transaction& transaction, const std::string& name) {
    RELEVO_TRY(const auto devices, list_devices(transaction));
    const auto device = std::ranges::find(devices, name, &LanDevice::name);
    RELEVO_CHECK(remove_device(transaction, name));
    if (device == devices.end()) return json::object{{"removed", name}};
    Result<void> access;
    if (device->credential) access = remove_credential(transaction, device->credential);
    if (access.has_value() && device->grant) access = remove_network_grant(transaction, device->grant);
    if (!access.has_value() && access.error().kind != ErrorKind::not_found) return std::unexpected(access.error());
    return json::object{{"removed", name}};
}

// --- the report

json::value json_of_problem(const DeviceReport& report, mail::Language language) {
    if (report.problem_at == WallClock::time_point{}) return nullptr;
    json::object problem{{"at", json_time(report.problem_at)}};
    boost::system::error_code not_json;
    const json::value parsed = json::parse(report.problem, not_json);
    const json::object facts = !not_json && parsed.is_object() ? parsed.get_object() : json::object();
    const auto text = [&](std::string_view name) {
        const json::value* value = facts.if_contains(name);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    problem["recipient"] = json_text_or_null(text("recipient"));
    const std::string words = text("reply").empty() ? text("explanation") : text("reply");
    problem["text"] = facts.empty() ? report.problem : words;
    const auto kind = bounces::bounce_class_named(text("class"));
    if (!kind) return problem;
    const mail::Advice advice = bounces::explain(*kind, language);
    problem["class"] = text("class");
    problem["meaning"] = fmt::format("{}{}{}", advice.reason, advice.what_to.empty() ? "" : " ", advice.what_to);
    return problem;
}

json::object json_of(const DeviceReport& report, const std::vector<LanOffice>& offices, mail::Language language) {
    const auto office = std::ranges::find(offices, report.origin.office, &LanOffice::id);
    return {{"office", office == offices.end() ? json::value(nullptr) : json::value(office->label)},
            {"office_id", report.origin.office ? json::value(report.origin.office.text()) : json::value(nullptr)},
            {"device", json_text_or_null(report.origin.device)},
            {"messages", report.messages},
            {"recipients", report.recipients},
            {"delivered", report.delivered},
            {"waiting", report.waiting},
            {"deferred", report.deferred},
            {"refused", report.refused},
            {"not_taken", report.not_taken},
            {"last_seen", json_time(report.last_seen)},
            {"problem", json_of_problem(report, language)}};
}

}  // namespace

LanFace lan_face(const Configuration& configuration) {
    LanFace face{.host = configuration.server.host_name, .port = 0};
    for (const ListenerSettings& listener : configuration.listeners)
        if (face.port == 0 && listener.role == ListenerPurpose::submission && listener.tls == ListenerTls::starttls &&
            listener.auth != ListenerAuth::none && !listener.address.empty())
            face.port = listener.address.front().port;
    TlsSettings tls;
    tls.certificate = configuration.tls.certificate.empty() ? configuration.server.data_dir + "/self-signed.pem"
                                                            : configuration.tls.certificate;
    if (const auto digests = certificate_digests(tls); !digests.empty()) face.key_sha256 = digests.front().key_sha256;
    return face;
}

Task<Control::Answer> Control::perform_lan(std::string command, Arguments arguments) {
    if (command == "lan.token.create") co_return co_await create_lan_token(std::move(arguments));
    if (command == "lan.device.add") co_return co_await add_lan_device(std::move(arguments));
    if (command == "lan.report") co_return co_await report_on_devices(std::move(arguments));
    if (command == "lan.token.list") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        co_return co_await read_rows(list_tokens);
    }
    if (command == "lan.device.list") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        co_return co_await read_rows(list_devices_as_json);
    }
    if (command == "lan.token.revoke") {
        RELEVO_CO_CHECK(check_members(arguments, {"office"}));
        RELEVO_CO_TRY(const std::string name, required_text(arguments, "office"));
        co_return co_await change_rows([name](Transaction& transaction) -> Work {
            RELEVO_TRY(const LanOffice office, find_office(transaction, name));
            RELEVO_CHECK(revoke_office(transaction, office, WallClock::now()));
            return json::object{{"revoked", office.label}, {"was", name_of(office.state(WallClock::now()))}};
        });
    }
    if (command == "lan.device.remove") {
        RELEVO_CO_CHECK(check_members(arguments, {"device"}));
        RELEVO_CO_TRY(const std::string name, required_text(arguments, "device"));
        co_return co_await change_rows(
            [name](Transaction& transaction) { return remove_device_and_access(transaction, name); });
    }
    co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
}

Task<Control::Answer> Control::create_lan_token(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "label", "expires", "server"}));
    RELEVO_CO_TRY(const std::string tenant_text, required_text(arguments, "tenant"));
    RELEVO_CO_TRY(const std::string label, required_text(arguments, "label"));
    RELEVO_CO_TRY(const auto expires_text, text_member(arguments, "expires"));
    RELEVO_CO_TRY(const auto server, text_member(arguments, "server"));
    std::chrono::seconds life = usual_token_life;
    if (expires_text) {
        const auto given = configuration::parse_duration(*expires_text);
        if (!given)
            co_return failure(ErrorKind::invalid, fmt::format("\"{}\" is no duration: write it as 24h or 3d",
                                                              printable(*expires_text, 60)));
        life = *given;
    }
    LanFace face = context_.lan_face();
    if (server) RELEVO_CO_CHECK(read_server(*server, face));
    if (face.port == 0)
        co_return failure(ErrorKind::conflict,
                          "no listener takes submissions with STARTTLS and a login: add one, or "
                          "name the way in with --server relay.example.com:587");
    const std::string secret = generate_password(system_random());
    co_return co_await change_rows([&](Transaction& transaction) -> Work {
        const auto now = WallClock::now();
        RELEVO_TRY(const Tenant tenant, named_tenant(transaction, tenant_text));
        RELEVO_TRY(LanToken token, token_of(transaction, tenant.id, face));
        token.secret = secret;
        token.login = suggest_login(tenant.name, system_random());
        RELEVO_TRY(
            const LanOfficeId id,
            create_office(
                transaction,
                {.tenant = tenant.id, .label = label, .login = token.login, .secret = secret, .expires_at = now + life},
                now));
        RELEVO_TRY(const LanOffice office, find_office(transaction, id.text()));
        json::object answer = json_of(office, tenant.name, now);
        answer["server"] = fmt::format("{}:{}", face.host, face.port);
        answer["pinned"] = !face.key_sha256.empty();
        answer["token"] = text_of(token);
        return answer;
    });
}

Task<Control::Answer> Control::add_lan_device(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"name", "tenant", "network", "login", "password"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "name"));
    RELEVO_CO_TRY(const auto tenant_text, text_member(arguments, "tenant"));
    RELEVO_CO_TRY(const auto network, text_member(arguments, "network"));
    RELEVO_CO_TRY(const auto login, flag_member(arguments, "login"));
    if (network.has_value() == login.value_or(false))
        co_return failure(
            ErrorKind::invalid,
            "how is the device known? Give --network with its address, or --login for a login of its own");
    FreshSecret secret;
    if (!network) {
        RELEVO_CO_TRY(secret, co_await fresh_secret(arguments));
    }
    auto answer = co_await change_rows([&](Transaction& transaction) -> Work {
        const auto now = WallClock::now();
        RELEVO_TRY(const Tenant tenant, tenant_of_devices(transaction, tenant_text));
        LanDevice device{.name = to_lower(name), .created_at = now};
        if (network) {
            RELEVO_TRY(device.grant, create_network_grant(transaction, tenant.id, network_text(*network), device.name,
                                                          {}, mail::MessageStream::transactional, now));
        } else {
            NewCredential credential;
            credential.tenant = tenant.id;
            credential.login = device.name;
            credential.label = "device " + device.name;
            RELEVO_TRY(device.credential, create_credential(transaction, credential, secret.stored, now));
        }
        RELEVO_CHECK(create_device(transaction, device));
        RELEVO_TRY(const auto credentials, list_credentials(transaction, {}));
        RELEVO_TRY(const auto grants, list_network_grants(transaction));
        return json_of(device, credentials, grants);
    });
    if (answer.has_value() && !network) (*answer)["password"] = secret.password;
    co_return answer;
}

Task<Control::Answer> Control::report_on_devices(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"days", "language"}));
    RELEVO_CO_TRY(const auto days, number_member(arguments, "days"));
    RELEVO_CO_TRY(const auto language_text, text_member(arguments, "language"));
    mail::Language language = context_.default_language;
    if (language_text) {
        RELEVO_CO_TRY(language, mail::parse_language(*language_text));
    }
    const std::int64_t count = days.value_or(7);
    if (count < 1 || count > longest_report_days) co_return failure(ErrorKind::invalid, "--days: from 1 to 366");
    co_return co_await read_rows([this, count, language](Reader& reader) -> Work {
        RELEVO_TRY(LanReport report, context_.lan->report(reader, day_of(WallClock::now()) - count + 1));
        RELEVO_TRY(const auto offices, list_offices(reader));
        RELEVO_TRY(const auto devices, list_devices(reader));
        for (const LanDevice& device : devices)  // one that sent nothing is worth a line: it may be broken
            if (std::ranges::find(report.devices, LanOrigin{{}, device.name}, &DeviceReport::origin) ==
                report.devices.end())
                report.devices.push_back({.origin = {{}, device.name}});
        json::array rows;
        for (const DeviceReport& device : report.devices) rows.emplace_back(json_of(device, offices, language));
        return json::object{{"days", count},
                            {"cut", report.cut},
                            {"language", language == mail::Language::spanish ? "es" : "en"},
                            {"devices", std::move(rows)}};
    });
}

}  // namespace relevo
