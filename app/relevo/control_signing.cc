// Who owns a domain, and the keys that sign for it.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/signing/keys.h"
#include "core/signing/publication.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <map>

namespace relevo {
namespace {

namespace json = boost::json;

constexpr std::size_t pem_limit_octets = 64UL * 1024;

json::value time_or_null(WallClock::time_point time) { return json_time(time); }

// When the record of a key may be deleted; never for one that may still sign.
json::value keep_until(const KeyRow& key, const RotationOptions& options) {
    const bool is_retiring = key.state == KeyState::retiring;
    return is_retiring ? json_time(key.retired_at + options.keep_published) : json::value();
}

json::object json_of(const KeyRow& key, const RotationOptions& options) {
    return {{"domain", key.name},
            {"selector", key.selector},
            {"algorithm", mailauth::name_of(key.algorithm)},
            {"state", name_of(key.state)},
            {"host", record_host(key.selector, key.name)},
            {"record", key.record},
            {"dns", name_of(key.presence)},
            {"dns_since", time_or_null(key.presence_since)},
            {"created_at", time_or_null(key.created_at)},
            {"activated_at", time_or_null(key.activated_at)},
            {"retired_at", time_or_null(key.retired_at)},
            {"keep_until", keep_until(key, options)}};
}

json::array json_of(const std::vector<KeyRow>& keys, const RotationOptions& options) {
    json::array list;
    for (const KeyRow& key : keys) list.emplace_back(json_of(key, options));
    return list;
}

json::object json_of(const RecordFinding& finding) {
    return {{"host", finding.host},
            {"expected", finding.expected},
            {"dns", name_of(finding.presence)},
            {"found", json_list(finding.texts)},
            {"problem", json_text_or_null(finding.problem)}};
}

bool signs(const std::vector<KeyRow>& keys) {
    return std::ranges::any_of(keys, [](const KeyRow& key) { return key.state == KeyState::active; });
}

std::unexpected<Error> needs_server() { return failure(ErrorKind::closed, "this needs a running server"); }

}  // namespace

// The domain of a request about keys: a tenant's, or the service's own.
Task<Result<std::pair<DomainId, std::string>>> Control::signing_domain(std::string text) {
    std::pair<DomainId, std::string> found;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        const auto domain = named_domain(reader, text);
        if (domain.has_value()) {
            found = {domain->id, domain->name};
            return {};
        }
        const auto name = comparable_domain(text);
        if (context_.signing.service_domain.empty() || !name.has_value() || *name != context_.signing.service_domain)
            return std::unexpected(domain.error());
        found = {DomainId{}, *name};
        return {};
    }));
    co_return found;
}

// --- ownership

Task<Control::Answer> Control::add_domain(Arguments arguments) {
    RELEVO_CO_TRY(KeyVault * vault, context_.signing.vault());
    RELEVO_CO_TRY(json::object answer, co_await change_tenancy("domain.add", arguments));
    const std::string name(answer.at("name").as_string());
    RELEVO_CO_TRY(const auto domain, co_await signing_domain(name));
    const auto made = co_await add_keys(context_.store.committer(), *vault, *context_.signing.maker, domain.first, name,
                                        context_.signing.rotation(), WallClock::now());
    // The domain is there all the same, and the server makes its keys later; who reads the answer sees that none are.
    answer["keys"] = made.has_value() ? json_of(*made, context_.signing.rotation()) : json::array();
    co_return answer;
}

Task<Control::Answer> Control::verify_domain(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain"}));
    RELEVO_CO_TRY(const std::string text, required_text(arguments, "domain"));
    if (context_.signing.keeper == nullptr) co_return needs_server();
    RELEVO_CO_TRY(const auto domain, co_await signing_domain(text));
    RELEVO_CO_TRY(const DomainVisit visit, co_await context_.signing.keeper->visit(domain.first));
    json::array findings;
    for (const RecordFinding& finding : visit.findings) findings.emplace_back(json_of(finding));
    if (!domain.first)
        co_return json::object{{"domain", nullptr}, {"proven", nullptr}, {"findings", std::move(findings)}};
    RELEVO_CO_TRY(json::object row, co_await read_rows([id = domain.first](Reader& reader) -> Answer {
                      RELEVO_TRY(const Domain changed, domain_by_id(reader, id));
                      return relevo::json_of(reader, changed);
                  }));
    const bool is_proven = row.at("ownership").as_string() != name_of(Ownership::pending);
    co_return json::object{{"domain", std::move(row)}, {"proven", is_proven}, {"findings", std::move(findings)}};
}

// --- keys

