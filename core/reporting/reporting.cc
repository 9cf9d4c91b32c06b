#include "core/reporting/reporting.h"

#include "core/events/history.h"
#include "lib/base/text.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace relevo {
namespace {

constexpr std::size_t rows_in_a_transaction = 500;
constexpr std::chrono::hours between_attempts{1};
constexpr std::int64_t days_looked_at = 7;  // older ones were missed by a server that stood still for a week

}  // namespace

Reporting::Reporting(Ports ports, std::shared_ptr<const ReportOptions> options)
    : ports_(std::move(ports)),
      metrics_(ports_.metrics),
      options_(std::move(options)),
      wishes_(ports_.shard, ports_.resolver),
      outbox_({.committer = ports_.committer,
               .spool = ports_.spool,
               .ids = ports_.ids,
               .log = ports_.log,
               .metrics = metrics_,
               .accepted = ports_.accepted,
               .sign = ports_.sign,
               .now = ports_.now}),
      tls_sender_({.resolver = ports_.resolver,
                   .pages = ports_.pages,
                   .committer = ports_.committer,
                   .outbox = outbox_,
                   .now = ports_.now}),
      sender_({.resolver = ports_.resolver,
               .committer = ports_.committer,
               .log = ports_.log,
               .outbox = outbox_,
               .tls = tls_sender_,
               .now = ports_.now,
               .is_stopping = [this] { return stopping_; }}) {}

bool Reporting::is_for_reports(const mail::Envelope& envelope, const ReportOptions& options) const {
    return std::ranges::any_of(envelope.recipients, [&](const mail::Recipient& recipient) {
        return options.is_report_address(recipient.address);
    });
}

void Reporting::message_checked(const Findings& findings, const dns::IpAddress& client, const mail::Envelope& envelope,
                                mailauth::DmarcPolicy applied) {
    const auto options = options_.load();
    if (!options->send || envelope.recipients.empty() || is_for_reports(envelope, *options)) return;
    if (!counts_.add(day_of(ports_.now()), findings, client, envelope.recipients.front().address.domain(), applied))
        metrics_.dmarc.dropped.add();
}

void Reporting::tls_session(const TlsSession& session) {
    if (!options_.load()->send_tls) return;
    if (!sessions_.add(day_of(ports_.now()), session)) metrics_.tls.dropped.add();
}

void Reporting::message_accepted(std::shared_ptr<const Message> message) {
    const auto options = options_.load();
    if (options->addresses.empty() || !message->content || !is_for_reports(message->envelope, *options)) return;
    ports_.shard.spawn(take(std::move(message)));
}

Task<> Reporting::take(std::shared_ptr<const Message> message) {
    auto read = co_await read_reports(reader_, message->content);
    if (read.has_value()) co_return co_await keep(std::move(message), *std::move(read));
    if (read.error().kind == ErrorKind::cancelled || read.error().kind == ErrorKind::full) {
        metrics_.skipped.add();
        ports_.log.warning("reports.skipped", {{"message", message->id.text()}, {"reason", read.error().detail}});
        co_return;
    }
    metrics_.damaged.add();
    ports_.log.warning("reports.damaged", {{"message", message->id.text()},
                                           {"from", message->envelope.reverse_path.text()},
                                           {"problem", read.error().detail}});
}

Task<> Reporting::keep(std::shared_ptr<const Message> message, ReadReports read) {
    const std::string sender = message->envelope.reverse_path.text();
    for (const std::string& problem : read.problems) {
        metrics_.damaged.add();
        ports_.log.warning("reports.damaged",
                           {{"message", message->id.text()}, {"from", sender}, {"problem", printable(problem)}});
    }
    if (read.reports.empty() && read.problems.empty())
        ports_.log.info("reports.none_found", {{"message", message->id.text()}, {"from", sender}});
    for (ReceivedReport& one : read.reports) {
        if (!ports_.is_ours(one.domain)) {
            metrics_.foreign.add();
            ports_.log.info("reports.not_ours",
                            {{"message", message->id.text()}, {"from", sender}, {"domain", one.domain}});
            continue;
        }
        one.message = message->id;
        one.sender = printable(sender, 255);
        const auto report = std::make_shared<const ReceivedReport>(std::move(one));
        auto stored = std::make_shared<Stored>(Stored::full);
        CommitRequest request;
        request.rows = [report, stored, now = ports_.now(), limits = ports_.received](
                           Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_TRY(*stored, store_received(transaction, *report, now, limits));
            return {};
        };
        const auto kept = co_await commit(ports_.committer, std::move(request));
        if (!kept.has_value()) {
            ports_.log.error("reports.not_kept", {{"message", message->id.text()}, {"problem", kept.error().detail}});
            co_return;
        }
        tell(*message, *report, *stored);
    }
}

void Reporting::tell(const Message& message, const ReceivedReport& report, Stored stored) {
    const bool is_kept = stored == Stored::kept || stored == Stored::repeated;
    Counter& counter = stored == Stored::kept          ? metrics_.received
                       : stored == Stored::repeated    ? metrics_.repeated
                       : stored == Stored::domain_full ? metrics_.domain_full
                                                       : metrics_.full;
    counter.add();
    ports_.log.write(is_kept ? Level::info : Level::warning,
                     is_kept                         ? "reports.received"
                     : stored == Stored::domain_full ? "reports.domain_full"
                                                     : "reports.full",
                     {{"message", message.id.text()},
                      {"kind", name_of(report.kind)},
                      {"organization", report.organization},
                      {"report", report.report_id},
                      {"domain", report.domain},
                      {"passed", report.passed},
                      {"failed", report.failed},
                      {"repeated", stored == Stored::repeated}});
}

