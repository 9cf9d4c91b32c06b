// The plan as lines of a zone file (RFC 1035 §5) that BIND, NSD and others load.
#pragma once

#include "core/setup/plan.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

// The strings of a TXT record: at most 255 octets each (RFC 1035 §3.3.14), quoted, '"' and '\' and unprintable octets
// escaped.
[[nodiscard]] std::vector<std::string> quoted_strings(std::string_view text, std::size_t limit = 255);

// Absolute names, one comment before each record. Records that the DNS holds already stand there as comments, so that
// the text can be added to the zone as it is; what a record replaces is named in front of it.
// `zone` chooses whose records; empty if there are none.
[[nodiscard]] std::string zone_text(const DnsPlan& plan, Zone zone, mail::Language language);

}  // namespace relevo::setup
