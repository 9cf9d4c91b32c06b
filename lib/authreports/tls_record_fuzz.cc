// Fuzz target F12, TLS reporting records.
#include "lib/authreports/tls_report.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto record = relevo::authreports::parse_tls_reporting_record(text);
    if (!record) {
        if (record.error().detail.empty()) std::abort();
        return 0;
    }
    if (record->uris.size() > 20 || (record->uris.empty() && record->problems.empty())) std::abort();
    for (const auto& uri : record->uris)
        if (uri.host.empty() || (uri.scheme != "mailto" && uri.scheme != "https") || uri.size_limit) std::abort();
    return 0;
}
