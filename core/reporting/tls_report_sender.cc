#include "core/reporting/tls_report_sender.h"

#include "lib/authreports/compression.h"
#include "lib/authreports/https_target.h"
#include "lib/authreports/report_mail.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo {
namespace {

constexpr std::chrono::seconds question_limit{20};
constexpr std::size_t answer_limit_octets = 64UL * 1024;  // of what a page says to a report; nobody reads it

authreports::TlsReport described(const OutgoingReport& report, const ReportOptions& options) {
    return {.organization = options.organization,
            .contact = options.contact.empty() ? options.from.text() : options.contact,
            .report_id = authreports::report_id(id_of(report)),
            .begin = begin_of_day(report.day),
            .end = begin_of_day(report.day + 1) - std::chrono::seconds(1),
            .policies = {}};
}

}  // namespace

struct TlsReportSender::Destinations {
    std::vector<std::string> addresses;  // without those that have it
    std::vector<std::string> pages;
    std::string refusal;  // why one cannot be used, for people
};

struct TlsReportSender::Written {
    std::size_t rows = 0;
    MessageId id;      // of the mail
    std::string mail;  // if there are addresses
    std::string packed;
};

Result<authreports::TlsReportingRecord> choose_tls_reporting_record(const std::vector<std::string>& texts) {
    std::optional<authreports::TlsReportingRecord> found;
    for (const std::string& text : texts) {
        auto record = authreports::parse_tls_reporting_record(text);
        if (!record.has_value()) continue;
        if (found)
            return failure(ErrorKind::conflict, "the domain publishes several TLS reporting records: none counts");
        found = *std::move(record);
    }
    if (!found) return failure(ErrorKind::not_found, "the domain publishes no TLS reporting record");
    return *std::move(found);
}

TlsReportSender::Destinations TlsReportSender::destinations_of(const authreports::TlsReportingRecord& record,
                                                               const OutgoingReport& report) {
    Destinations found;
    std::size_t used = 0;
    const auto add = [&](std::vector<std::string>& list, const std::string& one) {
        const bool has_it = std::ranges::find(report.recipients, one) != report.recipients.end();
        if (!has_it && std::ranges::find(list, one) == list.end()) list.push_back(one);
    };
    for (const mailauth::ReportUri& uri : record.uris) {
        if (++used > destination_limit) break;
        if (uri.scheme == "https") {
            if (const auto target = authreports::parse_https_target(uri.text); target.has_value())
                add(found.pages, uri.text);
            else
                found.refusal = fmt::format("{}: {}", printable(uri.text, 200), target.error().detail);
        } else if (const auto address = mail::Address::parse(uri.address, mail::Utf8::refused); address.has_value()) {
            add(found.addresses, address->text());
        } else {
            found.refusal = fmt::format("{}: {}", printable(uri.text, 200), address.error().detail);
        }
    }
    return found;
}

// On the reader's thread: thousands of rows take longer to write and to pack than a shard may stand still.
Task<Result<TlsReportSender::Written>> TlsReportSender::write(OutgoingReport report,
                                                              std::shared_ptr<const ReportOptions> options,
                                                              std::vector<std::string> recipients) {
    Written written;
    if (!recipients.empty()) written.id = ports_.outbox.next_id(recipients.size());
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::vector<authreports::TlsRow> rows, tls_rows_of_report(reader, report));
        written.rows = rows.size();
        if (rows.empty()) return {};
        authreports::TlsReport content = described(report, *options);
        content.policies = authreports::policies_of(report.policy_domain, rows);
        written.packed = authreports::gzip(authreports::write_tls_report(content));
        if (recipients.empty()) return {};
        authreports::ReportMail mail{.from = options->from,
                                     .to = {},
                                     .submitter = options->submitter,
                                     .message_id = fmt::format("{}@{}", written.id.text(), options->submitter),
                                     .now = ports_.now()};
        for (const std::string& recipient : recipients)
            mail.to.push_back(mail::Address::parse(recipient, mail::Utf8::refused).value());
        written.mail = build_report_mail(content, report.policy_domain, mail).content;
        return {};
    }));
    co_return written;
}

