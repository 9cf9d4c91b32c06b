// Delivery status notifications from the outcomes of an attempt (RFC 3461 §5, §6, RFC 5321 §4.5.5): which recipients
// ask for which, and the messages.
#pragma once

#include "core/delivery/outcome.h"
#include "lib/mail/report.h"

#include <vector>

namespace relevo {

struct ReportingOptions {
    std::string host_name;
    std::size_t full_return_limit_octets = 64 * 1024;
};

// One recipient's part: its result and what the report says of the time.
struct ReportableResult {
    AttemptResult result;
    std::string remote_host;                 // empty: nobody replied
    bool delayed = false;                    // deferred, and the delay is to be told now
    WallClock::time_point will_retry_until;  // with delayed
};

// At most one report per kind (failed, delayed, relayed or delivered). None for mail with the null reverse-path.
[[nodiscard]] std::vector<Submission> make_reports(const Message& message, const std::vector<ReportableResult>& results,
                                                   const ReportingOptions& options, mail::Language language,
                                                   MessageIdSource& ids, WallClock::time_point now);

}  // namespace relevo
