#include "app/lookups/look_up.h"

#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "app/lookups/address_lookup.h"
#include "app/lookups/bounce_lookup.h"
#include "app/lookups/dkim_signing.h"
#include "app/lookups/domain_lookups.h"
#include "app/lookups/limits_lookup.h"
#include "app/lookups/message_check.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

namespace relevo::lookups {
namespace {

using cli::Lookup;

Result<Report> report_on_file(const cli::LookupOptions& options, DnsSource& source,
                              std::chrono::system_clock::time_point now) {
    RELEVO_TRY(std::string text, read_file(options.file, message_limit_octets));
    EnvelopeFacts facts{.client = options.client, .helo = options.helo, .from = options.from, .notes = {}};
    return report_on_message(message_from(std::move(text)), std::move(facts), options.lookup, options.language, source,
                             now);
}

// `dmarc check` with a domain, with a message, or with both: one page after the other.
Result<Report> report_on_dmarc_and_message(const cli::LookupOptions& options, DnsSource& source,
                                           std::chrono::system_clock::time_point now) {
    Report report;
    if (!options.subject.empty()) {
        RELEVO_TRY(report, report_on_dmarc(options, source));
    }
    if (options.file.empty()) return report;
    RELEVO_TRY(Report judged, report_on_file(options, source, now));
    report.text += (report.text.empty() ? "" : "\n") + judged.text;
    report.has_problem = report.has_problem || judged.has_problem;
    report.json["message"] = std::move(judged.json);
    report.json["problem_found"] = report.has_problem;
    return report;
}

Result<Report> report_on(const cli::LookupOptions& options, std::chrono::system_clock::time_point now) {
    RELEVO_TRY(const auto source, open_dns(options));
    switch (options.lookup) {
        case Lookup::spf: return report_on_spf(options, *source, now);
        case Lookup::dmarc: return report_on_dmarc_and_message(options, *source, now);
        case Lookup::mta_sts: return report_on_mta_sts(options, *source);
        case Lookup::dane: return report_on_dane(options, *source);
        case Lookup::limits: return report_on_limits(options, *source);
        case Lookup::address: return report_on_addresses(options, *source);
        case Lookup::message:
        case Lookup::dkim:
        case Lookup::arc: return report_on_file(options, *source, now);
        case Lookup::bounce:
        case Lookup::connection:
        case Lookup::dkim_sign: break;
    }
    return failure(ErrorKind::internal, "not a look-up");
}

// Two need no DNS.
Result<Report> perform(const cli::LookupOptions& options) {
    const auto now = std::chrono::system_clock::now();
    if (options.lookup == Lookup::dkim_sign) return sign_file(options, now);
    if (options.lookup == Lookup::bounce) return report_on_bounces(options);
    return report_on(options, now);
}

}  // namespace

int look_up(const cli::LookupOptions& options) {
    // A server that ends its connection must not end us.
    std::signal(SIGPIPE, SIG_IGN);
    return print_report(options, perform(options));
}

int print_report(const cli::LookupOptions& options, const Result<Report>& report) {
    if (!report) {
        cli::print_problem(options.json, name_of(report.error().kind), report.error().detail);
        return static_cast<int>(report.error().kind == ErrorKind::invalid ? cli::ExitCode::usage
                                                                          : cli::ExitCode::problem);
    }
    const std::string text = options.json ? cli::json_text(report->json) : report->text;
    std::fwrite(text.data(), 1, text.size(), stdout);
    return static_cast<int>(report->has_problem ? cli::ExitCode::problem : cli::ExitCode::ok);
}

}  // namespace relevo::lookups
