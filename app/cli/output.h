// What every command prints the same way.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace relevo::cli {

// One line.
[[nodiscard]] std::string json_text(const boost::json::value& value);
// To standard error, for people line by line; with --json {"error":{…}} to standard output.
void print_problem(bool json, std::string_view kind, std::string_view text);

}  // namespace relevo::cli
