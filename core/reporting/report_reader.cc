#include "core/reporting/report_reader.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <thread>

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

class ReportReader::State {
 public:
    explicit State(ReportReaderLimits limits) : limits_(limits), thread_([this] { work(); }) {}
    ~State() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakeup_.notify_all();
        thread_.join();
        for (Mail& mail : queue_) mail.done(failure(ErrorKind::cancelled, "the server is stopping"));
    }

    void read(std::shared_ptr<const std::string> content, Completer<Result<ReadReports>> done) {
        {
            const std::lock_guard lock(mutex_);
            if (queue_.size() < limits_.waiting && octets_ + content->size() <= limits_.waiting_octets) {
                octets_ += content->size();
                queue_.push_back({std::move(content), std::move(done)});
                wakeup_.notify_one();
                return;
            }
        }
        done(failure(ErrorKind::full, "too many reports wait to be read"));
    }

 private:
    struct Mail {
        std::shared_ptr<const std::string> content;
        Completer<Result<ReadReports>> done;
    };

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            Mail mail = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            Result<ReadReports> read = read_content(*mail.content);
            const Octets octets = mail.content->size();
            mail.content.reset();
            mail.done(std::move(read));
            lock.lock();
            octets_ -= octets;
        }
    }

    const ReportReaderLimits limits_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wakeup_;
    bool stopping_ = false;
    std::deque<Mail> queue_;
    Octets octets_ = 0;   // of what waits and what is read
    std::thread thread_;  // last: it uses all the others
};

ReportReader::ReportReader(ReportReaderLimits limits) : state_(std::make_unique<State>(limits)) {}
ReportReader::~ReportReader() = default;

void ReportReader::read(std::shared_ptr<const std::string> content, Completer<Result<ReadReports>> done) {
    state_->read(std::move(content), std::move(done));
}

}  // namespace relevo
