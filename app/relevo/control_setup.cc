// The set-up of domains and of this server, looked at from outside.
#include "app/relevo/control.h"
#include "app/relevo/domain_facts.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/json_setup.h"
#include "core/tenancy/administration.h"

#include <fmt/format.h>

namespace relevo {

namespace json = boost::json;

Task<Result<setup::DomainFacts>> Control::facts_of(std::string name) {
    const auto configuration = context_.inspection->configuration();
    setup::DomainFacts facts;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        const auto id = DomainId::parse(name);
        RELEVO_TRY(const Domain domain, id.has_value() ? domain_by_id(reader, *id) : find_domain(reader, name));
        RELEVO_TRY(facts, domain_facts(reader, domain, *configuration));
        return {};
    }));
    co_return facts;
}

Task<Control::Answer> Control::describe_dns(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain", "language", "look"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "domain"));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const auto look, flag_member(arguments, "look"));
    RELEVO_CO_TRY(setup::DomainFacts facts, co_await facts_of(name));
    const setup::DnsPlan plan = look.value_or(true) ? co_await context_.inspection->plan(std::move(facts))
                                                    : co_await context_.inspection->bare_plan(std::move(facts));
    co_return json_of(plan, language);
}

Task<Control::Answer> Control::check_domain(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"domain", "language"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "domain"));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(setup::DomainFacts facts, co_await facts_of(name));
    const std::string domain = facts.domain;
    const setup::DomainReport report = co_await context_.inspection->check_domain(facts);
    if (context_.domain_watch != nullptr) co_await context_.domain_watch->note(std::move(facts), report.items);
    json::object answer = json_of(report.items, language);
    answer["domain"] = domain;
    co_return answer;
}

// `tenant` is taken, as requests of tenants carry it: all see the same.
Task<Control::Answer> Control::check_connections(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "port", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const auto port, number_member(arguments, "port"));
    if (!context_.listeners) co_return failure(ErrorKind::closed, "this needs a running server");
    std::vector<setup::OwnListener> listeners = context_.listeners();
    if (port) std::erase_if(listeners, [&](const setup::OwnListener& one) { return one.endpoint.port != *port; });
    json::array attempts;
    for (const auto& finding : co_await context_.inspection->try_connections(std::move(listeners)))
        attempts.emplace_back(json_of(finding, language));
    co_return json::object{{"host_name", context_.inspection->configuration()->server.host_name},
                           {"attempts", std::move(attempts)}};
}

// Pages that the running server met; `relevo doctor` looks at all.
setup::CheckItem Control::check_store() const {
    setup::CheckItem item = setup::make_item("machine.store", setup::CheckGroup::machine, context_.store.data_dir(),
                                             {"Tenants, logins and waiting mail are kept there.",
                                              "Ahí se guardan clientes, credenciales y el correo en espera."});
    const std::size_t count = context_.store.damaged_pages();
    if (count == 0) {
        item.found = {"no damaged page was met since the start", "ninguna página dañada desde el arranque"};
        return item;
    }
    item.status = setup::CheckStatus::fail;
    item.found = {fmt::format("damaged pages were met since the start: {}", count),
                  fmt::format("páginas dañadas desde el arranque: {}", count)};
    item.action = {
        "Look at `relevo doctor`; stop the server; put back a backup (`relevo backup restore`), or run "
        "`relevo store repair`.",
        "Mire `relevo doctor`; detenga el servidor; recupere una copia (`relevo backup restore`) o ejecute "
        "`relevo store repair`."};
    return item;
}

Task<Control::Answer> Control::check_server(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    std::vector<setup::CheckItem> items = co_await context_.inspection->check_server(
        context_.listeners ? context_.listeners() : std::vector<setup::OwnListener>());
    items.insert(items.begin(), check_store());
    co_return json_of(items, language);
}

}  // namespace relevo