// Empty: it was taken; else why not. §3 lets us ignore certificates that do not verify: we do not.
Task<std::string> TlsReportSender::post(std::string page, std::string report, bool allow_private) {
    if (ports_.pages == nullptr) co_return "nothing can be posted here";
    auto target = authreports::parse_https_target(page);
    if (!target.has_value()) co_return std::move(target).error().detail;
    PageRequest request{.host = target->host,
                        .port = target->port,
                        .path = target->path,
                        .addresses = {},
                        .time_limit = post_time_limit,
                        .limit_octets = answer_limit_octets,
                        .post = PostedBody{.content_type = "application/tlsrpt+gzip", .octets = std::move(report)}};
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await ports_.resolver.query(request.host, type, Clock::now() + question_limit);
        if (!answer.has_value()) co_return answer.error().detail;
        for (const dns::IpAddress& address : answer->addresses)
            if (allow_private || !address.is_special()) request.addresses.push_back(address);
    }
    if (request.addresses.empty()) co_return fmt::format("{} has no public address", request.host);
    const auto answer = co_await ports_.pages->fetch(std::move(request));
    if (!answer.has_value()) co_return answer.error().detail;
    if (answer->status / 100 == 2) co_return std::string();
    co_return fmt::format("the web server answers with status {}", answer->status);
}

Task<Result<void>> TlsReportSender::send(OutgoingReport report, std::shared_ptr<const ReportOptions> options) {
    const auto age = ports_.now() - begin_of_day(report.day + 1);
    const auto answer = co_await ports_.resolver.query("_smtp._tls." + report.policy_domain, dns::RecordType::txt,
                                                       Clock::now() + question_limit);
    if (!answer.has_value() && age <= patience_with_records)
        co_return co_await ports_.outbox.delay(report, answer.error().detail);
    if (!answer.has_value()) co_return co_await ports_.outbox.close(report, ReportState::failed, answer.error().detail);
    const auto record = choose_tls_reporting_record(answer->texts);
    if (!record.has_value())
        co_return co_await ports_.outbox.close(report, ReportState::not_wanted, record.error().detail);
    Destinations destinations = destinations_of(*record, report);
    if (destinations.addresses.empty() && destinations.pages.empty() && report.recipients.empty())
        co_return co_await ports_.outbox.close(
            report, ReportState::not_wanted,
            destinations.refusal.empty() ? "the record names nobody who wants reports (rua)" : destinations.refusal);
    RELEVO_CO_TRY(Written written, co_await write(report, options, destinations.addresses));
    if (written.rows == 0)
        co_return co_await ports_.outbox.close(report, ReportState::failed, "none of its rows can be read");
    const bool is_mailed = !destinations.addresses.empty();
    if (is_mailed)
        RELEVO_CO_CHECK(
            co_await ports_.outbox.mail({.report = report,
                                         .id = written.id,
                                         .content = std::move(written.mail),
                                         .recipients = std::move(destinations.addresses),
                                         .rows = written.rows,
                                         .afterwards = destinations.pages.empty() ? ReportOutbox::Afterwards::closed
                                                                                  : ReportOutbox::Afterwards::open},
                                        options));
    if (is_mailed && destinations.pages.empty()) co_return Result<void>();
    RELEVO_CO_TRY(Posted posted, co_await post_to_all(report, destinations.pages, written.packed, options));
    if (!posted.problem.empty() && age <= patience_with_pages)
        co_return co_await ports_.outbox.delay(report, std::move(posted.problem));
    const bool is_received = is_mailed || posted.count > 0 || !report.recipients.empty();
    co_return co_await ports_.outbox.close(report, is_received ? ReportState::sent : ReportState::failed,
                                           std::move(posted.problem));
}

// One page after the other: others' policies are fetched by the same few threads.
Task<Result<TlsReportSender::Posted>> TlsReportSender::post_to_all(OutgoingReport report,
                                                                   std::vector<std::string> pages, std::string packed,
                                                                   std::shared_ptr<const ReportOptions> options) {
    Posted posted;
    for (const std::string& page : pages) {
        const std::string refusal = co_await post(page, packed, options->allow_private_addresses);
        if (!refusal.empty()) {
            posted.problem = fmt::format("{}: {}", printable(page, 200), refusal);
            continue;
        }
        ++posted.count;
        RELEVO_CO_CHECK(co_await ports_.outbox.note_posted(report, page));
    }
    co_return posted;
}

}  // namespace relevo
