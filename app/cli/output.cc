#include "app/cli/output.h"

#include "lib/base/text.h"

#include <boost/json/serialize.hpp>

#include <iostream>

namespace relevo::cli {

std::string json_text(const boost::json::value& value) { return boost::json::serialize(value) + "\n"; }

void print_problem(bool json, std::string_view kind, std::string_view text) {
    if (json) {
        std::cout << json_text(boost::json::object{{"error", boost::json::object{{"kind", kind}, {"message", text}}}});
        return;
    }
    for (const std::string_view line : split(text, '\n')) std::cerr << "relevo: " << printable(line, 2000) << "\n";
}

}  // namespace relevo::cli
