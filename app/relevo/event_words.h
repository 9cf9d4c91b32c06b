// Events in words, for people.
#pragma once

#include "core/events/event.h"

#include <boost/json/object.hpp>

#include <string>

namespace relevo {

// Its detail; empty if that cannot be read.
[[nodiscard]] boost::json::object detail_of(const Event& event);
// One sentence without a full stop. `facts`: of detail_of().
[[nodiscard]] std::string sentence_of(EventKind kind, const boost::json::object& facts);

}  // namespace relevo
