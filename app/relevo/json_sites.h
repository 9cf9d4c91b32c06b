// Sites, and what is known of the paths to them, as docs/control-protocol.md shows them. Internal.
#pragma once

#include "core/delivery/status.h"
#include "lib/mail/report.h"

#include <boost/json/object.hpp>

namespace relevo {

// One line for each source.
[[nodiscard]] boost::json::object json_summary_of(const SiteStatus& site, mail::Language language);
// With limits, what was learned and the last changes.
[[nodiscard]] boost::json::object json_of(const SiteStatus& site, mail::Language language);
// What is in force and what was learned on one path; `by`: how its sentence names the destination.
[[nodiscard]] boost::json::object json_of(const shaping::Limits& limits, const shaping::ThrottleStatus& status,
                                          const shaping::PathNames& names, mail::Language language);
// The day's messages of a new source.
[[nodiscard]] boost::json::object json_of(const shaping::WarmUpState& state);

}  // namespace relevo
