// How a column of a row is written in JSON (docs/formats/export.md).
#pragma once

#include "core/ports/database.h"

#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstdint>

namespace relevo::exporting {

using RowForm = boost::json::value (*)(const Row& row, int column);

[[nodiscard]] boost::json::value as_text(const Row& row, int column);
[[nodiscard]] boost::json::value as_text_or_null(const Row& row, int column);  // "" is null
[[nodiscard]] boost::json::value as_words(const Row& row, int column);         // separated by blanks: a list
[[nodiscard]] boost::json::value as_lines(const Row& row, int column);         // likewise, one a line
[[nodiscard]] boost::json::value as_json(const Row& row, int column);          // the value itself; else as text
[[nodiscard]] boost::json::value as_number(const Row& row, int column);
[[nodiscard]] boost::json::value as_number_or_null(const Row& row, int column);  // 0 is null
[[nodiscard]] boost::json::value as_real(const Row& row, int column);
[[nodiscard]] boost::json::value as_flag(const Row& row, int column);
[[nodiscard]] boost::json::value as_time(const Row& row, int column);  // milliseconds since 1970; 0 is null
[[nodiscard]] boost::json::value as_day(const Row& row, int column);   // days since 1970: "2026-11-26"
// Minutes, hours, days since 1970: when they begin.
[[nodiscard]] boost::json::value as_minute_begin(const Row& row, int column);
[[nodiscard]] boost::json::value as_hour_begin(const Row& row, int column);
[[nodiscard]] boost::json::value as_day_begin(const Row& row, int column);

template <class Id>
[[nodiscard]] boost::json::value as_id(const Row& row, int column) {  // 0 is null
    const Id id{row.integer(column)};
    return id ? boost::json::value(id.text()) : boost::json::value(nullptr);
}

// The word for a stored number; a number that this release has no word for stays one.
template <class Enum, Enum first, Enum last>
[[nodiscard]] boost::json::value as_name(const Row& row, int column) {
    const std::int64_t number = row.integer(column);
    if (number < static_cast<std::int64_t>(first) || number > static_cast<std::int64_t>(last)) return number;
    return boost::json::string(name_of(static_cast<Enum>(number)));
}

}  // namespace relevo::exporting
