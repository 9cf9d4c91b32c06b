// The certificate that a mail server shows, held against TLSA records (RFC 7671, RFC 7672).
#pragma once

#include "lib/base/result.h"
#include "lib/dns/record.h"
#include "lib/tlspolicy/tlsa.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relevo::certificate_probe {

enum class Greeting : std::uint8_t { starttls, implicit };  // what comes first on the port

struct ProbeRequest {
    std::string host;  // A-labels: server name, and the name in the certificate
    dns::IpAddress address{};
    std::uint16_t port = 25;
    Greeting greeting = Greeting::starttls;
    std::string our_name;                        // for EHLO
    std::vector<tlspolicy::TlsaRecord> records;  // those without a problem_of()
    std::chrono::steady_clock::time_point deadline;
};

struct ShownCertificate {
    std::string subject;  // "CN=mail.example.com"
    std::string issuer;
    std::string expires;                 // "2027-01-31 12:00:00", UTC
    std::string protocol;                // "TLSv1.3"
    std::string public_key_sha256;       // upper-case hexadecimal: the data of a record 3 1 1
    std::optional<std::size_t> matched;  // index of the record that it fits; none: none does
    std::string problem;                 // why it does not fit, in OpenSSL's words; "" if it does
};

// Blocks. Errors: refused – no connection, no STARTTLS, or no TLS; detail says which. timeout. closed, io.
[[nodiscard]] Result<ShownCertificate> probe_certificate(const ProbeRequest& request);

}  // namespace relevo::certificate_probe
