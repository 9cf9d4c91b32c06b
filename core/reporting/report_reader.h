// Reads what strangers send as reports, on a thread of its own: an attachment of 10 MiB takes seconds.
#pragma once

#include "core/ports/task.h"
#include "core/reporting/received_reports.h"

#include <memory>
#include <string>
#include <vector>

namespace relevo {

struct ReadReports {
    std::vector<ReceivedReport> reports;
    std::size_t others = 0;             // complaints and the like, which are not kept here
    std::vector<std::string> problems;  // parts that wanted to be reports, and why they are none
};

struct ReportReaderLimits {
    std::size_t waiting = 100;
    Octets waiting_octets = 64 * mebibyte;
};

// Threads: any. Destroying it waits for the mail that is being read (its bounds are those of extract_reports()); those
// that wait get `cancelled`.
class ReportReader {
 public:
    explicit ReportReader(ReportReaderLimits limits = {});
    ~ReportReader();
    ReportReader(const ReportReader&) = delete;
    ReportReader& operator=(const ReportReader&) = delete;

    // Errors: full – too much waits; limit – the mail passes a bound; invalid – no MIME message; cancelled.
    void read(std::shared_ptr<const std::string> content, Completer<Result<ReadReports>> done);

 private:
    class State;
    std::unique_ptr<State> state_;
};

inline Task<Result<ReadReports>> read_reports(ReportReader& reader, std::shared_ptr<const std::string> content) {
    co_return co_await completion_of<Result<ReadReports>>(
        [&](Completer<Result<ReadReports>> done) { reader.read(std::move(content), std::move(done)); });
}

}  // namespace relevo