Task<Control::Answer> Control::list_signing_keys(Arguments arguments) {
    return read_rows(
        [arguments = std::move(arguments), options = context_.signing.rotation()](Reader& reader) -> Answer {
            RELEVO_CHECK(check_members(arguments, {"tenant", "all"}));
            RELEVO_TRY(const auto tenant_text, text_member(arguments, "tenant"));
            RELEVO_TRY(const auto all, flag_member(arguments, "all"));
            std::map<DomainId, std::string> names;  // of the tenant's domains, if only those are wanted
            if (tenant_text) {
                RELEVO_TRY(const Tenant tenant, named_tenant(reader, *tenant_text));
                RELEVO_TRY(const std::vector<Domain> domains, list_domains(reader, tenant.id));
                for (const Domain& domain : domains) names.emplace(domain.id, domain.name);
            }
            RELEVO_TRY(std::vector<KeyRow> keys, list_keys(reader));
            std::erase_if(keys, [&](const KeyRow& key) {
                return (tenant_text && !names.contains(key.domain)) ||
                       (!all.value_or(false) && key.state == KeyState::withdrawn);
            });
            return json::object{{"keys", json_of(keys, options)}};
        });
}

Task<Control::Answer> Control::show_signing_keys(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain"}));
    RELEVO_CO_TRY(const std::string text, required_text(arguments, "domain"));
    RELEVO_CO_TRY(const auto domain, co_await signing_domain(text));
    co_return co_await read_rows([domain, options = context_.signing.rotation()](Reader& reader) -> Answer {
        RELEVO_TRY(const std::vector<KeyRow> keys,
                   domain.first ? keys_of(reader, domain.first) : keys_of_service(reader, domain.second));
        return json::object{{"domain", domain.second}, {"signs", signs(keys)}, {"keys", json_of(keys, options)}};
    });
}

Task<Control::Answer> Control::rotate_signing_keys(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain"}));
    RELEVO_CO_TRY(const std::string text, required_text(arguments, "domain"));
    RELEVO_CO_TRY(KeyVault * vault, context_.signing.vault());
    RELEVO_CO_TRY(const auto domain, co_await signing_domain(text));
    RELEVO_CO_TRY(const std::vector<KeyRow> made,
                  co_await add_keys(context_.store.committer(), *vault, *context_.signing.maker, domain.first,
                                    domain.second, context_.signing.rotation(), WallClock::now()));
    RELEVO_CO_TRY(json::object answer, co_await show_signing_keys({{"domain", text}}));
    answer["made"] = made.size();
    co_return answer;
}

Task<Control::Answer> Control::import_signing_key(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain", "selector", "key"}));
    RELEVO_CO_TRY(const std::string text, required_text(arguments, "domain"));
    RELEVO_CO_TRY(const std::string selector_text, required_text(arguments, "selector"));
    RELEVO_CO_TRY(const std::string pem, required_text(arguments, "key"));
    if (pem.size() > pem_limit_octets) co_return failure(ErrorKind::invalid, "the file is too large for a key");
    RELEVO_CO_TRY(const std::string selector, checked_selector(selector_text));
    RELEVO_CO_TRY(const mailauth::SigningKey key, mailauth::SigningKey::from_pem(pem));
    RELEVO_CO_TRY(KeyVault * vault, context_.signing.vault());
    RELEVO_CO_TRY(const auto domain, co_await signing_domain(text));
    const auto now = WallClock::now();
    RELEVO_CO_CHECK(co_await change_rows([&](Transaction& transaction) -> Answer {
        RELEVO_TRY(const KeyRow row, sealed_row(*vault, key, domain.first, domain.second, selector, now));
        RELEVO_TRY(const std::vector<KeyRow> keys,
                   domain.first ? keys_of(transaction, domain.first) : keys_of_service(transaction, domain.second));
        // It takes the place of one that waits, which nobody needs to publish any more.
        for (const KeyRow& other : keys)
            if (other.algorithm == row.algorithm &&
                (other.state == KeyState::next || other.state == KeyState::published))
                RELEVO_CHECK(move_key(transaction, other, KeyState::withdrawn, now));
        RELEVO_CHECK(insert_key(transaction, row));
        return json::object();
    }));
    co_return co_await show_signing_keys({{"domain", text}});
}

Task<Control::Answer> Control::forget_signing_keys(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"all"}));
    RELEVO_CO_TRY(const auto all, flag_member(arguments, "all"));
    if (!all.value_or(false))
        co_return failure(ErrorKind::invalid, "this gives up the keys of all domains: say so with --all");
    if (context_.dispatcher != nullptr)
        co_return failure(ErrorKind::conflict, "stop the server first: this is for a store whose master key is lost");
    const auto now = WallClock::now();
    co_return co_await change_rows([&](Transaction& transaction) -> Answer {
        RELEVO_TRY(const std::vector<KeyRow> keys, list_keys(transaction));
        std::int64_t count = 0;
        for (const KeyRow& key : keys) {
            if (key.state == KeyState::withdrawn) continue;
            RELEVO_CHECK(move_key(transaction, key, KeyState::withdrawn, now));
            ++count;
        }
        return json::object{{"count", count}};
    });
}

}  // namespace relevo
