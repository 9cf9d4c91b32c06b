#include "lib/base/time_text.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

// Digits at `at`, `count` of them.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    return at + count <= text.size() ? parse_decimal<int>(text.substr(at, count)) : std::nullopt;
}

// "Z" or "+01:00" behind the time; fractions of a second are dropped.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
    if (text.starts_with('.')) text.remove_prefix(std::min(text.find_first_not_of("0123456789", 1), text.size()));
    if (text.empty() || equals_ignoring_case(text, "Z")) return std::chrono::minutes(0);
    const auto hours = digits(text, 1, 2);
    const auto minutes = digits(text, 4, 2);
    if (text.size() != 6 || text[3] != ':' || !hours || !minutes || (text[0] != '+' && text[0] != '-'))
        return std::nullopt;
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return text[0] == '+' ? offset : -offset;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text) {
    const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' || text[13] != ':' ||
        text[16] != ':')
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    const auto offset = parse_offset(text.substr(19));
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60 || !offset) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second) - *offset;
}

}  // namespace relevo
