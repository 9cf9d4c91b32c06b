#include "app/api/openid.h"

#include "app/api/login.h"
#include "core/events/history.h"
#include "lib/json/json.h"

#include <fmt/format.h>

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

using Answer = std::expected<HttpResponse, Trouble>;

std::string_view browser_cookie(const HttpRequest& request) {
    return is_plain_and_local(request) ? plain_sign_in_cookie : sign_in_cookie;
}

// Lax: it comes along when the provider sends the browser back, and with nothing else of another site.
std::string browser_cookie_field(const HttpRequest& request, std::string_view browser) {
    return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}", browser_cookie(request), browser,
                       std::chrono::seconds(PendingSignIns::lifetime).count(),
                       is_plain_and_local(request) ? "" : "; Secure");
}

std::string argument(const Call& call, std::string_view name) {
    return std::string(text_of(call.arguments.if_contains(name)));
}

Trouble trouble_of(const SignInRefusal& refusal) {
    const std::string_view code = name_of(refusal.problem);
    switch (refusal.problem) {
        case SignInProblem::unknown_provider:
            return trouble(404, code, "There is no such provider here: load the page again.");
        case SignInProblem::provider_unreachable: {
            Trouble told = trouble(503, code, "The provider cannot be reached now: try again in a minute.");
            told.retry_after = std::chrono::seconds(60);
            return told;
        }
        case SignInProblem::too_many: {
            Trouble told = trouble(429, code, "Too many people are signing in at once: try again in a minute.");
            told.retry_after = std::chrono::seconds(60);
            return told;
        }
        default: break;
    }
    return trouble(502, code, "The provider cannot be used as it is configured: the log of the server says why.");
}

HttpResponse go_to(std::string location) {
    HttpResponse response{.status = 303, .content_type = {}};
    response.fields.emplace_back("Location", std::move(location));
    // The address holds a code, used as it is.
    response.fields.emplace_back("Referrer-Policy", "no-referrer");
    return response;
}

}  // namespace

Task<Answer> begin_openid(Ports& ports, const Call& call) {
    const auto begun = co_await ports.sign_in.begin({.provider = call.text("provider"),
                                                     .browser = cookie_of(call.request, browser_cookie(call.request)),
                                                     .former_session = session_token_of(call.request),
                                                     .peer = call.request.peer.address});
    if (!begun.has_value()) co_return std::unexpected(trouble_of(begun.error()));
    HttpResponse response = json_response(200, json::object{{"location", begun->location}});
    response.fields.emplace_back("Set-Cookie", browser_cookie_field(call.request, begun->browser));
    co_return response;
}

Task<Answer> finish_openid(Ports& ports, const Call& call) {
    const std::string provider = argument(call, "provider");
    const auto finished =
        co_await ports.sign_in.finish({.provider = provider,
                                       .state = argument(call, "state"),
                                       .code = argument(call, "code"),
                                       .error = argument(call, "error"),
                                       .issuer = argument(call, "iss"),
                                       .browser = cookie_of(call.request, browser_cookie(call.request)),
                                       .peer = call.request.peer.address,
                                       .user_agent = std::string(call.request.field("User-Agent"))});
    if (!finished.has_value()) {
        std::string location = fmt::format("/sign-in?problem={}", name_of(finished.error().problem));
        for (const SignInOffer& offer : ports.sign_in.offers())
            if (offer.name == provider) location += "&provider=" + provider;
        co_return go_to(std::move(location));
    }
    HttpResponse response = go_to("/signed-in");
    response.fields.emplace_back("Set-Cookie", session_cookie_field(call.request, finished->token));
    co_return response;
}

Task<Answer> list_own_identities(Ports& ports, const Call& call) {
    if (call.principal.kind != PrincipalKind::session) co_return std::unexpected(session_only());
    std::vector<LinkedIdentity> identities;
    const auto read = co_await read_rows(ports.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(identities, list_identities(reader, UserId{call.principal.id}));
        return {};
    });
    if (!read.has_value()) co_return std::unexpected(api::trouble_of(read.error()));
    json::array rows;
    for (const LinkedIdentity& identity : identities)
        rows.emplace_back(
            json::object{{"id", identity.id.text()},
                         {"issuer", identity.issuer},
                         {"subject", identity.subject},
                         {"email", identity.email.empty() ? json::value(nullptr) : json::value(identity.email)},
                         {"linked_at", utc_text(identity.linked_at)},
                         {"last_used_at", utc_text(identity.last_used_at)}});
    co_return json_response(200, json::object{{"data", std::move(rows)}, {"next_cursor", nullptr}});
}

}  // namespace relevo::api
