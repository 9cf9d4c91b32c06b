// What became of TLS with one mail server of a domain, as reports tell its owner (RFC 8460 §4.3, §4.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

enum class TlsResult : std::uint8_t {
    success,
    starttls_not_supported,
    certificate_host_mismatch,
    certificate_expired,
    certificate_not_trusted,
    validation_failure,
    tlsa_invalid,            // TLSA records are there, and none can be used
    dnssec_invalid,          // the DNS did not answer for the TLSA records
    dane_required,           // we demand DANE, and there are no TLSA records that the DNS vouches for
    sts_policy_fetch_error,  // the policy could not be fetched,
    sts_policy_invalid,      // does not parse,
    sts_webpki_invalid,      // or comes from a web server without a valid certificate
};
// As reports write it: "starttls-not-supported"; "" for success.
[[nodiscard]] std::string_view name_of(TlsResult result);

// Why an MTA-STS policy that is announced is not known.
struct StsFailure {
    TlsResult result = TlsResult::sts_policy_fetch_error;
    std::string problem;  // for people
};

enum class TlsPolicyType : std::uint8_t { none, sts, tlsa };
// "no-policy-found", "sts", "tlsa".
[[nodiscard]] std::string_view name_of(TlsPolicyType type);

struct TlsSession {
    std::string policy_domain;  // the recipients' domain, A-labels
    TlsPolicyType policy = TlsPolicyType::none;
    std::vector<std::string> policy_strings;  // TLSA records, or the lines of the MTA-STS policy
    std::vector<std::string> mx_patterns;     // of the MTA-STS policy
    TlsResult result = TlsResult::success;
    std::string host;     // the mail server
    std::string address;  // its address; "" if none was reached
    std::string source;   // ours
    std::string problem;  // why, for people
};

}  // namespace relevo
