#include "app/relevo/control.h"

#include "app/backup/held_store.h"
#include "app/relevo/json_arguments.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relevo {
namespace {

namespace json = boost::json;

json::object failed(const Error& error) {
    std::string message = error.detail;
    if (error.kind == ErrorKind::damaged && message.find(backup::database_name) != std::string::npos)
        message += fmt::format(". {}", advice_on_damage_of(backup::database_name));
    json::object told{{"kind", name_of(error.kind)}, {"message", std::move(message)}};
    return {{"ok", false}, {"error", std::move(told)}};
}

bool starts_with_any(std::string_view command, std::initializer_list<std::string_view> prefixes) {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return command.starts_with(prefix); });
}

}  // namespace

Task<std::string> Control::perform(std::string request, Principal principal) {
    boost::system::error_code problem;
    json::parse_options limits;
    limits.max_depth = 8;
    json::value parsed = json::parse(request, problem, {}, limits);
    if (problem || !parsed.is_object())
        co_return json::serialize(failed({ErrorKind::invalid, "a request is one JSON object on one line"}));
    const json::object answer = co_await perform(std::move(parsed.get_object()), std::move(principal));
    co_return json::serialize(answer);
}

Task<json::object> Control::perform(json::object request, Principal principal) {
    const json::value* command = request.if_contains("command");
    json::value* arguments = request.if_contains("arguments");
    if (command == nullptr || !command->is_string()) co_return failed({ErrorKind::invalid, "\"command\" is missing"});
    Arguments given;
    if (arguments != nullptr && !arguments->is_null()) {
        if (!arguments->is_object()) co_return failed({ErrorKind::invalid, "\"arguments\" must be an object"});
        given = std::move(arguments->get_object());
    }
    const std::string name(command->get_string());
    std::optional<AuditEntry> entry = audit_of(name, given, principal);
    Answer answer = co_await dispatch(name, std::move(given), std::move(principal));
    if (entry) co_await write_down(*std::move(entry), answer);
    if (!answer.has_value()) co_return failed(answer.error());
    co_return json::object{{"ok", true}, {"result", std::move(*answer)}};
}

