// What is remembered between starts, as JSON files beside the certificates.
#pragma once

#include "core/ports/task.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct AccountRecord {
    std::string directory;                      // that the account is of
    std::string account;                        // its address; "" before there is one
    std::vector<WallClock::time_point> orders;  // of the last hour
};

// Of one name.
struct CertificateRecord {
    std::string directory;                  // that the certificate in use is from
    std::string order;                      // one that was begun
    std::uint32_t failures = 0;             // in a row
    WallClock::time_point tried_at{};       // last
    WallClock::time_point retry_at{};       // after a failure
    WallClock::time_point blocked_until{};  // the authority asked not to come before
    std::string problem;                    // of the last failure; "" after a success
};

// A file that cannot be read counts as none: the certificate is then looked at anew.
[[nodiscard]] AccountRecord parse_account_record(std::string_view text);
[[nodiscard]] CertificateRecord parse_certificate_record(std::string_view text);
[[nodiscard]] std::string text_of(const AccountRecord& record);
[[nodiscard]] std::string text_of(const CertificateRecord& record);

}  // namespace relevo
