// Fuzz target F12, TLS reporting records, and where they want reports posted.
#include "lib/authreports/https_target.h"
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
    for (const auto& uri : record->uris) {
        if (uri.host.empty() || (uri.scheme != "mailto" && uri.scheme != "https") || uri.size_limit) std::abort();
        const auto target = relevo::authreports::parse_https_target(uri.text);
        if (!target) continue;
        if (target->host.empty() || target->port == 0 || !target->path.starts_with('/')) std::abort();
        for (const char c : target->host + target->path)
            if (c <= ' ' || c >= '\x7F') std::abort();
    }
    return 0;
}
