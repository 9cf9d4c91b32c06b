// What was found out about a message, in the words of the standards. The verifiers of this module make these values;
// policy, header fields, reports and people read them.
#pragma once

#include "lib/dns/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// RFC 7208 §2.6.
enum class SpfResult : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };
// RFC 8601 §2.7.1. policy: the signature is valid but does not count here (too weak a key, unsigned body behind l=, …).
enum class DkimResult : std::uint8_t { none, pass, fail, policy, neutral, temperror, permerror };
// RFC 8617 §5.2 and the result "none" of RFC 8601 for a message without a chain. A DNS fault is temperror: RFC 8617 has
// no word for it.
enum class ArcResult : std::uint8_t { none, pass, fail, temperror };
// RFC 9989 §5; none: the domain publishes no policy.
enum class DmarcResult : std::uint8_t { none, pass, fail, temperror, permerror };
// RFC 8601 §2.7.3: the name of the client's address leads back to that address.
enum class IprevResult : std::uint8_t { pass, fail, temperror, permerror };
enum class DmarcPolicy : std::uint8_t { none, quarantine, reject };

// The keyword that a header field or report shows: "pass", "softfail", …
[[nodiscard]] std::string_view name_of(SpfResult result);
[[nodiscard]] std::string_view name_of(DkimResult result);
[[nodiscard]] std::string_view name_of(ArcResult result);
[[nodiscard]] std::string_view name_of(DmarcResult result);
[[nodiscard]] std::string_view name_of(IprevResult result);
[[nodiscard]] std::string_view name_of(DmarcPolicy policy);

enum class SpfIdentity : std::uint8_t { mail_from, helo };  // RFC 7208 §2.3, §2.4

// One thing that a check did, for a person who wants to know why: what was looked at, and what came of it.
struct CheckStep {
    unsigned depth = 0;   // of nesting: include:, redirect=
    std::string subject;  // "include:_spf.example.net", "selector._domainkey.example.com TXT"
    std::string outcome;  // "matches 192.0.2.0/24", "no such record"
};

struct SpfVerdict {
    SpfResult result = SpfResult::none;
    SpfIdentity identity = SpfIdentity::mail_from;
    std::string domain;       // whose record was asked for: canonical A-labels; what DMARC aligns
    std::string sender;       // the address checked, "postmaster@" put in front of a HELO name
    std::string mechanism;    // that matched, as the record writes it; "" if none, "default" at the end of the record
    std::string explanation;  // of the domain's owner, printable ASCII, only with fail; "" if none
    std::string reason;       // why, for the person who must act
    unsigned lookups = 0;     // of the 10 that RFC 7208 §4.6.4 allows
    unsigned void_lookups = 0;
    dns::Security security = dns::Security::insecure;  // of the record
    std::vector<CheckStep> steps;
};

// One DKIM-Signature field.
struct DkimVerdict {
    DkimResult result = DkimResult::none;
    std::string domain;       // d=, canonical A-labels; "" if it could not be read, or for signatures beyond the limit
    std::string selector;     // s=
    std::string identity;     // i=, or "@" and the domain
    std::string algorithm;    // a=, in lower case
    std::string signature;    // the first octets of b=, enough to tell signatures apart (RFC 6008)
    unsigned key_bits = 0;    // of an RSA key
    bool is_testing = false;  // t=y in the key record
    bool covers_body = true;  // false: l= left octets of the body unsigned; the result is then policy, never pass
    std::string reason;       // why, for the person who must act
    dns::Security security = dns::Security::insecure;  // of the key record
    std::vector<CheckStep> steps;
};

struct ArcVerdict {
    ArcResult result = ArcResult::none;
    unsigned instances = 0;            // sets found: the highest instance
    unsigned oldest_pass = 0;          // RFC 8617 §5.2: 0 if the message is still as the first sealer passed it on
    std::vector<std::string> sealers;  // d= of each ARC-Seal, the first instance first; only with pass
    // header.from of each "dmarc=pass" that the first sealer reports (RFC 8617 §7.2.1), A-labels; only with pass.
    std::vector<std::string> first_passed_domains;
    std::string reason;
    std::vector<CheckStep> steps;
};

enum class DmarcAlignment : std::uint8_t { relaxed, strict };
// Why a message that failed was not treated as its author domain asks (RFC 9990 §3.1.6).
enum class DmarcOverride : std::uint8_t {
    none,
    local_policy,
    mailing_list,
    other,
    policy_test_mode,
    trusted_forwarder
};
[[nodiscard]] std::string_view name_of(DmarcOverride reason);  // "local_policy"; "" for none

struct DmarcVerdict {
    DmarcResult result = DmarcResult::none;
    std::string author_domain;                    // of RFC5322.From, A-labels
    std::string organizational_domain;            // of the author domain
    std::string policy_domain;                    // where the record was found; "" if there is none
    DmarcPolicy published = DmarcPolicy::none;    // what the record asks for this author domain: p, sp or np
    DmarcPolicy disposition = DmarcPolicy::none;  // what to do: published, after t=y, ARC; none unless result is fail
    bool spf_aligned = false;                     // SPF passed for a domain that is aligned
    bool dkim_aligned = false;                    // so did a signature
    DmarcOverride override_reason = DmarcOverride::none;
    std::string override_comment;  // for the aggregate report
    std::string record;            // the policy record as published; "" if there is none
    std::string reason;
    dns::Security security = dns::Security::insecure;  // of the record
    std::vector<CheckStep> steps;
};

struct IprevVerdict {
    IprevResult result = IprevResult::permerror;
    std::string name;  // that was confirmed; "" unless pass
    std::string reason;
};

// All that the checks found out about one message. What was not checked is absent.
struct MessageVerdicts {
    std::string client_address;  // "192.0.2.1"; empty if the message did not come over the network
    std::string login;           // whom SMTP AUTH confirmed (RFC 4954); empty if nobody
    std::optional<IprevVerdict> iprev;
    std::vector<SpfVerdict> spf;                   // one for each identity checked
    std::optional<std::vector<DkimVerdict>> dkim;  // empty: checked, but there is no signature
    std::optional<DmarcVerdict> dmarc;
    std::optional<ArcVerdict> arc;
};

}  // namespace relevo::mailauth
