// Reading members of a JSON object that may be missing, null or of another type, as text.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace relevo::cli {

// The member, or a null value.
[[nodiscard]] const boost::json::value& member(const boost::json::value& object, std::string_view name);
// Text as it is, numbers in decimal, lists separated by commas, null and "" as `fallback`.
[[nodiscard]] std::string text(const boost::json::value& object, std::string_view name,
                               std::string_view fallback = "-");
[[nodiscard]] std::int64_t number(const boost::json::value& object, std::string_view name);
// A number that may have decimals: at most two, "0.25"; "-" for anything else.
[[nodiscard]] std::string decimal(const boost::json::value& object, std::string_view name);
// "2026-11-23 12:00:00" of an RFC 3339 text; "-" for null.
[[nodiscard]] std::string time_text(const boost::json::value& object, std::string_view name);
[[nodiscard]] std::string size_text(std::int64_t octets);
// The elements of a list member; none if it is no list.
[[nodiscard]] const boost::json::array& elements(const boost::json::value& object, std::string_view name);

}  // namespace relevo::cli
