// Operations that the control protocol has: the same request, kept inside of the tenant that asks.
#include "app/api/api.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

std::string text_of_argument(const json::object& arguments, std::string_view name) {
    const auto* value = arguments.if_contains(name);
    return std::string(text_of(value));
}

Trouble nothing_there(std::string_view kind, std::string_view name) {
    return trouble(404, "not_found", fmt::format("There is no {} \"{}\".", kind, printable(name, 200)));
}

std::optional<TenantId> owner_of_domain(const Directory& directory, std::string_view text) {
    if (const auto id = DomainId::parse(text); id.has_value()) {
        const Domain* domain = directory.domain(*id);
        return domain == nullptr ? std::nullopt : std::optional(domain->tenant);
    }
    const auto name = comparable_domain(text);
    const Domain* domain = name.has_value() ? directory.domain_for(*name) : nullptr;
    return domain == nullptr || domain->name != *name ? std::nullopt : std::optional(domain->tenant);
}

std::optional<TenantId> owner_of_credential(const Directory& directory, std::string_view text) {
    const auto id = CredentialId::parse(text);
    const Credential* credential = id.has_value() ? directory.credential(*id) : directory.credential_by_login(text);
    return credential == nullptr ? std::nullopt : std::optional(credential->tenant);
}

bool has_only_empty_lists(const json::object& result) {
    return std::ranges::all_of(result, [](const json::key_value_pair& given) {
        const auto* list = given.value().if_array();
        return list == nullptr || list->empty();
    });
}

// Where the things of a tenant are looked up that the directory does not know.
struct Listing {
    Bounds bounds;
    std::string_view kind;     // as the argument is called
    std::string_view command;  // lists them
    std::string_view list;     // member of its result
};
constexpr auto listings = std::to_array<Listing>({{Bounds::key, "key", "key.list", "keys"},
                                                  {Bounds::user, "user", "user.list", "users"},
                                                  {Bounds::webhook, "webhook", "webhook.list", "webhooks"}});

const Listing* listing_of(Bounds bounds) {
    const auto found = std::ranges::find(listings, bounds, &Listing::bounds);
    return found == listings.end() ? nullptr : &*found;
}

Error error_of(const json::value& told) {
    static constexpr auto kinds =
        std::to_array({ErrorKind::invalid, ErrorKind::not_found, ErrorKind::conflict, ErrorKind::limit, ErrorKind::full,
                       ErrorKind::io, ErrorKind::timeout, ErrorKind::closed, ErrorKind::cancelled, ErrorKind::refused,
                       ErrorKind::unsupported, ErrorKind::temporary});
    const std::string_view name = text_of(member(told, "kind"));
    Error error{ErrorKind::internal, std::string(text_of(member(told, "message")))};
    for (const ErrorKind kind : kinds)
        if (name_of(kind) == name) error.kind = kind;
    return error;
}

}  // namespace

std::string Api::tenant_name(TenantId id) const {
    const auto directory = ports_.directory();
    const Tenant* tenant = directory->tenant(id);
    return tenant == nullptr ? std::string() : tenant->name;
}

Task<std::expected<json::object, Trouble>> Api::ask(std::string_view command, json::object arguments,
                                                    const Principal& principal) {
    json::object request{{"command", command}, {"arguments", std::move(arguments)}};
    json::object answer = co_await ports_.control(std::move(request), principal);
    if (json::value* result = answer.if_contains("result"); result != nullptr && result->is_object())
        co_return std::move(result->get_object());
    const json::value* error = answer.if_contains("error");
    co_return std::unexpected(trouble_of(error == nullptr ? Error{} : error_of(*error)));
}

