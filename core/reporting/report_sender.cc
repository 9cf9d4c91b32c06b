#include "core/reporting/report_sender.h"

#include "lib/authreports/destination.h"
#include "lib/authreports/report_rows.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo {
namespace {

constexpr std::size_t page_of_reports = 100;
constexpr std::size_t destination_limit = 10;
constexpr std::size_t error_limit = 10;
constexpr std::chrono::seconds question_limit{20};  // for everything that one record or destination asks the DNS

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
    return authreports::to_report({.organization = options.organization,
                                   .email = options.from.text(),
                                   .extra_contact = options.contact,
                                   .report_id = id_of(report),
                                   .generator = "Relevo",
                                   .begin = begin_of_day(report.day),
                                   .end = begin_of_day(report.day + 1) - std::chrono::seconds(1)},
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
            if (!options->sends(report.kind)) continue;
            auto sent = report.kind == ReportKind::tls ? co_await ports_.tls.send(report, options)
                                                       : co_await send_one(report, options);
            if (!sent.has_value()) {
                ports_.log.error("reports.send_failed", {{"domain", report.policy_domain},
                                                         {"day", date_of_day(report.day)},
                                                         {"problem", sent.error().detail}});
                co_return sent;
            }
        }
    }
}

Task<Result<void>> ReportSender::send_one(OutgoingReport report, std::shared_ptr<const ReportOptions> options) {
    const auto age = ports_.now() - begin_of_day(report.day + 1);
    const mailauth::DmarcDiscovery discovery = co_await resolve(
        ports_.resolver, mailauth::discover_dmarc(report.policy_domain), Clock::now() + question_limit);
    const bool is_published = discovery.record && discovery.policy_domain == report.policy_domain;
    if (!is_published && !discovery.fault.empty()) {
        if (age > patience_with_records)
            co_return co_await ports_.outbox.close(report, ReportState::failed, discovery.fault);
        co_return co_await ports_.outbox.delay(report, discovery.fault);
    }
    if (!is_published)
        co_return co_await ports_.outbox.close(report, ReportState::not_wanted,
                                               "the domain publishes no DMARC record any more");
    if (discovery.record->aggregate_uris.empty())
        co_return co_await ports_.outbox.close(report, ReportState::not_wanted,
                                               "the record names nobody who wants reports (rua)");
    Destinations destinations = co_await destinations_of(report.policy_domain, discovery.record->aggregate_uris);
    if (!destinations.fault.empty() && age <= patience_with_destinations)
        co_return co_await ports_.outbox.delay(report, destinations.fault);
    if (destinations.allowed.empty())
        co_return co_await ports_.outbox.close(
            report, ReportState::not_wanted, destinations.refusal.empty() ? destinations.fault : destinations.refusal);
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

Task<Result<void>> ReportSender::submit(OutgoingReport report, authreports::AggregateReport described,
                                        Destinations destinations, std::shared_ptr<const ReportOptions> options) {
    const MessageId id = ports_.outbox.next_id(destinations.allowed.size());
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
                                .message_id = fmt::format("{}@{}", id.text(), options->submitter),
                                .now = ports_.now()},
                               uris);
        return {};
    }));
    if (described.rows.empty())
        co_return co_await ports_.outbox.close(report, ReportState::failed, "none of its rows can be read");
    if (!content)
        co_return co_await ports_.outbox.close(report, ReportState::not_wanted, "it is larger than the record allows");
    std::vector<std::string> recipients;
    for (const mailauth::ReportUri& uri : uris) recipients.push_back(uri.address);
    co_return co_await ports_.outbox.mail({.report = report,
                                           .id = id,
                                           .content = *std::move(content),
                                           .recipients = std::move(recipients),
                                           .rows = described.rows.size()},
                                          options);
}

}  // namespace relevo