Task<Result<void>> Reporting::flush() {
    RELEVO_CO_CHECK(co_await flush(counts_, counts_.take(), metrics_.dmarc));
    std::vector<CountedRow> sessions = sessions_.take();
    // At the end nobody waits for the DNS of strangers: what is kept too much is found out when the day is over.
    if (!stopping_) sessions = co_await wishes_.wanted(std::move(sessions));
    co_return co_await flush(sessions_, std::move(sessions), metrics_.tls);
}

// A failed batch is counted on with the next minute's.
Task<Result<void>> Reporting::flush(ResultCounts& counts, std::vector<CountedRow> rows,
                                    ReportingMetrics::OfKind& counters) {
    for (std::size_t at = 0; at < rows.size(); at += rows_in_a_transaction) {
        const std::size_t end = std::min(rows.size(), at + rows_in_a_transaction);
        auto batch = std::make_shared<std::vector<CountedRow>>(rows.begin() + static_cast<std::ptrdiff_t>(at),
                                                               rows.begin() + static_cast<std::ptrdiff_t>(end));
        auto result = std::make_shared<CountedInStore>();
        CommitRequest request;
        request.rows = [batch, result, limits = ports_.counts](Transaction& transaction,
                                                               const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_TRY(*result, add_counts(transaction, *batch, limits));
            return {};
        };
        if (auto written = co_await commit(ports_.committer, std::move(request)); !written.has_value()) {
            counters.dropped.add(static_cast<std::uint64_t>(
                counts.put_back({rows.begin() + static_cast<std::ptrdiff_t>(at), rows.end()})));
            ports_.log.error("reports.not_counted", {{"problem", written.error().detail}});
            co_return written;
        }
        counters.counted.add(static_cast<std::uint64_t>(result->kept));
        counters.merged.add(static_cast<std::uint64_t>(result->merged));
        counters.dropped.add(static_cast<std::uint64_t>(result->dropped));
    }
    co_return Result<void>();
}

Task<> Reporting::round() {
    if (stopping_) co_return;
    static_cast<void>(co_await flush());  // it told the log
    co_await forget_old();
    const WallClock::time_point now = ports_.now();
    const std::int64_t today = day_of(now);
    const bool is_time = now - std::chrono::floor<std::chrono::days>(now) >= ports_.delay_after_midnight;
    const bool waited = !last_sending_ || now - *last_sending_ >= between_attempts;
    if (stopping_ || sending_ || !is_time || !waited || !options_.load()->sends_any()) co_return;
    sending_ = true;
    last_sending_ = now;
    ports_.shard.spawn(send(today - days_looked_at, today));
}

Task<> Reporting::send(std::int64_t first_day, std::int64_t before_day) {
    static_cast<void>(co_await sender_.send(first_day, before_day, options_.load()));
    sending_ = false;
}

Task<Result<std::int64_t>> Reporting::send_day(std::int64_t day) {
    const auto options = options_.load();
    if (!options->sends_any())
        co_return failure(ErrorKind::refused,
                          "reports.send is off, and so is reports.send_tls: nothing is collected and nothing is sent");
    if (day >= day_of(ports_.now()))
        co_return failure(ErrorKind::invalid, "that day is not over (in UTC): its counts still change");
    if (sending_ || stopping_) co_return failure(ErrorKind::conflict, "reports are being sent at this moment: wait");
    sending_ = true;
    auto waiting = std::make_shared<std::int64_t>(0);
    Result<void> counted = co_await flush();
    if (counted.has_value())
        counted = co_await read_rows(ports_.committer, [=](Reader& reader) -> Result<void> {
            OpenReports which{.first_day = day,
                              .before_day = day + 1,
                              .after = {},
                              .limit = std::numeric_limits<std::int32_t>::max()};
            which.after.day = day - 1;
            RELEVO_TRY(const std::vector<OutgoingReport> reports, open_reports(reader, which));
            *waiting = std::ranges::count_if(reports,
                                             [&](const OutgoingReport& report) { return options->sends(report.kind); });
            return {};
        });
    if (!counted.has_value()) {
        sending_ = false;
        co_return std::unexpected(std::move(counted).error());
    }
    ports_.shard.spawn(send(day, day + 1));
    co_return *waiting;
}

Task<> Reporting::finish() {
    stopping_ = true;
    static_cast<void>(co_await flush());
}

Task<> Reporting::forget_old() {
    const WallClock::time_point now = ports_.now();
    const WallClock::time_point first_kept = now - options_.load()->keep;
    CommitRequest request;
    request.rows = [first_kept, now](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(close_old(transaction, day_of(now) - days_looked_at, now));
        RELEVO_CHECK(forget_outgoing(transaction, day_of(first_kept)));
        RELEVO_CHECK(forget_received(transaction, first_kept));
        return {};
    };
    if (const auto forgotten = co_await commit(ports_.committer, std::move(request)); !forgotten.has_value())
        ports_.log.error("reports.housekeeping_failed", {{"problem", forgotten.error().detail}});
}

}  // namespace relevo
