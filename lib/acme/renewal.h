// When an authority would have a certificate renewed (ACME Renewal Information, RFC 9773). Pure.
#pragma once

#include "lib/base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::acme {

using Time = std::chrono::system_clock::time_point;

struct RenewalInfo {
    Time start{};
    Time end{};               // after start
    std::string explanation;  // address of a page for people; "" if there is none. A stranger's text, printable
    friend bool operator==(const RenewalInfo&, const RenewalInfo&) = default;
};

// RFC 9773 §4.2. Errors: invalid – not that, or a window that ends before it begins.
[[nodiscard]] Result<RenewalInfo> parse_renewal_info(std::string_view body);
// Where a certificate is asked about (§4.1). `service` is the directory's renewalInfo, `renewal_id` of ChainFacts.
[[nodiscard]] std::string renewal_address(std::string_view service, std::string_view renewal_id);
// A moment of the window (§4.2), evenly by `chance` (0..1).
[[nodiscard]] Time moment_of(const RenewalInfo& info, double chance);
// How long to wait for the next look (§4.3): as the authority says, from a minute to a day; six hours if it does not.
[[nodiscard]] std::chrono::seconds pause_between_looks(std::optional<std::chrono::seconds> retry_after);

}  // namespace relevo::acme
