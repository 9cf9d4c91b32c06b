// Verdicts as JSON, in the words of the standards.
#pragma once

#include "lib/mailauth/explain.h"
#include "lib/mailauth/results.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace relevo::lookups {

[[nodiscard]] boost::json::object as_json(const mailauth::SpfVerdict& verdict);
[[nodiscard]] boost::json::object as_json(const mailauth::DkimVerdict& verdict);
[[nodiscard]] boost::json::object as_json(const mailauth::ArcVerdict& verdict);
[[nodiscard]] boost::json::object as_json(const mailauth::DmarcVerdict& verdict);
[[nodiscard]] boost::json::array as_json(const std::vector<mailauth::CheckStep>& steps);
[[nodiscard]] boost::json::array as_json(const std::vector<mailauth::ExplanationItem>& items);
[[nodiscard]] std::string_view name_of(dns::Security security);  // "secure"

}  // namespace relevo::lookups
