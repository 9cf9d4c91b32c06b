// Reports about a single message: complaints (ARF, RFC 5965) and authentication failures (RFC 9991, RFC 6591, RFC
// 6650). Anybody can write one: what it says of itself proves nothing.
#pragma once

#include "lib/base/result.h"
#include "lib/dns/record.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::authreports {

struct FeedbackReport {
    std::string type;  // Feedback-Type in lower case: "abuse", "fraud", "not-spam", "virus", "other", "auth-failure", …
    std::string user_agent;
    std::string version;
    std::string original_envelope_id;
    std::string original_mail_from;                   // as written, angle brackets taken off
    std::vector<std::string> original_recipients;     // likewise
    std::optional<std::chrono::sys_seconds> arrival;  // of the message
    std::string reporting_mta;                        // without "dns;"
    std::optional<dns::IpAddress> source;
    std::uint16_t source_port = 0;
    std::uint64_t incidents = 1;
    std::vector<std::string> authentication_results;  // unfolded
    std::vector<std::string> reported_domains;        // lower case
    std::vector<std::string> reported_uris;
    // Of authentication failures:
    std::string auth_failure;        // "bodyhash", "signature", "spf", "dmarc", …; lower case
    std::string delivery_result;     // "reject", "policy", …; lower case
    std::string identity_alignment;  // "none", "spf", "dkim", "dkim, spf" (RFC 9991 §4)
    std::string dkim_domain;
    std::string dkim_identity;
    std::string dkim_selector;
    std::string dkim_selector_record;
    std::string spf_record;
    std::string original;      // the message, or its header section; "" if there is none
    bool has_content = false;  // `original` is the whole message
};

// Turns a date of RFC 5322 §3.3 or its older forms into a time; nothing if it is none.
using DateReader = std::optional<std::chrono::sys_seconds> (*)(std::string_view text);

// `fields`: the decoded body of the message/feedback-report part; `original`: of the third part. Unknown fields are
// skipped; of each list the first 100 count; values are cut to 1,000 octets.
// Errors: invalid – no Feedback-Type. limit – more than lib/mail reads of a header.
[[nodiscard]] Result<FeedbackReport> parse_feedback_report(std::string_view fields, std::string_view original,
                                                           bool has_content, DateReader read_date);

}  // namespace relevo::authreports
