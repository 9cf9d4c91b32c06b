#include "core/reception/send_time.h"

#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {
namespace {

using std::chrono::seconds;

constexpr std::int64_t last_second = 7'258'118'399;  // of 2199
constexpr json::Bounds smtpapi_bounds{.octets = 64 * 1024, .depth = 8};

std::unexpected<Error> no_time(std::string_view text) {
    return std::unexpected(
        Error{ErrorKind::invalid, fmt::format("\"{}\" is no time: write one such as 2026-11-27T10:00:00Z, or seconds "
                                              "since 1970",
                                              printable(text, 60))});
}

Result<WallClock::time_point> in_bounds(std::int64_t since_1970, std::string_view text) {
    if (since_1970 < 0 || since_1970 > last_second) return no_time(text);
    return WallClock::time_point(seconds(since_1970));
}

// Reads the digits at `at`; nothing if they are not all there or too many.
std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits, int most) {
    if (text.size() < at + digits) return std::nullopt;
    const auto number = parse_decimal<int>(text.substr(at, digits));
    return number && *number <= most ? number : std::nullopt;
}

// "Z", "+01:00", "-0800" is none.
std::optional<seconds> offset_of(std::string_view zone) {
    if (zone == "Z" || zone == "z") return seconds(0);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
    const auto hours = number_at(zone, 1, 2, 23), minutes = number_at(zone, 4, 2, 59);
    if (!hours || !minutes) return std::nullopt;
    const seconds length = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    return zone[0] == '-' ? -length : length;
}

}  // namespace

Result<WallClock::time_point> parse_send_time(std::string_view text) {
    text = trimmed(text);
    if (const auto since_1970 = parse_decimal<std::int64_t>(text)) return in_bounds(*since_1970, text);
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() <= form.size()) return no_time(text);
    for (std::size_t i = 0; i < form.size(); ++i) {
        const bool is_separator = form[i] != '0';
        if (is_separator ? text[i] != form[i] && !(form[i] == 'T' && (text[i] == 't' || text[i] == ' '))
                         : !is_digit(text[i]))
            return no_time(text);
    }
    const auto year = number_at(text, 0, 4, 9999), month = number_at(text, 5, 2, 12), day = number_at(text, 8, 2, 31);
    // A leap second is the last one of its minute (RFC 3339 §5.7).
    const auto hour = number_at(text, 11, 2, 23), minute = number_at(text, 14, 2, 59),
               second = number_at(text, 17, 2, 60);
    if (!year || !month || !day || !hour || !minute || !second) return no_time(text);
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return no_time(text);
    std::string_view rest = text.substr(form.size());
    if (rest.starts_with('.')) {
        const auto end = rest.find_first_not_of("0123456789", 1);
        if (end == std::string_view::npos || end == 1) return no_time(text);
        rest.remove_prefix(end);
    }
    const auto offset = offset_of(rest);
    if (!offset) return no_time(text);
    const seconds of_day = std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(std::min(*second, 59));
    return in_bounds((std::chrono::sys_days(date).time_since_epoch() + of_day - *offset).count(), text);
}

Result<std::optional<WallClock::time_point>> send_time_of_smtpapi(const mail::Field& field) {
    if (!equals_ignoring_case(field.name, "X-SMTPAPI")) return std::optional<WallClock::time_point>();
    RELEVO_TRY(const boost::json::value all, json::parse(mail::unfolded(field.value), smtpapi_bounds));
    const boost::json::value* given = json::member(all, "send_at");
    if (given == nullptr) return std::optional<WallClock::time_point>();
    if (!given->is_int64() && !given->is_uint64())
        return failure(ErrorKind::invalid, "\"send_at\" is no whole number of seconds since 1970");
    const std::int64_t since_1970 = given->is_int64() ? given->get_int64() : std::int64_t{-1};
    RELEVO_TRY(const auto time, in_bounds(since_1970, "send_at"));
    return std::optional(time);
}

std::string send_time_text(WallClock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(WallClock::to_time_t(time)));
}

}  // namespace relevo
