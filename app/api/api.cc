#include "app/api/api.h"

#include "app/api/event_stream.h"
#include "app/api/login.h"
#include "app/api/sendgrid.h"
#include "app/api/sending.h"
#include "core/feedback/unsubscribe.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>

namespace relevo::api {
namespace {

namespace json = boost::json;

constexpr std::string_view description_path = "/api/openapi.json";
constexpr std::size_t request_id_digits = 16;

// "" if there is none.
std::string_view bearer_of(const HttpRequest& request) {
    const std::string_view field = request.field("Authorization");
    constexpr std::string_view scheme = "Bearer ";
    return starts_with_ignoring_case(field, scheme) ? trimmed(field.substr(scheme.size())) : std::string_view();
}

mail::Language language_of(const HttpRequest& request, mail::Language otherwise) {
    const std::string_view wanted = request.field("Accept-Language");
    return wanted.empty() ? otherwise : preferred_language(wanted);
}

// "POST" and so on; a media type without its parameters, in lower case.
std::string media_type(const HttpRequest& request) {
    const std::string_view field = request.field("Content-Type");
    return to_lower(trimmed(field.substr(0, field.find(';'))));
}

}  // namespace

std::string Call::text(std::string_view name) const {
    return std::string(relevo::json::text_of(relevo::json::member(body, name)));
}

Metrics::Metrics(relevo::Metrics& metrics)
    : succeeded(metrics.counter("relevo_api_requests_total", "Requests to the HTTP API", {{"outcome", "succeeded"}})),
      refused(metrics.counter("relevo_api_requests_total", "Requests to the HTTP API", {{"outcome", "refused"}})),
      failed(metrics.counter("relevo_api_requests_total", "Requests to the HTTP API", {{"outcome", "failed"}})),
      seconds(metrics.histogram("relevo_api_request_duration_seconds", "From a whole request to its answer",
                                std::array{0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0})) {}

const openapi::Description& description() {
    static const std::shared_ptr<const openapi::Description> parsed = [] {
        auto result = openapi::Description::parse(description_text());
        if (!result.has_value()) {
            fmt::print(stderr, "app/api/openapi.json: {}\n", result.error().detail);
            std::abort();
        }
        return *std::move(result);
    }();
    return *parsed;
}

bool is_api_path(std::string_view path) { return path.starts_with("/api/") || path == sendgrid_path; }

HttpResponse json_response(unsigned status, const json::value& body) {
    HttpResponse response{.status = status, .content_type = "application/json"};
    response.body = json::serialize(body);
    return response;
}

Api::Api(Ports ports, Limits limits) : ports_(std::move(ports)), limiter_(limits.requests_per_second, limits.burst) {}

Octets Api::body_limit(const HttpRequest& head) const {
    if (!key_principal(head).has_value() && !sessions_.knows(session_token_of(head), Clock::now()))
        return small_body_limit;
    if (head.path() == sendgrid_path) return ports_.message_limit * 3 / 2;
    const auto* operation = description().find(head.method, head.target).operation;
    if (operation == nullptr || operation->body_types.empty()) return small_body_limit;
    if (operation->id == "sendMessages") return batch_body_limit;
    // Base 64 takes a third more than what it stands for; JSON some more.
    return is_sending(operation->id) || operation->id == "importSuppressions" ? ports_.message_limit * 3 / 2 : mebibyte;
}

Task<HttpResponse> Api::answer(HttpRequest request) {
    const Deadline began = Clock::now();
    const std::string request_id = "req_" + random_digits(ports_.random, request_id_digits);
    const bool is_sendgrid = request.path() == sendgrid_path;
    Answer answer =
        is_sendgrid ? co_await answer_sendgrid(request, request_id) : co_await answer_known(request, request_id);
    HttpResponse response = answer.has_value() ? *std::move(answer)
                            : is_sendgrid      ? sendgrid_response_of(answer.error())
                                               : response_of(answer.error(), request_id);
    response.fields.emplace_back("X-Request-Id", request_id);
    response.fields.emplace_back("Cache-Control", "no-store");
    response.fields.emplace_back("X-Content-Type-Options", "nosniff");
    const std::chrono::duration<double> took = Clock::now() - began;
    ports_.metrics.seconds.observe(took.count());
    (response.status < 400   ? ports_.metrics.succeeded
     : response.status < 500 ? ports_.metrics.refused
                             : ports_.metrics.failed)
        .add();
    ports_.log.debug("api.answered", {{"request", request_id},
                                      {"method", request.method},
                                      {"path", request.path()},
                                      {"client", request.peer.text()},
                                      {"status", response.status},
                                      {"seconds", took.count()}});
    co_return response;
}

void RecentSessions::note(std::string_view token, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (until_.size() >= limit) std::erase_if(until_, [&](const auto& entry) { return entry.second < now; });
    if (until_.size() < limit) until_[token_hash_text(token)] = now + lifetime;
}

bool RecentSessions::knows(std::string_view token, Clock::time_point now) const {
    if (token.empty()) return false;
    const std::lock_guard lock(mutex_);
    const auto found = until_.find(token_hash_text(token));
    return found != until_.end() && found->second > now;
}

Task<std::expected<Principal, Trouble>> Api::who_asks(const HttpRequest& request, const openapi::Operation* operation) {
    const std::string token = bearer_of(request).empty() ? session_token_of(request) : std::string();
    const bool is_open = operation != nullptr && operation->is_open;
    if (is_open) co_return Principal{};
    if (token.empty()) co_return key_principal(request);
    auto principal = co_await session_principal(ports_, request);
    if (principal.has_value()) sessions_.note(token, Clock::now());
    co_return principal;
}

std::expected<Principal, Trouble> Api::key_principal(const HttpRequest& request) const {
    const std::string_view bearer = bearer_of(request);
    if (bearer.empty())
        return std::unexpected(trouble(401, "authentication_required",
                                       "Send a key: \"Authorization: Bearer rlv_…\". `relevo key add` makes one."));
    auto principal = ports_.accounts.keys()->authenticate(bearer, request.peer.address, WallClock::now());
    if (principal.has_value()) {
        ports_.accounts.uses().note(ApiKeyId{principal->id}, request.peer.address, WallClock::now());
        return *std::move(principal);
    }
    if (principal.error().kind == ErrorKind::refused)
        return std::unexpected(trouble(403, "network_not_allowed",
                                       fmt::format("This key may not be used from {}.", request.peer.address.text())));
    return std::unexpected(
        trouble(401, "key_not_valid", "There is no such key, or it is not valid any more: make another one."));
}

std::expected<json::value, Trouble> Api::body_of(const openapi::Operation& operation,
                                                 const HttpRequest& request) const {
    if (request.body.empty()) {
        if (!operation.is_body_required) return json::value(nullptr);
        return std::unexpected(trouble(400, "body_missing", "This request needs a body."));
    }
    if (operation.body_types.empty())
        return std::unexpected(trouble(400, "body_not_expected", "This request takes no body."));
    const std::string type = media_type(request);
    if (std::ranges::find(operation.body_types, type) == operation.body_types.end())
        return std::unexpected(trouble(
            415, "media_type", fmt::format("Content-Type must be {}.", fmt::join(operation.body_types, " or "))));
    if (type != "application/json") return json::value(nullptr);
    auto body = relevo::json::parse(
        request.body, {.octets = batch_body_limit, .depth = 64, .same_names = relevo::json::SameNames::refused});
    if (!body.has_value())
        return std::unexpected(trouble(400, "json_not_valid", "The body is not JSON: " + body.error().detail));
    std::vector<openapi::Problem> problems;
    openapi::check_body(operation, *body, problems);
    if (!problems.empty()) return std::unexpected(invalid_request(std::move(problems)));
    return *std::move(body);
}

std::expected<RequestLimiter::Verdict, Trouble> Api::take_request(const Principal& principal,
                                                                  const HttpRequest& request) {
    // Strangers, who log in, are told apart by their addresses: one of them must not keep the others out, and one who
    // has a /64 has no more than one who has an IPv4 address (security row A14).
    const std::string who = principal.kind == PrincipalKind::nobody
                                ? counted_address(request.peer.address)
                                : fmt::format("{} {}", name_of(principal.kind), principal.id);
    const auto verdict = limiter_.take(who, Clock::now());
    if (verdict.is_allowed) return verdict;
    Trouble told = trouble(429, "too_many_requests",
                           fmt::format("At most {} requests a second, {} at once.", limiter_.rate(), limiter_.burst()));
    told.retry_after = verdict.retry_after;
    return std::unexpected(std::move(told));
}

Task<Api::Answer> Api::answer_sendgrid(const HttpRequest& request, const std::string& request_id) {
    static const openapi::Operation operation{.id = "sendLikeSendgrid",
                                              .method = "POST",
                                              .path = std::string(sendgrid_path),
                                              .scope = std::string(name_of(Scope::messages_send)),
                                              .is_body_required = true,
                                              .body_types = {"application/json"}};
    if (request.method != operation.method)
        co_return std::unexpected(trouble(405, "method_not_allowed", "Only POST is possible here."));
    auto principal = key_principal(request);
    if (!principal.has_value()) co_return std::unexpected(std::move(principal).error());
    if (!principal->may(Scope::messages_send))
        co_return std::unexpected(trouble(403, "scope_missing", "This needs the scope \"messages:send\"."));
    if (const auto verdict = take_request(*principal, request); !verdict.has_value())
        co_return std::unexpected(verdict.error());
    principal->language = language_of(request, principal->language);
    auto body = body_of(operation, request);
    if (!body.has_value()) co_return std::unexpected(std::move(body).error());
    const Call call{.operation = operation,
                    .principal = *principal,
                    .request = request,
                    .arguments = {},
                    .body = *std::move(body),
                    .request_id = request_id};
    co_return co_await send_like_sendgrid(ports_, call);
}

Task<Api::Answer> Api::answer_known(const HttpRequest& request, const std::string& request_id) {
    if (request.path() == description_path && (request.method == "GET" || request.method == "HEAD"))
        co_return HttpResponse{.content_type = "application/json", .body = std::string(description_text())};
    const openapi::Match match = description().find(request.method, request.target);
    if (match.operation == nullptr && match.allowed.empty())
        co_return std::unexpected(
            trouble(404, "no_such_path", "There is nothing here; /api/openapi.json tells what there is."));
    auto principal = co_await who_asks(request, match.operation);
    if (!principal.has_value()) co_return std::unexpected(std::move(principal).error());
    if (match.operation == nullptr) {
        const std::string allowed = fmt::format("{}", fmt::join(match.allowed, ", "));
        HttpResponse response = response_of(
            trouble(405, "method_not_allowed", fmt::format("{} is not possible here: {}.", request.method, allowed)),
            request_id);
        response.fields.emplace_back("Allow", allowed);
        co_return response;
    }
    principal->language = language_of(request, principal->language);
    const openapi::Operation& operation = *match.operation;
    if (!operation.scope.empty()) {
        const auto scope = parse_scope(operation.scope);
        if (!scope.has_value() || !principal->may(*scope))
            co_return std::unexpected(
                trouble(403, "scope_missing",
                        fmt::format("This needs the scope \"{}\", which the key has not.", operation.scope)));
    }
    const auto verdict = take_request(*principal, request);
    if (!verdict.has_value()) co_return std::unexpected(verdict.error());
    std::vector<openapi::Problem> problems;
    json::object arguments = openapi::check_parameters(operation, match.path_parameters, request.target, problems);
    if (!problems.empty()) co_return std::unexpected(invalid_request(std::move(problems)));
    auto body = body_of(operation, request);
    if (!body.has_value()) co_return std::unexpected(std::move(body).error());
    const Call call{.operation = operation,
                    .principal = *principal,
                    .request = request,
                    .arguments = std::move(arguments),
                    .body = *std::move(body),
                    .request_id = request_id};
    Answer answer = co_await perform(call);
    if (answer.has_value() && limiter_.rate() > 0) {
        answer->fields.emplace_back("RateLimit-Policy", fmt::format("\"requests\";q={};w=1", limiter_.rate()));
        answer->fields.emplace_back("RateLimit", fmt::format("\"requests\";r={}", verdict->remaining));
    }
    co_return answer;
}

// The page is a stranger's: it runs in a sandbox that makes an origin of its own, loads nothing from anywhere, and
// nobody but the console may frame it (security row E2).
Task<Api::Answer> Api::show_html(const Call& call) {
    if (auto refusal = co_await check_owner(call.principal, Bounds::message, call.arguments))
        co_return std::unexpected(*std::move(refusal));
    json::object arguments = call.arguments;
    arguments["html"] = true;
    const auto preview = co_await ask("message.preview", std::move(arguments), call.principal);
    if (!preview.has_value()) co_return std::unexpected(preview.error());
    const json::value* html = preview->if_contains("html");
    HttpResponse response{.content_type = "text/html; charset=utf-8"};
    response.body = std::string(relevo::json::text_of(html));
    response.fields.emplace_back("Content-Security-Policy",
                                 "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                                 "form-action 'none'; base-uri 'none'; frame-ancestors 'self'");
    response.fields.emplace_back("Referrer-Policy", "no-referrer");
    response.fields.emplace_back("X-DNS-Prefetch-Control", "off");
    co_return response;
}

Task<Api::Answer> Api::stream(const Call& call) {
    if (const json::value* message = call.arguments.if_contains("message"))
        if (auto refusal = co_await check_message(call.principal, std::string(relevo::json::text_of(message))))
            co_return std::unexpected(*std::move(refusal));
    // The head alone is kept: who it was is asked again and again.
    HttpRequest head = call.request;
    head.body.clear();
    const openapi::Operation* operation = &call.operation;
    StillMay still_may = [this, head = std::move(head), operation]() -> Task<bool> {
        const auto principal = co_await who_asks(head, operation);
        const auto scope = parse_scope(operation->scope);
        co_return principal.has_value() && scope.has_value() && principal->may(*scope);
    };
    co_return co_await stream_events(ports_, *streams_, call, std::move(still_may));
}

Task<Api::Answer> Api::perform(const Call& call) {
    if (const ControlOperation* operation = control_operation(call.operation.id))
        co_return co_await perform_control(call, *operation);
    if (call.operation.id == stream_operation) co_return co_await stream(call);
    if (call.operation.id == html_operation) co_return co_await show_html(call);
    if (is_sending(call.operation.id)) co_return co_await send(ports_, call);
    if (is_about_login(call.operation.id)) co_return co_await perform_login(ports_, call);
    co_return std::unexpected(trouble(500, "internal", "This operation is described, but not made."));
}

}  // namespace relevo::api
