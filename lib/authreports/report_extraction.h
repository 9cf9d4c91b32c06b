// Finds the reports in a received mail. Senders pack them in every way that MIME allows, so the parts are judged by
// what is in them, not by what their fields claim.
#pragma once

#include "lib/authreports/aggregate_report.h"
#include "lib/authreports/compression.h"
#include "lib/authreports/feedback_report.h"
#include "lib/authreports/tls_report.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace relevo::authreports {

using Report = std::variant<ReadAggregateReport, TlsReport, FeedbackReport>;

struct ExtractedReports {
    std::vector<Report> reports;
    std::vector<std::string> problems;  // parts that wanted to be reports, and why they are none; at most 20
};

struct ExtractionBounds {
    Octets message = 16 * mebibyte;  // base 64 makes 10 MiB nearly 14
    UnpackBounds unpack;
    std::size_t parts = 100;
    // Lines that begin with "--", as boundaries do. GMime compares each with all that are open: a mail of 12 MB made
    // for it took more than half a minute. Reports have three or four.
    std::size_t delimiters = 1'000;
    std::size_t depth = 64;  // of parts within parts
    ReportBounds report;
};

// `content`: a whole message as it came. Aggregate reports (RFC 9990, RFC 7489), TLS reports (RFC 8460), feedback
// reports (RFC 5965); plain, gzip, zip. Errors: invalid – no MIME message. limit – larger than `message`, or nested
// deeper than `depth`.
[[nodiscard]] Result<ExtractedReports> extract_reports(std::string_view content, ExtractionBounds bounds = {});

// A report in a file, not in a mail: XML or JSON, perhaps packed. Errors: as the readers'.
[[nodiscard]] Result<Report> read_report_file(std::string_view octets, ExtractionBounds bounds = {});

// A date of RFC 5322, the obsolete forms included.
[[nodiscard]] std::optional<std::chrono::sys_seconds> read_mail_date(std::string_view text);

}  // namespace relevo::authreports
