// Collecting what TLS reports say, session by session: a row for each combination of policy and result, counted. A pure
// data structure: whoever keeps reports over restarts stores a row as its key and its count.
#pragma once

#include "lib/authreports/tls_report.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::authreports {

// TLS sessions with mail servers of one domain, under one policy, with one result.
struct TlsRow {
    std::string policy_type;                  // "sts", "tlsa", "no-policy-found"
    std::vector<std::string> policy_strings;  // at most 30 are kept
    std::vector<std::string> mx_patterns;     // at most 20
    TlsFailure failure;                       // without its count; no result_type: they succeeded
    std::uint64_t sessions = 0;
};

// All of a row but its count; each text cut to 255 octets. The form may be stored; it begins with its version.
[[nodiscard]] std::string key_of(const TlsRow& row);
// A row with count 0. Errors: invalid – not made by key_of.
[[nodiscard]] Result<TlsRow> tls_row_from_key(std::string_view key);

// The report's policies: the rows of each in one, with their sums (§4.4).
[[nodiscard]] std::vector<TlsPolicyResult> policies_of(const std::string& policy_domain,
                                                       const std::vector<TlsRow>& rows);

}  // namespace relevo::authreports