// Whether what is named is of who asks. What is another's is not there (security row E9).
Task<std::optional<Trouble>> Api::check_owner(const Principal& principal, Bounds bounds,
                                              const json::object& arguments) {
    if (!principal.tenant) co_return std::nullopt;
    if (bounds == Bounds::message) co_return co_await check_message(principal, text_of_argument(arguments, "id"));
    const Listing* listing = listing_of(bounds);
    if (listing == nullptr) co_return std::nullopt;
    const std::string name = text_of_argument(arguments, listing->kind);
    const auto listed = co_await ask(listing->command, {{"tenant", tenant_name(*principal.tenant)}}, principal);
    if (!listed.has_value()) co_return listed.error();
    const json::value* entries = listed->if_contains(listing->list);
    if (entries != nullptr && entries->is_array())
        for (const json::value& entry : entries->get_array())
            for (const std::string_view member_name : {"id", "prefix", "login"})
                if (equals_ignoring_case(text_of(member(entry, member_name)), name)) co_return std::nullopt;
    co_return nothing_there(listing->kind, name);
}

Task<std::optional<Trouble>> Api::check_message(const Principal& principal, std::string id) {
    if (!principal.tenant) co_return std::nullopt;
    const std::string message = id.substr(0, id.find('/'));
    const auto shown = co_await ask("message.show", {{"id", message}}, principal);
    if (!shown.has_value()) co_return shown.error();
    if (text_of(shown->if_contains("tenant")) == tenant_name(*principal.tenant)) co_return std::nullopt;
    co_return nothing_there("message", message);
}

std::optional<Trouble> Api::keep_inside(const Call& call, const ControlOperation& operation,
                                        json::object& arguments) const {
    const Principal& principal = call.principal;
    if (!principal.tenant) return std::nullopt;
    const auto directory = ports_.directory();
    switch (operation.bounds) {
        case Bounds::server:
            return trouble(403, "server_only", "Only somebody of the whole server may do this, no tenant.");
        case Bounds::domain: {
            const std::string name = text_of_argument(arguments, "domain");
            return owner_of_domain(*directory, name) == principal.tenant ? std::nullopt
                                                                         : std::optional(nothing_there("domain", name));
        }
        case Bounds::credential: {
            const std::string name = text_of_argument(arguments, "credential");
            return owner_of_credential(*directory, name) == principal.tenant
                       ? std::nullopt
                       : std::optional(nothing_there("credential", name));
        }
        case Bounds::tenant:
        case Bounds::queue: {
            const std::string own = tenant_name(*principal.tenant);
            const std::string given = text_of_argument(arguments, "tenant");
            if (!given.empty() && given != own && given != principal.tenant->text())
                return nothing_there("tenant", given);
            arguments["tenant"] = own;
            return std::nullopt;
        }
        case Bounds::message:
        case Bounds::key:
        case Bounds::user:
        case Bounds::webhook: break;  // looked up: check_owner()
    }
    return std::nullopt;
}

Task<Api::Answer> Api::perform_control(const Call& call, const ControlOperation& operation) {
    json::object arguments = call.arguments;
    if (const auto* body = call.body.if_object())
        for (const auto& given : *body)
            if (!arguments.contains(given.key())) arguments.emplace(given.key(), given.value());
    if (json::value* cursor = arguments.if_contains("cursor")) {
        json::value after = std::move(*cursor);
        arguments.erase("cursor");
        arguments.emplace("after", std::move(after));
    }
    if (auto refusal = keep_inside(call, operation, arguments)) co_return std::unexpected(*std::move(refusal));
    if (auto refusal = co_await check_owner(call.principal, operation.bounds, arguments))
        co_return std::unexpected(*std::move(refusal));
    auto result = co_await ask(operation.command, std::move(arguments), call.principal);
    if (!result.has_value()) co_return std::unexpected(std::move(result).error());
    if (operation.empty_is_missing && has_only_empty_lists(*result))
        co_return std::unexpected(trouble(404, "not_found", "There is nothing of that name."));
    if (operation.list.empty()) co_return json_response(operation.status, *result);
    json::object listed;
    for (auto& given : *result) {
        const std::string_view name = given.key();
        listed.emplace(name == operation.list ? "data"
                       : name == "next"       ? "next_cursor"
                                              : name,
                       std::move(given.value()));
    }
    co_return json_response(operation.status, listed);
}

}  // namespace relevo::api
