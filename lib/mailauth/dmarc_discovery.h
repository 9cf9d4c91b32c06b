// Which record speaks for a domain, and which organisation the domain belongs to: the DNS Tree Walk (RFC 9989 §4.10).
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/dmarc_record.h"

#include <optional>
#include <string>
#include <vector>

namespace relevo::mailauth {

struct DmarcDiscovery {
    std::string domain;                 // where the walk started
    std::string organizational_domain;  // §4.10.2; of an incomplete walk only a guess
    // Of the domain itself, else of its organisational domain, else of its public suffix (§4.10.1).
    std::optional<DmarcRecord> record;
    std::string policy_domain;  // whose record it is; "" without one
    std::string record_text;
    dns::Security security = dns::Security::insecure;  // of the record
    // The DNS failed on the way, and why; "" if the walk is complete. Without a record nothing is known then.
    std::string fault;
    std::vector<std::string> errors;  // for the domain's owner (RFC 9990 §3.1.5): several records at one place, …
    std::vector<CheckStep> steps;
};

// `domain` in A-labels, lower case. At most 8 questions, each "_dmarc.NAME TXT".
[[nodiscard]] dns::Inquiry<DmarcDiscovery> discover_dmarc(std::string domain);

}  // namespace relevo::mailauth
