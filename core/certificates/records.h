// What is remembered between starts, as JSON files beside the certificates.
#pragma once

#include "core/ports/task.h"
#include "lib/acme/renewal.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct AccountRecord {
    std::string directory;                      // that the account is of
    std::string account;                        // its address; "" before there is one
    std::vector<WallClock::time_point> orders;  // of the last hour
};

// What the authority suggests for one certificate (RFC 9773).
struct RenewalSuggestion {
    std::string certificate;               // its renewal_id; "" before it was asked
    acme::RenewalInfo info{};              // no time in it: it has no suggestion
    WallClock::time_point moment{};        // of the window: chosen once, kept for as long as the window stays
    WallClock::time_point next_look_at{};  // when it is asked again
    [[nodiscard]] bool has_window() const { return info.end > info.start; }
};

// Of one name.
struct CertificateRecord {
    std::string directory;                  // that the certificate in use is from
    std::string order;                      // one that was begun
    std::uint32_t failures = 0;             // in a row
    WallClock::time_point tried_at{};       // last
    WallClock::time_point retry_at{};       // after a failure
    WallClock::time_point blocked_until{};  // the authority asked not to come before
    WallClock::time_point followed_at{};    // the last order that was made because the authority suggested it
    std::string problem;                    // of the last failure; "" after a success
    std::string problem_in_spanish;         // likewise
    RenewalSuggestion suggestion{};
};

// A file that cannot be read counts as none: the certificate is then looked at anew.
[[nodiscard]] AccountRecord parse_account_record(std::string_view text);
[[nodiscard]] CertificateRecord parse_certificate_record(std::string_view text);
[[nodiscard]] std::string text_of(const AccountRecord& record);
[[nodiscard]] std::string text_of(const CertificateRecord& record);

}  // namespace relevo
