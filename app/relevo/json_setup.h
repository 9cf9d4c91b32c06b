// Plans and findings as JSON (docs/control-protocol.md), their texts in one language.
#pragma once

#include "core/setup/check_item.h"
#include "core/setup/connection_trial.h"
#include "core/setup/plan.h"

#include <boost/json/object.hpp>

#include <vector>

namespace relevo {

[[nodiscard]] boost::json::object json_of(const setup::DnsPlan& plan, mail::Language language);
[[nodiscard]] boost::json::object json_of(const setup::CheckItem& item, mail::Language language);
[[nodiscard]] boost::json::object json_of(const setup::ConnectionFinding& finding, mail::Language language);
// {"items":[…],"failed":false}
[[nodiscard]] boost::json::object json_of(const std::vector<setup::CheckItem>& items, mail::Language language);

}  // namespace relevo
