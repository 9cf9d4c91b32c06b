// The checks of a domain that look deeper than whether a record is there. Part of domain_checks.h.
#pragma once

#include "core/setup/domain_checks.h"

namespace relevo::setup {

// Whether the record lets each of our addresses send, within the look-ups that receivers allow (RFC 7208 §4.6.4).
Task<std::vector<CheckItem>> check_spf(DnsView& view, const DomainFacts& facts);
// The policy in force, its mistakes, whether its reports may be sent where they shall go, and whether our signature and
// our return path agree with the domain (RFC 9989, RFC 9990).
Task<std::vector<CheckItem>> check_dmarc(DnsView& view, const DomainFacts& facts);
// MX and null MX (RFC 7505), and TLSA records of its hosts (RFC 7672).
Task<std::vector<CheckItem>> check_incoming_mail(DnsView& view, const DomainFacts& facts,
                                                 const std::vector<CertificateDigests>& certificates);
// MTA-STS and TLS reporting of a domain that has them (RFC 8461, RFC 8460). The policy is fetched as senders do, and
// held against the MX records. `pages` may be null: then it is not fetched.
Task<std::vector<CheckItem>> check_transport_policy(DnsView& view, const DomainFacts& facts, WebPages* pages);

}  // namespace relevo::setup
