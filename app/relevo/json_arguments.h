// Reads the arguments of a control request, strictly: what is not known or of the wrong type is an error that says so.
#pragma once

#include "core/ports/task.h"
#include "lib/base/result.h"
#include "lib/mail/report.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Errors: invalid, naming the first member that is not in `known`.
[[nodiscard]] Result<void> check_members(const boost::json::object& arguments,
                                         std::initializer_list<std::string_view> known);

// Absent and null mean the same: nothing. Errors: invalid – another type.
[[nodiscard]] Result<std::optional<std::string>> text_member(const boost::json::object& arguments,
                                                             std::string_view name);
[[nodiscard]] Result<std::string> required_text(const boost::json::object& arguments, std::string_view name);
[[nodiscard]] Result<std::optional<bool>> flag_member(const boost::json::object& arguments, std::string_view name);
[[nodiscard]] Result<std::optional<std::int64_t>> number_member(const boost::json::object& arguments,
                                                                std::string_view name);
[[nodiscard]] Result<std::optional<std::vector<std::string>>> list_member(const boost::json::object& arguments,
                                                                          std::string_view name);
// RFC 3339 in UTC; "" means never (the epoch).
[[nodiscard]] Result<std::optional<WallClock::time_point>> time_member(const boost::json::object& arguments,
                                                                       std::string_view name);

// "2026-11-23T12:00:00.123Z"; the epoch is null.
[[nodiscard]] boost::json::value json_time(WallClock::time_point time);
[[nodiscard]] boost::json::value json_text_or_null(std::string_view text);
[[nodiscard]] boost::json::array json_list(const std::vector<std::string>& texts);

// Of texts for people: "es" or "en". Errors: invalid.
[[nodiscard]] Result<mail::Language> language_member(const boost::json::object& arguments, mail::Language fallback);

}  // namespace relevo
