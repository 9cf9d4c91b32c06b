// Fuzz target F13, TLS reports: what is read is within the bounds, and says the same when written and read again.
#include "lib/authreports/tls_report.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::authreports;
    const auto report = parse_tls_report({reinterpret_cast<const char*>(data), size});
    if (!report) {
        if (report.error().detail.empty()) std::abort();
        return 0;
    }
    if (report->policies.size() > 1'000) std::abort();
    const std::string written = write_tls_report(*report);
    const auto again = parse_tls_report(written);
    // Cut and escaped values may be cut once more; what was written then stays.
    if (!again || again->policies.size() != report->policies.size()) std::abort();
    return 0;
}