Task<Control::Answer> Control::dispatch(std::string command, Arguments arguments, Principal principal) {
    if (command == "user.setup_link") co_return co_await make_setup_link(std::move(arguments), std::move(principal));
    if (command == "user.invite") co_return co_await invite_user(std::move(arguments), std::move(principal));
    if (command == "user.send_link") co_return co_await send_user_link(std::move(arguments), std::move(principal));
    if (command == "user.forgotten") co_return co_await send_forgotten_password(std::move(arguments));
    if (command == "login.failures") co_return co_await list_login_failures(std::move(arguments));
    if (command == "server.submission") co_return co_await describe_submission(std::move(arguments));
    if (starts_with_any(command, {"user.", "key.", "session.", "audit."}))
        co_return co_await perform_accounts(std::move(command), std::move(arguments), std::move(principal));
    if (command == "queue.list") co_return co_await list_queue(std::move(arguments));
    if (command == "queue.show") {
        RELEVO_CO_CHECK(check_members(arguments, {"id", "limit", "after"}));
        RELEVO_CO_CHECK(required_text(arguments, "id"));
        co_return co_await list_queue(std::move(arguments));
    }
    if (command == "queue.hold") co_return co_await change_queue(Spool::Change::hold, std::move(arguments));
    if (command == "queue.release") co_return co_await change_queue(Spool::Change::release, std::move(arguments));
    if (command == "queue.retry") co_return co_await change_queue(Spool::Change::retry, std::move(arguments));
    if (command == "queue.drop") co_return co_await change_queue(Spool::Change::drop, std::move(arguments));
    if (command == "queue.suspend") co_return co_await suspend_destination(std::move(arguments), true);
    if (command == "queue.resume") co_return co_await suspend_destination(std::move(arguments), false);
    if (command == "message.show") co_return co_await show_message(std::move(arguments));
    if (command == "message.cancel") co_return co_await cancel_message(std::move(arguments), std::move(principal));
    if (command == "message.list") co_return co_await list_messages(std::move(arguments));
    if (command == "event.list") co_return co_await list_events(std::move(arguments));
    if (command.starts_with("stats.")) co_return co_await perform_statistics(std::move(command), std::move(arguments));
    if (command == "message.content") co_return co_await message_content(std::move(arguments));
    if (command == "message.preview") co_return co_await message_preview(std::move(arguments));
    if (command == "credential.add") co_return co_await add_credential(std::move(arguments));
    if (command == "credential.rotate") co_return co_await rotate_credential(std::move(arguments));
    if (command == "domain.add") co_return co_await add_domain(std::move(arguments));
    if (command == "domain.verify") co_return co_await verify_domain(std::move(arguments));
    if (command == "dkim.list") co_return co_await list_signing_keys(std::move(arguments));
    if (command == "dkim.show") co_return co_await show_signing_keys(std::move(arguments));
    if (command == "dkim.rotate") co_return co_await rotate_signing_keys(std::move(arguments));
    if (command == "dkim.import") co_return co_await import_signing_key(std::move(arguments));
    if (command == "dkim.forget") co_return co_await forget_signing_keys(std::move(arguments));
    if (command == "domain.dns" || command.starts_with("check.")) {
        if (context_.inspection == nullptr) co_return failure(ErrorKind::unsupported, "this process asks no DNS");
        if (command == "domain.dns") co_return co_await describe_dns(std::move(arguments));
        if (command == "check.domain") co_return co_await check_domain(std::move(arguments));
        if (command == "check.connections") co_return co_await check_connections(std::move(arguments));
        if (command == "check.server") co_return co_await check_server(std::move(arguments));
    }
    if (command.starts_with("address.")) co_return co_await perform_addresses(std::move(command), std::move(arguments));
    if (command == "source.list") co_return co_await list_sources(std::move(arguments));
    if (command == "source.drain") co_return co_await drain_source(std::move(arguments), true);
    if (command == "source.resume") co_return co_await drain_source(std::move(arguments), false);
    if (command == "site.suspend" || command == "site.resume" || command == "site.explain")
        co_return co_await perform_sites(std::move(command), std::move(arguments));
    if (command.starts_with("webhook.")) co_return co_await perform_webhooks(std::move(command), std::move(arguments));
    if (command.starts_with("certificate."))
        co_return co_await perform_certificates(std::move(command), std::move(arguments));
    if (command.starts_with("lan.")) co_return co_await perform_lan(std::move(command), std::move(arguments));
    if (command.starts_with("reports.")) co_return co_await perform_reports(std::move(command), std::move(arguments));
    if (command.starts_with("suppression."))
        co_return co_await perform_suppression(std::move(command), std::move(arguments));
    if (command.starts_with("plan.")) co_return co_await perform_plans(std::move(command), std::move(arguments));
    if (command.starts_with("quota.")) co_return co_await perform_quotas(std::move(command), std::move(arguments));
    if (command == "tenant.list") co_return co_await list_all_tenants(std::move(arguments));
    if (command == "tenant.show") co_return co_await show_tenant(std::move(arguments));
    if (command == "tenant.release") co_return co_await release_tenant(std::move(arguments));
    const bool is_about_sites = command.starts_with("site.");
    if (!is_about_sites && (command.ends_with(".list") || command.ends_with(".show")))
        co_return co_await read_tenancy(std::move(command), std::move(arguments));
    if (starts_with_any(command, {"tenant.", "domain.", "credential.", "network."}))
        co_return co_await change_tenancy(std::move(command), std::move(arguments));
    const bool needs_server =
        is_about_sites || command == "source.warmup" ||
        starts_with_any(command, {"queue.summary", "queue.site", "queue.tenant", "queue.top", "queue.why",
                                  "server.status", "server.pulse", "server.reload", "server.problems"});
    if (needs_server && context_.dispatcher == nullptr)
        co_return failure(ErrorKind::closed, "this needs a running server");
    if (is_about_sites) co_return co_await perform_sites(std::move(command), std::move(arguments));
    if (command == "source.warmup") co_return co_await show_warm_up(std::move(arguments));
    if (command == "queue.why") co_return co_await explain_queue(std::move(arguments));
    if (starts_with_any(command, {"queue.summary", "queue.site", "queue.tenant", "queue.top", "server.pulse"}))
        co_return co_await perform_overview(std::move(command), std::move(arguments));
    if (command == "server.status") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        co_return co_await describe_server();
    }
    if (command == "server.problems") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        co_return json::object{{"lines", json_list(context_.recent_problems())}};
    }
    if (command == "server.reload") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        RELEVO_CO_TRY(const std::vector<std::string> needs_restart, context_.reload());
        co_return json::object{{"changed", true}, {"needs_restart", json_list(needs_restart)}};
    }
    if (command == "person.erase") co_return co_await erase_person(std::move(arguments), std::move(principal));
    if (command == "person.erasure") co_return co_await tell_erasure(std::move(arguments));
    if (command == "store.hold" || command == "store.go_on" || command == "store.let_go" ||
        command == "store.backed_up")
        co_return co_await hold_store(std::move(command), std::move(arguments));
    if (command == "store.repair")
        co_return failure(ErrorKind::conflict, "the server uses the store: stop it first (systemctl stop relevo)");
    co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
}

Task<Control::Answer> Control::describe_server() {
    json::object status = context_.status();
    RELEVO_CO_TRY(const json::object queue, co_await summarise_queue({}));
    status["queue"] =
        json::object{{"waiting", queue.at("waiting")}, {"active", queue.at("active")}, {"held", queue.at("held")}};
    co_return status;
}

std::string Control::tenant_name(TenantId id) const {
    const auto directory = context_.directory();
    const Tenant* tenant = directory->tenant(id);
    return tenant != nullptr ? tenant->name : std::string();
}

}  // namespace relevo
