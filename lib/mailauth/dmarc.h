// Does the author's domain stand behind a message, and what does its owner want done if not (RFC 9989)?
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/results.h"

#include <string>
#include <vector>

namespace relevo::mailauth {

// What must be known before. The verdicts are those of the same message.
struct DmarcQuery {
    std::vector<std::string> from_fields;  // the value of each From field of the header section, as it stands there
    // On the MAIL FROM identity, which is postmaster@HELO for a null reverse-path (RFC 7208 §2.4); never of a HELO
    // check made beside it (RFC 9989 §4.4.2).
    SpfVerdict spf;
    std::vector<DkimVerdict> dkim;
    // ARC may lift the policy off a failed message, as arc_vouches_for() has it.
    ArcVerdict arc;
    std::vector<std::string> trusted_sealers;  // d= of ARC-Seal
};

// The author domains that the values of the From fields name, each once, as A-labels, in their order. Errors: those of
// which check_dmarc() makes permerror.
[[nodiscard]] Result<std::vector<std::string>> dmarc_author_domains(const std::vector<std::string>& from_fields);

// Finds the author domain in the From field, its policy by the tree walk, and whether SPF or DKIM passed for a domain
// of the same organisation (relaxed) or the same name (strict). A signature that leaves octets of the body unsigned
// (covers_body false) does not count: security row C1.
//
// The result is permerror, with the reason in words, for every message that does not name its author in one way
// (security row C4): no From field or several, one that does not parse or names nobody, a domain with control
// characters, an address literal, no valid IDN, or more than four author domains. RFC 9989 §5.3.1 leaves these to the
// receiver, but they are attacks: refuse them. Several authors of one domain are like one. Authors of two to four
// domains: DMARC is applied to each, and the strictest policy among those that fail counts: the verdict is that of the
// domain that fares worst, so pass only if all pass.
//
// A fault of the DNS is temperror, never fail; but only where an answer could change the result: what a stranger's
// broken DNS says of a domain that could not be aligned anyway cannot keep a policy from being applied. At most 4
// author domains, 20 authenticated domains of each, 8 questions for each of these.
[[nodiscard]] dns::Inquiry<DmarcVerdict> check_dmarc(DmarcQuery query);

}  // namespace relevo::mailauth
