// May a report about one domain go to another (RFC 9990 §4, RFC 7489 §7.1)? Otherwise anybody could have floods of
// reports sent to a victim (security row C9).
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/dmarc_record.h"
#include "lib/mailauth/results.h"

#include <string>
#include <vector>

namespace relevo::authreports {

enum class DestinationAnswer : std::uint8_t { allowed, refused, temporary };

struct DestinationVerdict {
    DestinationAnswer answer = DestinationAnswer::refused;
    // Where to send if allowed: the URI asked about, or those that its host wants instead; all on that same host.
    std::vector<mailauth::ReportUri> uris;
    std::string reason;
    std::vector<mailauth::CheckStep> steps;
};

// `policy_domain`: where the record with the URI was found, A-labels. Only mailto URIs can be allowed. temporary: the
// DNS failed; ask again later, do not send now.
[[nodiscard]] dns::Inquiry<DestinationVerdict> check_destination(std::string policy_domain, mailauth::ReportUri uri);

}  // namespace relevo::authreports
