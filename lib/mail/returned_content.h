// The third part of a report: what of the original goes back to its sender (RFC 3461 §4.3, RFC 6522 §3, RFC 6533 §4).
#pragma once

#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo::mail {

struct ReturnedContent {
    std::string type;      // "text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global"
    std::string encoding;  // Content-Transfer-Encoding
    std::string body;      // encoded, ends with CRLF
};

// All of `content` for RET=FULL in a report of failure, if it is no larger than `limit_octets` and made of lines that
// may travel as they are; else its header section, cut to whole fields within the limit. `utf8`: whether the report
// itself may hold UTF-8.
[[nodiscard]] ReturnedContent returned_content(const DeliveryReport& report, std::string_view content,
                                               std::size_t limit_octets, Utf8 utf8);

}  // namespace relevo::mail
