// format_date.
#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <array>

namespace relevo::mail {

std::string format_date(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto midnight = floor<std::chrono::days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(floor<seconds>(time - midnight));
    std::string text;
    text.reserve(32);
    text.append(days[weekday(midnight).c_encoding()]).append(", ");
    const auto add = [&text](auto value, unsigned digits, char behind) {
        append_digits(text, static_cast<unsigned>(value), digits);
        text += behind;
    };
    add(static_cast<unsigned>(date.day()), 2, ' ');
    text.append(months[static_cast<unsigned>(date.month()) - 1]).append(" ");
    add(static_cast<int>(date.year()), 4, ' ');
    add(clock.hours().count(), 2, ':');
    add(clock.minutes().count(), 2, ':');
    add(clock.seconds().count(), 2, ' ');
    return text.append("+0000");
}

}  // namespace relevo::mail
