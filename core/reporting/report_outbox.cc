#include "core/reporting/report_outbox.h"

#include "core/events/history.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {

std::chrono::sys_seconds begin_of_day(std::int64_t day) { return std::chrono::sys_days(std::chrono::days(day)); }

std::string date_of_day(std::int64_t day) {
    return fmt::format("{:%Y-%m-%d}", fmt::gmtime(WallClock::to_time_t(begin_of_day(day))));
}

std::string id_of(const OutgoingReport& report) {
    return fmt::format("{}.{}", date_of_day(report.day), report.policy_domain);
}

Task<Result<void>> ReportOutbox::write(std::function<Result<void>(Transaction&)> rows) {
    CommitRequest request;
    request.rows = [rows = std::move(rows)](Transaction& transaction, const std::vector<ContentToStore>&) {
        return rows(transaction);
    };
    co_return co_await commit(ports_.committer, std::move(request));
}

Task<Result<void>> ReportOutbox::close(OutgoingReport report, ReportState state, std::string reason) {
    ReportingMetrics::OfKind& counters = ports_.metrics.of(report.kind);
    if (state == ReportState::sent)
        counters.sent.add();
    else
        (state == ReportState::failed ? counters.failed : counters.not_wanted).add();
    if (state != ReportState::sent)
        ports_.log.info("reports.not_sent", {{"kind", name_of(report.kind)},
                                             {"domain", report.policy_domain},
                                             {"day", date_of_day(report.day)},
                                             {"state", name_of(state)},
                                             {"reason", reason}});
    co_return co_await write([report, state, reason, now = ports_.now()](Transaction& transaction) {
        return close_report(transaction, report, state, printable(reason), now);
    });
}

Task<Result<void>> ReportOutbox::delay(OutgoingReport report, std::string reason) {
    ports_.log.info("reports.delayed", {{"kind", name_of(report.kind)},
                                        {"domain", report.policy_domain},
                                        {"day", date_of_day(report.day)},
                                        {"reason", reason}});
    co_return co_await write([report, reason, now = ports_.now()](Transaction& transaction) {
        return note_delay(transaction, report, printable(reason), now);
    });
}

Task<Result<void>> ReportOutbox::note_posted(OutgoingReport report, std::string page) {
    ports_.log.info("reports.posted", {{"kind", name_of(report.kind)},
                                       {"domain", report.policy_domain},
                                       {"day", date_of_day(report.day)},
                                       {"to", page},
                                       {"messages", report.messages}});
    co_return co_await write([report, page, now = ports_.now()](Transaction& transaction) {
        return mark_received(transaction, report, {page}, MessageId{}, now);
    });
}

Task<Result<void>> ReportOutbox::mail(Mailing mailing, std::shared_ptr<const ReportOptions> options) {
    const WallClock::time_point now = ports_.now();
    const OutgoingReport& report = mailing.report;
    if (ports_.sign) mailing.content = ports_.sign(std::move(mailing.content), options->from.domain());
    Submission submission;
    submission.id = mailing.id;
    submission.accepted_at = now;
    submission.envelope.reverse_path = mail::ReversePath(options->from);
    // Nobody here waits for an answer: no report about the report (RFC 3461 §4.1).
    for (const std::string& recipient : mailing.recipients)
        submission.envelope.recipients.push_back(
            {.address = mail::Address::parse(recipient, mail::Utf8::refused).value(),
             .notify = {mail::DsnNotify::never},
             .original_recipient = {}});
    // RFC 8460 §3: whoever is told that TLS does not work must get that although TLS does not work.
    submission.envelope.tls_optional = report.kind == ReportKind::tls;
    const std::size_t size = mailing.content.size();
    submission.content = std::make_shared<const std::string>(std::move(mailing.content));
    submission.origin =
        JsonWriter()
            .field("from", "report")
            .field("about", fmt::format("{} of {} on {}", report.kind == ReportKind::tls ? "TLS with servers" : "mail",
                                        report.policy_domain, date_of_day(report.day)))
            .finish();
    submission.also = [report, recipients = mailing.recipients, id = mailing.id, afterwards = mailing.afterwards,
                       now](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(mark_received(transaction, report, recipients, id, now));
        if (afterwards == Afterwards::open) return {};
        return close_report(transaction, report, ReportState::sent, "", now);
    };
    RELEVO_CO_TRY(std::shared_ptr<const Message> message, co_await ports_.spool.accept(std::move(submission)));
    if (mailing.afterwards == Afterwards::closed) ports_.metrics.of(report.kind).sent.add();
    ports_.log.info("reports.sent", {{"kind", name_of(report.kind)},
                                     {"message", message->id.text()},
                                     {"domain", report.policy_domain},
                                     {"day", date_of_day(report.day)},
                                     {"to", fmt::format("{}", fmt::join(mailing.recipients, " "))},
                                     {"rows", mailing.rows},
                                     {"messages", report.messages},
                                     {"size", size}});
    ports_.accepted(std::move(message));
    co_return Result<void>();
}

}  // namespace relevo
