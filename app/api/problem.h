// What went wrong, as RFC 9457 tells it.
#pragma once

#include "core/policy/decision.h"
#include "core/ports/http.h"
#include "lib/base/result.h"
#include "lib/openapi/schema.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::api {

struct Trouble {
    unsigned status = 500;
    std::string code;    // stable, for programs: "not_found"; also the end of `type`
    std::string title;   // the kind of trouble
    std::string detail;  // this one: what is wrong, what to change
    std::vector<openapi::Problem> errors{};
    std::chrono::seconds retry_after{0};  // 0: does not say
};

[[nodiscard]] Trouble trouble(unsigned status, std::string_view code, std::string detail);
// What is wrong with a request as its description has it.
[[nodiscard]] Trouble invalid_request(std::vector<openapi::Problem> errors);
// As the caller can act on it.
[[nodiscard]] Trouble trouble_of(const Error& error);
// The refusal of a policy, in words of `language`. `pointer`: of what it is about; "": of the whole request.
[[nodiscard]] Trouble trouble_of(const Decision& decision, std::string pointer, mail::Language language,
                                 WallClock::time_point now);

// "application/problem+json", with type, title, status, detail, code, request_id and errors.
[[nodiscard]] HttpResponse response_of(const Trouble& trouble, std::string_view request_id);
[[nodiscard]] boost::json::object json_of(const Trouble& trouble);

}  // namespace relevo::api
