#include "app/api/problem.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo::api {
namespace {

namespace json = boost::json;

constexpr std::string_view type_prefix = "urn:relevo:problem:";

std::string_view title_of(unsigned status) {
    switch (status) {
        case 400: return "The request is not understood";
        case 401: return "Who asks is not known";
        case 403: return "Not allowed";
        case 404: return "Not found";
        case 405: return "This cannot be done to it";
        case 409: return "It stands in the way of something that is there";
        case 413: return "Too large";
        case 415: return "Another form is expected";
        case 422: return "The request cannot be carried out";
        case 429: return "Too much at once";
        case 503: return "Not possible at the moment";
        default: return "Something went wrong here";
    }
}

}  // namespace

Trouble trouble(unsigned status, std::string_view code, std::string detail) {
    return {.status = status,
            .code = std::string(code),
            .title = std::string(title_of(status)),
            .detail = std::move(detail)};
}

Trouble invalid_request(std::vector<openapi::Problem> errors) {
    const openapi::Problem& first = errors.front();
    std::string detail =
        first.pointer.empty() ? "The request " + first.detail : fmt::format("\"{}\" {}", first.pointer, first.detail);
    if (errors.size() > 1) detail += fmt::format(", and {} more", errors.size() - 1);
    Trouble told = trouble(400, "invalid_request", std::move(detail));
    told.errors = std::move(errors);
    return told;
}

Trouble trouble_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::invalid: return trouble(422, "invalid", error.detail);
        case ErrorKind::not_found: return trouble(404, "not_found", error.detail);
        case ErrorKind::conflict: return trouble(409, "conflict", error.detail);
        case ErrorKind::refused: return trouble(403, "refused", error.detail);
        case ErrorKind::unsupported: return trouble(422, "unsupported", error.detail);
        // A bound that stays: to send the same again changes nothing, so no 429, which clients repeat by themselves.
        case ErrorKind::limit: return trouble(422, "limit", error.detail);
        case ErrorKind::full:
        case ErrorKind::timeout:
        case ErrorKind::closed:
        case ErrorKind::cancelled:
        case ErrorKind::temporary: {
            Trouble told = trouble(503, name_of(error.kind), error.detail);
            told.retry_after = std::chrono::seconds(5);
            return told;
        }
        case ErrorKind::io:
        case ErrorKind::damaged:
        case ErrorKind::internal: break;
    }
    return trouble(500, "internal", "This is a fault of the server: its log tells more.");
}

Trouble trouble_of(const Decision& decision, std::string pointer, mail::Language language, WallClock::time_point now) {
    const std::string name(reply_entry(decision.key).name);
    std::string detail = decision.reply.one_line();
    // The reply's own codes are of SMTP; its text and what to do about it are for everybody.
    if (detail.size() > 4 && detail[3] == ' ') detail.erase(0, 4);
    if (const auto space = detail.find(' '); space != std::string::npos && detail.substr(0, space).contains('.'))
        detail.erase(0, space + 1);
    const std::string_view more = explain(decision.key, language);
    // Replies are in English, as SMTP has them: who reads another language finds theirs behind what it means.
    if (!more.empty())
        detail = language == mail::Language::english ? fmt::format("{}. {}", detail, more)
                                                     : fmt::format("{} (SMTP: {})", more, detail);
    const bool is_about_rate = decision.retry_at != WallClock::time_point{};
    Trouble told = trouble(is_about_rate ? 429 : decision.is_deferred() ? 503 : 422, name, std::move(detail));
    if (is_about_rate)
        told.retry_after =
            std::max(std::chrono::ceil<std::chrono::seconds>(decision.retry_at - now), std::chrono::seconds(1));
    else if (decision.is_deferred())
        told.retry_after = std::chrono::seconds(60);
    if (!pointer.empty()) told.errors.push_back({std::move(pointer), name, decision.reply.one_line()});
    return told;
}

json::object json_of(const Trouble& trouble) {
    json::object problem{{"type", std::string(type_prefix) + trouble.code},
                         {"title", trouble.title},
                         {"status", trouble.status},
                         {"detail", trouble.detail},
                         {"code", trouble.code}};
    if (!trouble.errors.empty()) {
        json::array errors;
        for (const openapi::Problem& error : trouble.errors)
            errors.push_back(json::object{{"pointer", error.pointer}, {"code", error.code}, {"detail", error.detail}});
        problem.emplace("errors", std::move(errors));
    }
    return problem;
}

HttpResponse response_of(const Trouble& trouble, std::string_view request_id) {
    json::object problem = json_of(trouble);
    problem.emplace("request_id", request_id);
    HttpResponse response{.status = trouble.status, .content_type = "application/problem+json"};
    response.body = json::serialize(problem);
    if (trouble.retry_after.count() > 0)
        response.fields.emplace_back("Retry-After", std::to_string(trouble.retry_after.count()));
    if (trouble.status == 401) response.fields.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

}  // namespace relevo::api
