// The part of a report that people read, and its subject.
#pragma once

#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo::mail {

// UTF-8, not yet encoded.
[[nodiscard]] std::string report_subject(const DeliveryReport& report);
// UTF-8 with CRLF lines of at most some 76 characters, not yet encoded. `original_subject`: the field's value, or
// empty.
[[nodiscard]] std::string report_text(const DeliveryReport& report, std::string_view original_subject);

}  // namespace relevo::mail
