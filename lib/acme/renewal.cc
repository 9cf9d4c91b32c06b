#include "lib/acme/renewal.h"

#include "lib/acme/answers.h"
#include "lib/acme/bounded_time.h"
#include "lib/base/text.h"
#include "lib/base/time_text.h"
#include "lib/json/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::acme {
namespace {

constexpr json::Bounds bounds{.octets = answer_limit_octets, .depth = 12};
constexpr std::size_t explanation_limit_octets = 500;
constexpr std::chrono::seconds shortest_pause = std::chrono::minutes(1);  // RFC 9773 §4.3.2: such limits are reasonable
constexpr std::chrono::seconds longest_pause = std::chrono::days(1);
constexpr std::chrono::seconds usual_pause = std::chrono::hours(6);  // §4.3.3

}  // namespace

Result<RenewalInfo> parse_renewal_info(std::string_view body) {
    RELEVO_TRY(const boost::json::value object, json::parse(body, bounds));
    const boost::json::value* window = json::member(object, "suggestedWindow");
    if (window == nullptr) return failure(ErrorKind::invalid, "the authority's answer suggests no time");
    const auto start = parse_rfc3339(json::text_of(json::member(*window, "start")));
    const auto end = parse_rfc3339(json::text_of(json::member(*window, "end")));
    if (!start || !end) return failure(ErrorKind::invalid, "the times that the authority suggests cannot be read");
    RenewalInfo info{
        .start = bounded_time(start->time_since_epoch().count()),
        .end = bounded_time(end->time_since_epoch().count()),
        .explanation = printable(json::text_of(json::member(object, "explanationURL")), explanation_limit_octets)};
    // "A RenewalInfo object in which the end timestamp equals or precedes the start timestamp is invalid."
    if (info.end <= info.start)
        return failure(ErrorKind::invalid, "the time that the authority suggests ends before it begins");
    return info;
}

std::string renewal_address(std::string_view service, std::string_view renewal_id) {
    return fmt::format("{}{}{}", service, service.ends_with('/') ? "" : "/", renewal_id);
}

Time moment_of(const RenewalInfo& info, double chance) {
    const auto length = std::chrono::floor<std::chrono::seconds>(info.end - info.start);
    const auto part = std::chrono::duration<double>(length) * std::clamp(chance, 0.0, 1.0);
    return info.start + std::chrono::duration_cast<std::chrono::seconds>(part);
}

std::chrono::seconds pause_between_looks(std::optional<std::chrono::seconds> retry_after) {
    return std::clamp(retry_after.value_or(usual_pause), shortest_pause, longest_pause);
}

}  // namespace relevo::acme
