// Why logins failed, in words that say what to change.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/failed_logins.h"
#include "lib/sasl/mechanism.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <map>

namespace relevo {
namespace {

namespace json = boost::json;
using Values = std::map<std::string_view, std::string, std::less<>>;

constexpr std::int64_t usual_limit = 100;
constexpr std::int64_t most = 500;

std::string filled(std::string_view text, const Values& values) {
    std::string result;
    while (!text.empty()) {
        const auto open = text.find('{');
        const auto close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) break;
        const auto value = values.find(text.substr(open + 1, close - open - 1));
        result += text.substr(0, open);
        result += value == values.end() ? std::string(text.substr(open, close + 1 - open)) : value->second;
        text.remove_prefix(close + 1);
    }
    return result += text;
}

// "465 or 8465"; a dash if there is none.
std::string ports_with(const json::object& submission, std::string_view security, mail::Language language) {
    std::vector<std::string> ports;
    if (const auto* listed = submission.if_contains("ports"); listed != nullptr && listed->is_array())
        for (const json::value& port : listed->get_array())
            if (port.at("security").as_string() == security)
                ports.push_back(fmt::format("{}", port.at("port").to_number<std::int64_t>()));
    if (ports.empty()) return "–";
    return fmt::format("{}", fmt::join(ports, language == mail::Language::spanish ? " o " : " or "));
}

struct Owners {
    std::map<TenantId, std::string> tenants;
    std::map<CredentialId, std::string> logins;
};

json::object json_of(const FailedLogin& failed, Values values, const Owners& owners, mail::Language language) {
    const LoginProblemWords& words = words_of(failed.problem);
    values["login"] = failed.login;
    values["address"] = failed.address.text();
    values["port"] = fmt::format("{}", failed.port);
    const std::size_t column = language == mail::Language::spanish ? 1 : 0;
    const auto tenant = owners.tenants.find(failed.tenant);
    const auto credential = owners.logins.find(failed.credential);
    return {{"problem", words.name},
            {"meaning", filled(words.meaning[column], values)},
            {"advice", filled(words.advice[column], values)},
            {"tenant", tenant == owners.tenants.end() ? json::value(nullptr) : json::value(tenant->second)},
            {"credential", credential == owners.logins.end() ? json::value(nullptr) : json::value(credential->second)},
            {"login", json_text_or_null(failed.login)},
            {"address", failed.address.text()},
            {"port", failed.port},
            {"mechanism", json_text_or_null(failed.mechanism)},
            {"client_name", json_text_or_null(failed.client_name)},
            {"detail", json_text_or_null(failed.detail)},
            {"attempts", failed.attempts},
            {"first_at", json_time(failed.first_at)},
            {"last_at", json_time(failed.last_at)}};
}

Result<Owners> owners_of(Reader& reader) {
    Owners owners;
    RELEVO_TRY(const std::vector<Tenant> tenants, list_tenants(reader));
    for (const Tenant& tenant : tenants) owners.tenants[tenant.id] = tenant.name;
    RELEVO_TRY(const std::vector<CredentialRow> rows, list_credentials(reader));
    for (const CredentialRow& row : rows) owners.logins[row.credential.id] = row.credential.login;
    return owners;
}

}  // namespace

Task<Control::Answer> Control::list_login_failures(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "credential", "limit", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const auto tenant, text_member(arguments, "tenant"));
    RELEVO_CO_TRY(const auto credential, text_member(arguments, "credential"));
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    FailedLoginFilter filter{.tenant = {}, .credential = {}, .limit = limit.value_or(usual_limit)};
    if (filter.limit < 1 || filter.limit > most)
        co_return failure(ErrorKind::invalid, fmt::format("\"limit\" must be 1 to {}", most));
    if (context_.failed_logins != nullptr) RELEVO_CO_CHECK(co_await context_.failed_logins->write());
    const json::object submission = context_.submission ? context_.submission() : json::object();
    Values values;
    values["tls_ports"] = ports_with(submission, "tls", language);
    values["starttls_ports"] = ports_with(submission, "starttls", language);
    values["mechanisms"] = fmt::format("{}", fmt::join(sasl::server_mechanisms(false), ", "));
    co_return co_await read_rows([&](Reader& reader) -> Result<json::object> {
        if (tenant && !tenant->empty()) {
            RELEVO_TRY(const Tenant named, named_tenant(reader, *tenant));
            filter.tenant = named.id;
        }
        if (credential && !credential->empty()) {
            RELEVO_TRY(const CredentialRow named, named_credential(reader, *credential));
            if (filter.tenant && named.credential.tenant != *filter.tenant)
                return failure(ErrorKind::not_found, fmt::format("there is no credential \"{}\"", *credential));
            filter.credential = named.credential.id;
        }
        RELEVO_TRY(const std::vector<FailedLogin> all, list_failed_logins(reader, filter));
        RELEVO_TRY(const Owners owners, owners_of(reader));
        json::array failures;
        for (const FailedLogin& failed : all) failures.emplace_back(json_of(failed, values, owners, language));
        return json::object{{"failures", std::move(failures)}};
    });
}

}  // namespace relevo
