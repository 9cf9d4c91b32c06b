// The kinds of reports that are sent and received.
#pragma once

#include <cstdint>
#include <string_view>

namespace relevo {

// Stored numbers: never renumber.
enum class ReportKind : std::uint8_t {
    dmarc = 1,  // aggregate reports (RFC 9990)
    tls = 2,    // RFC 8460
};
[[nodiscard]] std::string_view name_of(ReportKind kind);

}  // namespace relevo
