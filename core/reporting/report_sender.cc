#include "core/reporting/report_sender.h"

#include "core/events/history.h"
#include "lib/authreports/destination.h"
#include "lib/authreports/report_rows.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo {
namespace {

constexpr std::size_t page_of_reports = 100;
constexpr std::size_t destination_limit = 10;
constexpr std::size_t error_limit = 10;
constexpr std::chrono::seconds question_limit{20};  // for everything that one record or destination asks the DNS

std::chrono::sys_seconds begin_of(std::int64_t day) { return std::chrono::sys_days(std::chrono::days(day)); }

std::string date_of(std::int64_t day) {
    return fmt::format("{:%Y-%m-%d}", fmt::gmtime(WallClock::to_time_t(begin_of(day))));
}

// What the owner should hear about his record (RFC 9990 §3.1.5).
std::vector<std::string> errors_of(const mailauth::DmarcDiscovery& discovery) {
    std::vector<std::string> errors = discovery.errors;
    for (const mailauth::RecordProblem& problem : discovery.record->problems)
        if (problem.weight == mailauth::ProblemWeight::error)
            errors.push_back(problem.tag.empty() ? problem.text : problem.tag + ": " + problem.text);
    if (errors.size() > error_limit) errors.resize(error_limit);
    return errors;
}

authreports::AggregateReport described(const OutgoingReport& report, const mailauth::DmarcDiscovery& discovery,
                                       const ReportOptions& options) {
    authreports::PublishedPolicy policy = authreports::published_policy(report.policy_domain, *discovery.record);
    policy.discovery = authreports::DiscoveryMethod::tree_walk;
    // The id is made of what the report is about, so that a second attempt has the same one (RFC 9990 §3.5.2).
    return authreports::to_report({.organization = options.organization,
                                   .email = options.from.text(),
                                   .extra_contact = options.contact,
                                   .report_id = fmt::format("{}.{}", date_of(report.day), report.policy_domain),
                                   .generator = "Relevo",
                                   .begin = begin_of(report.day),
                                   .end = begin_of(report.day + 1) - std::chrono::seconds(1)},
                                  std::move(policy), {}, errors_of(discovery));
}

// The mail for those of `uris` whose size limit it keeps; the others are taken out of them.
std::optional<std::string> fitting_mail(const authreports::AggregateReport& report, authreports::ReportMail mail,
                                        std::vector<mailauth::ReportUri>& uris) {
    // Fewer recipients only make it smaller, so the second round takes nobody out.
    for (int round = 0; round < 2 && !uris.empty(); ++round) {
        mail.to.clear();
        for (const mailauth::ReportUri& uri : uris)
            mail.to.push_back(mail::Address::parse(uri.address, mail::Utf8::refused).value());
        auto built = build_report_mail(report, authreports::ReportForm::rfc9990, mail);
        const auto too_large = [&](const mailauth::ReportUri& uri) {
            return uri.size_limit && built.content.size() > *uri.size_limit;
        };
        if (std::erase_if(uris, too_large) == 0) return std::move(built.content);
    }
    return std::nullopt;
}

}  // namespace

struct ReportSender::Destinations {
    std::vector<mailauth::ReportUri> allowed;
    std::string refusal;  // why one is not, for people
    std::string fault;    // of the DNS: ask again later
};

Task<Result<void>> ReportSender::send(std::int64_t first_day, std::int64_t before_day,
                                      std::shared_ptr<const ReportOptions> options) {
    OpenReports which{.first_day = first_day, .before_day = before_day, .after = {}, .limit = page_of_reports};
    which.after.day = first_day - 1;
    for (;;) {
        std::vector<OutgoingReport> reports;
        RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(reports, open_reports(reader, which));
            return {};
        }));
        if (reports.empty()) co_return Result<void>();
        which.after = reports.back();
        for (const OutgoingReport& report : reports) {
            if (ports_.is_stopping()) co_return Result<void>();
            if (auto sent = co_await send_one(report, options); !sent.has_value()) {
                ports_.log.error(
                    "reports.send_failed",
                    {{"domain", report.policy_domain}, {"day", date_of(report.day)}, {"problem", sent.error().detail}});
                co_return sent;
            }
        }
    }
}

Task<Result<void>> ReportSender::send_one(OutgoingReport report, std::shared_ptr<const ReportOptions> options) {
    const auto age = ports_.now() - begin_of(report.day + 1);
    const mailauth::DmarcDiscovery discovery = co_await resolve(
        ports_.resolver, mailauth::discover_dmarc(report.policy_domain), Clock::now() + question_limit);
    const bool is_published = discovery.record && discovery.policy_domain == report.policy_domain;
    if (!is_published && !discovery.fault.empty()) {
        if (age > patience_with_records) co_return co_await close(report, ReportState::failed, discovery.fault);
        co_return co_await delay(report, discovery.fault);
    }
    if (!is_published)
        co_return co_await close(report, ReportState::not_wanted, "the domain publishes no DMARC record any more");
    if (discovery.record->aggregate_uris.empty())
        co_return co_await close(report, ReportState::not_wanted, "the record names nobody who wants reports (rua)");
    Destinations destinations = co_await destinations_of(report.policy_domain, discovery.record->aggregate_uris);
    if (!destinations.fault.empty() && age <= patience_with_destinations)
        co_return co_await delay(report, destinations.fault);
    if (destinations.allowed.empty())
        co_return co_await close(report, ReportState::not_wanted,
                                 destinations.refusal.empty() ? destinations.fault : destinations.refusal);
    co_return co_await submit(report, described(report, discovery, *options), std::move(destinations), options);
}

