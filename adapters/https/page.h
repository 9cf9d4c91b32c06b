// One page over HTTPS, for what mail publishes on the web (RFC 8461 §3.3).
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/dns/record.h"

#include <chrono>
#include <string>
#include <vector>

namespace relevo::https {

struct PageRequest {
    std::string host;  // A-labels
    std::uint16_t port = 443;
    std::string path;                              // "/.well-known/mta-sts.txt"
    std::vector<dns::IpAddress> addresses;         // of the host: the system's resolver is not asked
    std::chrono::milliseconds time_limit{10'000};  // for all of it
    std::size_t limit_octets = 64UL * 1024;
};

struct Page {
    long status = 0;           // 200, 404; a redirect is not followed
    std::string content_type;  // "text/plain; charset=utf-8"
    std::string body;
};

// Blocks. TLS 1.2 or newer; the certificate must be valid for `host` by the system's trust store, which the environment
// variable SSL_CERT_FILE replaces as everywhere in OpenSSL.
// Errors: refused – no connection, or a certificate that does not verify; detail says which. timeout. limit – the page
// is larger. not_found – no addresses. io – anything else that libcurl reports.
[[nodiscard]] Result<Page> fetch_page(const PageRequest& request);

}  // namespace relevo::https
