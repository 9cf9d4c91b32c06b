// The DMARC Policy Record (RFC 9989 §4.7, §4.8), read tolerantly as receivers must, with a list of what is wrong for
// the person who publishes it. Records written for RFC 7489 are read alike.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/mailauth/results.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// psd=: is the name one under which others register their domains (RFC 9989 §4.7)?
enum class PublicSuffixFlag : std::uint8_t { unknown, yes, no };

// A URI of rua= or ruf=.
struct ReportUri {
    std::string text;                  // as written, without the size limit
    std::string scheme;                // lower case; "mailto" is the one that mail is sent to
    std::string address;               // of a mailto URI, percent-decoded; "" for any other scheme
    std::string host;                  // of the destination, A-labels; "" if it cannot be told
    std::optional<Octets> size_limit;  // "!10m" of RFC 7489 §6.2; larger reports must not be sent there
};

// error: receivers do something else than the owner wants. warning: some receivers may. advice: nobody is hurt.
enum class ProblemWeight : std::uint8_t { error, warning, advice };
struct RecordProblem {
    ProblemWeight weight = ProblemWeight::error;
    std::string tag;   // "rua"; "" if it concerns the whole record
    std::string text;  // what is wrong and what to write instead
};

struct DmarcRecord {
    std::optional<DmarcPolicy> policy;              // p; absent counts as none (§4.7)
    std::optional<DmarcPolicy> subdomain_policy;    // sp
    std::optional<DmarcPolicy> nonexistent_policy;  // np
    // p, sp or np stand there with a value that is none of the three: then the record counts as p=none if it has a rua,
    // else not at all (§4.10.1).
    bool has_invalid_policy = false;
    PublicSuffixFlag public_suffix = PublicSuffixFlag::unknown;
    // t=y: the policy applied shall be one step below the one that stands there (§4.7). pct=0 of RFC 7489 asked for
    // exactly that (§6.6.4 there: a message outside the sample gets the next lower policy), and its owners, who wrote
    // it to test, have no other way to say so to an old receiver: we read it as t=y. Any other pct counts as 100: RFC
    // 9989 removed the tag, because no sample ever was what its owner thought.
    bool is_testing = false;
    DmarcAlignment dkim_alignment = DmarcAlignment::relaxed;
    DmarcAlignment spf_alignment = DmarcAlignment::relaxed;
    std::vector<ReportUri> aggregate_uris;  // rua, those that can be read, at most 20
    std::vector<ReportUri> failure_uris;    // ruf
    std::string failure_options = "0";      // fo: "0", "1", "d", "s" joined by ":"; only counts with ruf
    unsigned percentage = 100;              // pct of RFC 7489, for display only
    std::vector<RecordProblem> problems;    // at most 50

    // The policy for the domain that publishes the record, for its subdomains, and for those of them that the DNS does
    // not know (§4.10.1), before is_testing.
    [[nodiscard]] DmarcPolicy own_policy() const;
    [[nodiscard]] DmarcPolicy policy_of_subdomain() const;
    [[nodiscard]] DmarcPolicy policy_of_nonexistent() const;
    // False: receivers apply no DMARC (§4.10.1); see has_invalid_policy.
    [[nodiscard]] bool is_applicable() const { return !has_invalid_policy || !aggregate_uris.empty(); }
};

// The policy one step lower: reject > quarantine > none.
[[nodiscard]] DmarcPolicy one_step_below(DmarcPolicy policy);

// Reads one TXT record (its strings joined). Only the version decides whether it is a DMARC record; all other mistakes
// are skipped and stand in `problems`. Of a tag written twice the first counts.
// Errors: invalid – does not begin with the tag "v=DMARC1"; detail says what is wrong if it looks as if it wanted to.
[[nodiscard]] Result<DmarcRecord> parse_dmarc_record(std::string_view text);

// Tag lists of DMARC, TLS reporting and MTA-STS records are alike: "name=value; name=value". White space around names
// and values is taken off; a piece without "=" has an empty name. At most 100 pieces, the rest is dropped.
struct RecordTag {
    std::string_view name;
    std::string_view value;
};
[[nodiscard]] std::vector<RecordTag> split_record_tags(std::string_view text);

// A comma-separated list of URIs (§4.6), as in rua= of DMARC and TLS reporting records. What cannot be read is left out
// and stands in `problems` under the name `tag`.
enum class SizeLimits : bool { none, allowed };
[[nodiscard]] std::vector<ReportUri> parse_report_uris(std::string_view list, std::string_view tag, SizeLimits limits,
                                                       std::vector<RecordProblem>& problems);

}  // namespace relevo::mailauth