Task<ReportSender::Destinations> ReportSender::destinations_of(std::string policy_domain,
                                                               std::vector<mailauth::ReportUri> uris) {
    Destinations found;
    if (uris.size() > destination_limit) uris.resize(destination_limit);
    for (const mailauth::ReportUri& uri : uris) {
        authreports::DestinationVerdict verdict = co_await resolve(
            ports_.resolver, authreports::check_destination(policy_domain, uri), Clock::now() + question_limit);
        if (verdict.answer == authreports::DestinationAnswer::temporary) found.fault = verdict.reason;
        if (verdict.answer == authreports::DestinationAnswer::refused)
            found.refusal = fmt::format("{}: {}", printable(uri.text, 200), verdict.reason);
        for (mailauth::ReportUri& allowed : verdict.uris) {
            const auto address = mail::Address::parse(allowed.address, mail::Utf8::refused);
            if (!address.has_value()) {
                found.refusal = fmt::format("{}: {}", printable(allowed.text, 200), address.error().detail);
                continue;
            }
            allowed.address = address->text();
            const bool is_new =
                std::ranges::find(found.allowed, allowed.address, &mailauth::ReportUri::address) == found.allowed.end();
            if (is_new && found.allowed.size() < destination_limit) found.allowed.push_back(std::move(allowed));
        }
    }
    co_return found;
}

Task<Result<void>> ReportSender::close(OutgoingReport report, ReportState state, std::string reason) {
    (state == ReportState::failed ? ports_.metrics.failed : ports_.metrics.not_wanted).add();
    ports_.log.info("reports.not_sent", {{"domain", report.policy_domain},
                                         {"day", date_of(report.day)},
                                         {"state", name_of(state)},
                                         {"reason", reason}});
    CommitRequest request;
    request.rows = [report, state, reason, now = ports_.now()](Transaction& transaction,
                                                               const std::vector<ContentToStore>&) {
        return close_unsent(transaction, report, state, printable(reason), now);
    };
    co_return co_await commit(ports_.committer, std::move(request));
}

Task<Result<void>> ReportSender::delay(OutgoingReport report, std::string reason) {
    ports_.log.info("reports.delayed",
                    {{"domain", report.policy_domain}, {"day", date_of(report.day)}, {"reason", reason}});
    CommitRequest request;
    request.rows = [report, reason, now = ports_.now()](Transaction& transaction, const std::vector<ContentToStore>&) {
        return note_delay(transaction, report, printable(reason), now);
    };
    co_return co_await commit(ports_.committer, std::move(request));
}

Task<Result<void>> ReportSender::submit(OutgoingReport report, authreports::AggregateReport described,
                                        Destinations destinations, std::shared_ptr<const ReportOptions> options) {
    const WallClock::time_point now = ports_.now();
    Submission submission;
    submission.id = ports_.ids.next(now, destinations.allowed.size());
    std::vector<mailauth::ReportUri>& uris = destinations.allowed;
    std::optional<std::string> content;
    // On the reader's thread: thousands of rows take longer to write and to pack than a shard may stand still.
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(described.rows, rows_of_report(reader, report));
        if (described.rows.empty()) return {};
        content = fitting_mail(described,
                               {.from = options->from,
                                .to = {},
                                .submitter = options->submitter,
                                .message_id = fmt::format("{}@{}", submission.id.text(), options->submitter),
                                .now = now},
                               uris);
        return {};
    }));
    if (described.rows.empty()) co_return co_await close(report, ReportState::failed, "none of its rows can be read");
    if (!content) co_return co_await close(report, ReportState::not_wanted, "it is larger than the record allows");
    if (ports_.sign) *content = ports_.sign(*std::move(content), options->from.domain());
    submission.accepted_at = now;
    // Nobody here waits for an answer: no report about the report (RFC 3461 §4.1).
    submission.envelope.reverse_path = mail::ReversePath(options->from);
    std::vector<std::string> recipients;
    for (const mailauth::ReportUri& uri : uris) {
        recipients.push_back(uri.address);
        submission.envelope.recipients.push_back(
            {.address = mail::Address::parse(uri.address, mail::Utf8::refused).value(),
             .notify = {mail::DsnNotify::never},
             .original_recipient = {}});
    }
    const std::size_t size = content->size();
    submission.content = std::make_shared<const std::string>(*std::move(content));
    submission.origin = JsonWriter()
                            .field("from", "report")
                            .field("about", fmt::format("mail of {} on {}", report.policy_domain, date_of(report.day)))
                            .finish();
    submission.also = [report, recipients, id = submission.id, now](Transaction& transaction) {
        return mark_sent(transaction, report, recipients, id, now);
    };
    RELEVO_CO_TRY(std::shared_ptr<const Message> message, co_await ports_.spool.accept(std::move(submission)));
    ports_.metrics.sent.add();
    ports_.log.info("reports.sent", {{"message", message->id.text()},
                                     {"domain", report.policy_domain},
                                     {"day", date_of(report.day)},
                                     {"to", fmt::format("{}", fmt::join(recipients, " "))},
                                     {"rows", described.rows.size()},
                                     {"messages", report.messages},
                                     {"size", size}});
    ports_.accepted(std::move(message));
    co_return Result<void>();
}

}  // namespace relevo
