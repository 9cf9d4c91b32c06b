// For whoever publishes an SPF record: what it costs, whom it allows, and what to publish instead.
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/results.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// A term that asks the DNS, or that has a problem.
struct SpfCostTerm {
    std::string text;                // as the record writes it
    unsigned lookups = 0;            // its own and those below, as if no mechanism matched
    std::string problem;             // "" if none
    std::vector<SpfCostTerm> below;  // of the record that include: or redirect= leads to
};

struct SpfCost {
    unsigned lookups = 0;  // of the spf_lookup_limit that a receiver allows; the whole, even if it is more
    bool is_whole = true;  // false: a macro, a fault or a bound hides a part
    std::string problem;   // the first one met, or that the limit is passed; "" if none
    std::vector<SpfCostTerm> terms;
};

inline constexpr unsigned spf_cost_record_limit = 50;  // records that spf_cost() asks for

inline constexpr std::size_t spf_cost_term_limit = 100;  // terms of one record that it looks at

// The look-ups (RFC 7208 §4.6.4) that `record` costs at `domain` a receiver whose client no mechanism matches.
[[nodiscard]] dns::Inquiry<SpfCost> spf_cost(std::string domain, std::string record);

// What a receiver would say about `client` if `record` were published at `domain`.
[[nodiscard]] dns::Inquiry<SpfVerdict> try_spf_record(std::string domain, std::string record, dns::IpAddress client);

// The record to publish so that `mechanism` ("include:_spf.example.net") counts too: in front of "all", behind every
// other mechanism; all else as it was. One that is there with another qualifier is replaced where it stands. `existing`
// "": a first record, ending with "~all". Errors: invalid – a mistake in either, or `mechanism` is "all".
[[nodiscard]] Result<std::string> merge_spf(std::string_view existing, std::string_view mechanism);

}  // namespace relevo::mailauth
