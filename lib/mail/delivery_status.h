// The machine-readable part of a report (RFC 3464 §2, RFC 6533 §3).
#pragma once

#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo::mail {

// Text of others made fit for a field or a line of ours: control characters as one space, at most `limit_octets`, and
// 8-bit octets as "?" unless UTF-8 is allowed and the whole text is UTF-8.
[[nodiscard]] std::string one_line(std::string_view text, Utf8 utf8, std::size_t limit_octets);

// `report.status` if it has the form of RFC 3463 §2, else the general code of the action.
[[nodiscard]] std::string status_code(const RecipientReport& report);

// Body of message/delivery-status or, with UTF-8 allowed, of message/global-delivery-status.
[[nodiscard]] std::string delivery_status(const DeliveryReport& report, Utf8 utf8);

}  // namespace relevo::mail
