#include "lib/acme/answers.h"

#include "lib/acme/bounded_time.h"
#include "lib/base/base64url.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace relevo::acme {
namespace {

using boost::json::value;

constexpr json::Bounds bounds{.octets = answer_limit_octets, .depth = 12};
constexpr std::size_t most_challenges = 20;
constexpr std::size_t token_limit_octets = 256;
constexpr std::size_t text_limit_octets = 500;
constexpr std::chrono::seconds longest_wait = std::chrono::days(7);
constexpr std::string_view problem_prefix = "urn:ietf:params:acme:error:";

Result<value> parse(std::string_view body, std::string_view what) {
    auto parsed = json::parse(body, bounds);
    if (parsed.has_value() && parsed->is_object()) return std::move(*parsed);
    const std::string why = parsed.has_value() ? "it is no object" : parsed.error().detail;
    return failure(ErrorKind::invalid, fmt::format("the authority's {} cannot be read: {}", what, why));
}

Result<std::string> address(const value& object, std::string_view name, const HttpsUrl& home) {
    const std::string_view text = json::text_of(json::member(object, name));
    if (text.empty())
        return failure(ErrorKind::invalid, fmt::format("the authority's answer has no address \"{}\"", name));
    return checked_address(text, home);
}

// RFC 8555 §7.1.6: what is deactivated, expired or revoked is of no use to us.
Result<Status> status_of(const value& object) {
    const std::string_view text = json::text_of(json::member(object, "status"));
    for (const Status status : {Status::pending, Status::ready, Status::processing, Status::valid, Status::invalid})
        if (text == name_of(status)) return status;
    for (const std::string_view other : {"deactivated", "expired", "revoked"})
        if (text == other) return Status::invalid;
    return failure(ErrorKind::invalid,
                   fmt::format("the authority's answer has the unknown status \"{}\"", printable(text, 40)));
}

Problem problem_of(const value& object) {
    std::string_view type = json::text_of(json::member(object, "type"));
    if (type.starts_with(problem_prefix)) type.remove_prefix(problem_prefix.size());
    Problem problem{.type = printable(type, 80),
                    .detail = printable(json::text_of(json::member(object, "detail")), text_limit_octets)};
    // What is wrong with the name itself may only be said in the first subproblem (§6.7.1).
    const value* more = json::member(object, "subproblems");
    if (problem.detail.empty() && more != nullptr && more->is_array() && !more->get_array().empty())
        problem.detail = printable(json::text_of(json::member(more->get_array().front(), "detail")), text_limit_octets);
    return problem;
}

std::optional<Problem> error_of(const value& object) {
    const value* error = json::member(object, "error");
    if (error == nullptr || !error->is_object()) return std::nullopt;
    return problem_of(*error);
}

std::optional<Challenge> challenge_of(const value& object, const HttpsUrl& home) {
    const auto url = address(object, "url", home);
    const auto status = status_of(object);
    const std::string_view token = json::text_of(json::member(object, "token"));
    if (!url.has_value() || !status.has_value() || !is_base64url(token, token_limit_octets)) return std::nullopt;
    return Challenge{.type = printable(json::text_of(json::member(object, "type")), 40),
                     .url = *url,
                     .token = std::string(token),
                     .status = *status,
                     .error = error_of(object)};
}

}  // namespace

std::string_view name_of(Status status) {
    switch (status) {
        case Status::pending: return "pending";
        case Status::ready: return "ready";
        case Status::processing: return "processing";
        case Status::valid: return "valid";
        case Status::invalid: break;
    }
    return "invalid";
}

Result<std::string> checked_address(std::string_view text, const HttpsUrl& home) {
    RELEVO_TRY(HttpsUrl url, parse_https_url(text));
    if (!url.has_origin_of(home))
        return failure(ErrorKind::invalid, fmt::format("the authority at {} gives an address at another place: {}",
                                                       home.host, printable(text, 200)));
    return std::move(url.text);
}

Result<Directory> parse_directory(std::string_view body, const HttpsUrl& home) {
    RELEVO_TRY(const value object, parse(body, "directory"));
    Directory directory;
    RELEVO_TRY(directory.new_nonce, address(object, "newNonce", home));
    RELEVO_TRY(directory.new_account, address(object, "newAccount", home));
    RELEVO_TRY(directory.new_order, address(object, "newOrder", home));
    if (json::member(object, "renewalInfo") != nullptr) {
        RELEVO_TRY(directory.renewal_info, address(object, "renewalInfo", home));
    }
    if (const value* meta = json::member(object, "meta")) {
        directory.terms = printable(json::text_of(json::member(*meta, "termsOfService")), text_limit_octets);
        const value* external = json::member(*meta, "externalAccountRequired");
        directory.needs_external_account = external != nullptr && external->is_bool() && external->get_bool();
    }
    return directory;
}

Result<Order> parse_order(std::string_view body, const HttpsUrl& home) {
    RELEVO_TRY(const value object, parse(body, "order"));
    Order order;
    RELEVO_TRY(order.status, status_of(object));
    RELEVO_TRY(order.finalize, address(object, "finalize", home));
    if (json::member(object, "certificate") != nullptr) {
        RELEVO_TRY(order.certificate, address(object, "certificate", home));
    }
    order.error = error_of(object);
    const value* list = json::member(object, "authorizations");
    if (list == nullptr || !list->is_array() || list->get_array().empty())
        return failure(ErrorKind::invalid, "the authority's order has no authorizations");
    // We order one name at a time: more than one would not be ours.
    if (list->get_array().size() > 1)
        return failure(ErrorKind::invalid, "the authority's order wants more than one authorization for one name");
    RELEVO_TRY(std::string one, checked_address(json::text_of(&list->get_array().front()), home));
    order.authorizations.push_back(std::move(one));
    return order;
}

Result<Authorization> parse_authorization(std::string_view body, const HttpsUrl& home) {
    RELEVO_TRY(const value object, parse(body, "authorization"));
    Authorization authorization;
    RELEVO_TRY(authorization.status, status_of(object));
    if (const value* identifier = json::member(object, "identifier"))
        authorization.name = to_lower(printable(json::text_of(json::member(*identifier, "value")), 255));
    const value* list = json::member(object, "challenges");
    if (list == nullptr || !list->is_array())
        return failure(ErrorKind::invalid, "the authority's authorization has no challenges");
    for (const value& entry : list->get_array()) {
        if (authorization.challenges.size() == most_challenges) break;
        if (auto challenge = challenge_of(entry, home)) authorization.challenges.push_back(*std::move(challenge));
    }
    return authorization;
}

Problem parse_problem(std::string_view body) {
    const auto parsed = json::parse(body, bounds);
    if (parsed.has_value() && parsed->is_object()) return problem_of(*parsed);
    return {.type = {}, .detail = printable(trimmed(body.substr(0, text_limit_octets)), text_limit_octets)};
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::system_clock::time_point now) {
    text = trimmed(text);
    std::chrono::seconds wait{};
    if (const auto seconds = parse_decimal<std::uint32_t>(text)) {
        wait = std::chrono::seconds(*seconds);
    } else {
        tm date{};
        const std::string whole(text.substr(0, 40));
        const char* end = ::strptime(whole.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
        if (end == nullptr || *end != '\0') return std::nullopt;
        wait = std::chrono::ceil<std::chrono::seconds>(bounded_time(timegm(&date)) - now);
    }
    return std::clamp(wait, std::chrono::seconds(0), longest_wait);
}

}  // namespace relevo::acme
