// MTA-STS (RFC 8461): the record that announces a policy, and the policy file. Reading only.
#pragma once

#include "lib/base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::tlspolicy {

// TXT at _mta-sts.DOMAIN (§3.1).
struct MtaStsRecord {
    std::string id;  // 1 to 32 letters and digits; a new one says that the policy has changed
};
// Unknown fields are skipped. Errors: invalid – does not begin with "v=STSv1", or has no id that the grammar allows.
[[nodiscard]] Result<MtaStsRecord> parse_mta_sts_record(std::string_view text);
// Of all TXT records there. §3.1: "If the number of resulting records is not one, […] senders MUST assume the recipient
// domain does not have an available MTA-STS Policy". Errors: not_found – none begins with "v=STSv1;". conflict –
// several do. invalid – the one does not parse.
[[nodiscard]] Result<MtaStsRecord> choose_mta_sts_record(const std::vector<std::string>& texts);

enum class MtaStsMode : std::uint8_t { none, testing, enforce };
[[nodiscard]] std::string_view name_of(MtaStsMode mode);

struct MtaStsPolicy {
    MtaStsMode mode = MtaStsMode::none;
    std::chrono::seconds max_age{0};  // at most 31,557,600 (about a year); more is cut to that
    std::vector<std::string>
        mx_patterns;                    // lower case, A-labels: "mx.example.com", "*.example.net"; empty only with none
    std::vector<std::string> warnings;  // for its owner
};
// The file https://mta-sts.DOMAIN/.well-known/mta-sts.txt (§3.2): lines that end with LF or CRLF, fields in any order,
// of one written twice the first counts, unknown ones are skipped. Errors: invalid – not a policy of version STSv1, or
// a needed field is missing or wrong. limit – over 64 KiB (§3.3 lets senders limit it), or over 1,000 mx patterns.
[[nodiscard]] Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view file);

// §4.1: equal, or below a "*." pattern by exactly one label. `host` in A-labels, lower case, without final dot.
[[nodiscard]] bool matches(const MtaStsPolicy& policy, std::string_view host);

}  // namespace relevo::tlspolicy
