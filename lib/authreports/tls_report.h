// SMTP TLS reporting (RFC 8460): the record that asks for reports, and the reports.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/mailauth/dmarc_record.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::authreports {

// TXT at _smtp._tls.DOMAIN (§3).
struct TlsReportingRecord {
    std::vector<mailauth::ReportUri> uris;  // mailto: and https:, those that can be read
    std::vector<mailauth::RecordProblem> problems;
};
// Errors: invalid – does not begin with "v=TLSRPTv1;"; detail says so.
[[nodiscard]] Result<TlsReportingRecord> parse_tls_reporting_record(std::string_view text);

// Sessions that failed in one way (§4.4).
struct TlsFailure {
    std::string result_type;  // "starttls-not-supported", "certificate-expired", …: registered and other ones
    std::string sending_address;
    std::string receiving_host;
    std::string receiving_helo;
    std::string receiving_address;
    std::uint64_t sessions = 0;
    std::string additional_information;
    std::string reason_code;
    friend bool operator==(const TlsFailure&, const TlsFailure&) = default;
};
struct TlsPolicyResult {
    std::string policy_type;  // "sts", "tlsa", "no-policy-found", or as a stranger wrote it
    std::vector<std::string> policy_strings;
    std::string policy_domain;
    std::vector<std::string> mx_patterns;
    std::uint64_t successful_sessions = 0;
    std::uint64_t failed_sessions = 0;
    std::vector<TlsFailure> failures;
    friend bool operator==(const TlsPolicyResult&, const TlsPolicyResult&) = default;
};
struct TlsReport {
    std::string organization;
    std::string contact;
    std::string report_id;
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
    std::vector<TlsPolicyResult> policies;
    friend bool operator==(const TlsReport&, const TlsReport&) = default;
};

// Reads the JSON of §4.4. Tolerant: unknown members, numbers as text, missing parts. Bounds: 10 MiB, depth 64 (of
// JSON), 1,000 policies, 10,000 failures of each; strings are cut to 1,000 octets. Errors: invalid – no JSON, or none
// of a TLS report. limit.
[[nodiscard]] Result<TlsReport> parse_tls_report(std::string_view json);
[[nodiscard]] std::string write_tls_report(const TlsReport& report);

}  // namespace relevo::authreports
