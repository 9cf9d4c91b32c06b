#include "core/reporting/report_reader.h"

#include "core/ports/reading_thread.h"

#include <fmt/format.h>

#include <iterator>

namespace relevo {
namespace {

// One mail carries one report; a stranger's could fill the store with a thousand domains of one TLS report.
constexpr std::ptrdiff_t reports_of_mail = 50;

Result<ReadReports> read_content(std::string_view content) {
    RELEVO_TRY(authreports::ExtractedReports extracted, authreports::extract_reports(content));
    ReadReports read;
    read.problems = std::move(extracted.problems);
    for (const authreports::Report& report : extracted.reports) {
        std::vector<ReceivedReport> kept = kept_of(report);
        if (kept.empty()) ++read.others;
        std::ranges::move(kept, std::back_inserter(read.reports));
    }
    if (std::ssize(read.reports) > reports_of_mail) {
        read.problems.push_back(
            fmt::format("the mail holds {} reports: the first {} are kept", read.reports.size(), reports_of_mail));
        read.reports.erase(read.reports.begin() + reports_of_mail, read.reports.end());
    }
    return read;
}

}  // namespace

class ReportReader::State : public ReadingThread<ReadReports> {
    using ReadingThread::ReadingThread;
};

ReportReader::ReportReader(ReportReaderLimits limits)
    : state_(std::make_unique<State>(read_content, limits.waiting, limits.waiting_octets)) {}
ReportReader::~ReportReader() = default;

void ReportReader::read(std::shared_ptr<const std::string> content, Completer<Result<ReadReports>> done) {
    state_->read(std::move(content), std::move(done));
}

}  // namespace relevo
