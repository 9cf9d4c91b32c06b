#include "app/export/row_form.h"

#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>

namespace relevo::exporting {
namespace {

namespace json = boost::json;

std::string time_text(std::chrono::sys_time<std::chrono::milliseconds> time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       (time - seconds).count());
}

template <class Duration>
json::value begin_of(const Row& row, int column) {
    return json::string(time_text(std::chrono::sys_time<std::chrono::milliseconds>(Duration(row.integer(column)))));
}

json::array pieces(std::string_view text, char separator) {
    json::array list;
    for (const std::string_view piece : split(text, separator))
        if (!piece.empty()) list.emplace_back(piece);
    return list;
}

}  // namespace

json::value as_text(const Row& row, int column) { return json::string(row.text(column)); }

json::value as_text_or_null(const Row& row, int column) {
    const std::string_view text = row.text(column);
    return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}

json::value as_words(const Row& row, int column) { return pieces(row.text(column), ' '); }
json::value as_lines(const Row& row, int column) { return pieces(row.text(column), '\n'); }

json::value as_json(const Row& row, int column) {
    boost::system::error_code problem;
    json::value value = json::parse(row.text(column), problem);
    return problem ? as_text(row, column) : value;
}

json::value as_number(const Row& row, int column) { return row.integer(column); }

json::value as_number_or_null(const Row& row, int column) {
    const std::int64_t number = row.integer(column);
    return number == 0 ? json::value(nullptr) : json::value(number);
}

json::value as_real(const Row& row, int column) { return row.real(column); }

json::value as_flag(const Row& row, int column) { return row.integer(column) != 0; }

json::value as_time(const Row& row, int column) {
    return row.integer(column) == 0 ? json::value(nullptr) : begin_of<std::chrono::milliseconds>(row, column);
}

json::value as_day(const Row& row, int column) {
    const std::chrono::sys_time<std::chrono::seconds> day{std::chrono::days(row.integer(column))};
    return json::string(fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(day))));
}

json::value as_minute_begin(const Row& row, int column) { return begin_of<std::chrono::minutes>(row, column); }
json::value as_hour_begin(const Row& row, int column) { return begin_of<std::chrono::hours>(row, column); }
json::value as_day_begin(const Row& row, int column) { return begin_of<std::chrono::days>(row, column); }

}  // namespace relevo::exporting
