// Keys, requests for certificates, the certificate of tls-alpn-01, and what a chain holds.
#pragma once

#include "lib/base/result.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::acme {

using Time = std::chrono::system_clock::time_point;

// PEM of both; the key is a secret.
struct CertificatePair {
    std::string certificate;
    std::string key;
};

struct ChainFacts {
    std::vector<std::string> names;  // of the subjectAltName, lower case
    Time not_before{};
    Time not_after{};
    std::string serial;  // hexadecimal, lower case
    std::string issuer;  // its common name, or organisation; a stranger's text
    // By which the authority knows it (RFC 9773 §4.1); "" if the certificate does not name its issuer's key.
    std::string renewal_id{};
};

inline constexpr std::size_t chain_limit_octets = 64UL * 1024;

// A key for a certificate: EC P-256, PKCS #8 in PEM. Errors: internal.
[[nodiscard]] Result<std::string> generate_certificate_key();
// PKCS #10 (RFC 2986) in DER for one name, as `finalize` wants it (RFC 8555 §7.4). Errors: invalid – the key.
[[nodiscard]] Result<std::string> certificate_request(std::string_view key_pem, std::string_view name);
// Self-signed, with the digest of the key authorization in the extension acmeIdentifier (RFC 8737 §3).
[[nodiscard]] Result<CertificatePair> challenge_certificate(std::string_view name, std::string_view key_authorization,
                                                            Time now);
// The value of the TXT record of dns-01 (RFC 8555 §8.4).
[[nodiscard]] std::string dns_challenge_value(std::string_view key_authorization);

// Of the first certificate of a chain in PEM. Errors: invalid – no certificates, more than ten, or too long.
[[nodiscard]] Result<ChainFacts> inspect_chain(std::string_view pem);
// Whether a chain is what was asked for. Errors: invalid – another key, another name, or not valid now.
[[nodiscard]] Result<ChainFacts> verify_chain(std::string_view pem, std::string_view key_pem, std::string_view name,
                                              Time now);

}  // namespace relevo::acme
