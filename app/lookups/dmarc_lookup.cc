#include "app/lookups/domain_lookups.h"
#include "app/lookups/verdict_json.h"
#include "lib/mailauth/dmarc_discovery.h"

#include <fmt/format.h>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;

std::string_view word_for(mailauth::ProblemWeight weight) {
    switch (weight) {
        case mailauth::ProblemWeight::error: return "error";
        case mailauth::ProblemWeight::warning: return "warning";
        case mailauth::ProblemWeight::advice: return "advice";
    }
    return "error";
}

void append_problems(Page& page, Report& report, const mailauth::DmarcDiscovery& found) {
    array list;
    const auto add = [&](std::string_view weight, std::string_view tag, std::string_view text) {
        page.paragraph(fmt::format("{}: {}{}{}", weight, tag, tag.empty() ? "" : "= ", text), 0, 4);
        list.push_back(object{{"weight", weight}, {"tag", plain(tag)}, {"text", plain(text)}});
        if (weight == "error") report.has_problem = true;
    };
    if (!found.errors.empty() || (found.record && !found.record->problems.empty())) page.blank_line();
    for (const std::string& error : found.errors) add("error", "", error);
    if (found.record)
        for (const mailauth::RecordProblem& problem : found.record->problems)
            add(word_for(problem.weight), problem.tag, problem.text);
    report.json["problems"] = std::move(list);
}

// What the record means for the domain that was asked about.
void append_record(Page& page, Report& report, const mailauth::DmarcDiscovery& found) {
    const mailauth::DmarcRecord& record = *found.record;
    const bool is_own = found.policy_domain == found.domain;
    const mailauth::DmarcPolicy policy = is_own ? record.own_policy() : record.policy_of_subdomain();
    page.heading(fmt::format("DMARC record of {} (DNSSEC: {})", found.policy_domain, name_of(found.security)));
    page.paragraph(found.record_text, 2, 2);
    page.blank_line();
    page.paragraph(fmt::format(
        "For mail from {}{}: {}{}.", found.domain, is_own ? "" : ", by its parent's record", mailauth::name_of(policy),
        record.is_testing ? ", which counts as one step milder: the record says it is a test" : ""));
    page.paragraph(fmt::format("For names below {} that exist: {}; that do not exist: {}.", found.policy_domain,
                               mailauth::name_of(record.policy_of_subdomain()),
                               mailauth::name_of(record.policy_of_nonexistent())));
    const auto strictness = [](mailauth::DmarcAlignment alignment) {
        return alignment == mailauth::DmarcAlignment::strict ? "the very same domain" : "a domain of the organisation";
    };
    page.paragraph(fmt::format("What counts as the author's: by DKIM {}, by SPF {}.", strictness(record.dkim_alignment),
                               strictness(record.spf_alignment)));
    array reports;
    for (const mailauth::ReportUri& uri : record.aggregate_uris) {
        page.paragraph("Reports go to " + uri.text + ".", 0, 4);
        reports.emplace_back(plain(uri.text));
    }
    if (record.aggregate_uris.empty()) page.paragraph("Nobody gets reports: the record has no rua=.");
    if (!record.is_applicable()) {
        report.has_problem = true;
        page.paragraph("problem: receivers pass over the record, because of a policy that is none.");
    }
    report.json["policy"] = mailauth::name_of(policy);
    report.json["subdomain_policy"] = mailauth::name_of(record.policy_of_subdomain());
    report.json["nonexistent_policy"] = mailauth::name_of(record.policy_of_nonexistent());
    report.json["testing"] = record.is_testing;
    report.json["applicable"] = record.is_applicable();
    report.json["dkim_alignment"] = record.dkim_alignment == mailauth::DmarcAlignment::strict ? "strict" : "relaxed";
    report.json["spf_alignment"] = record.spf_alignment == mailauth::DmarcAlignment::strict ? "strict" : "relaxed";
    report.json["reports_to"] = std::move(reports);
}

}  // namespace

Result<Report> report_on_dmarc(const cli::LookupOptions& options, DnsSource& source) {
    RELEVO_TRY(const std::string domain, domain_from(options.subject));
    const mailauth::DmarcDiscovery found = source.run(mailauth::discover_dmarc(domain));
    Report report;
    Page page;
    report.json = {{"domain", plain(found.domain)},
                   {"organizational_domain", plain(found.organizational_domain)},
                   {"policy_domain", plain(found.policy_domain)},
                   {"record", plain(found.record_text)},
                   {"dnssec", name_of(found.security)},
                   {"fault", plain(found.fault)},
                   {"steps", as_json(found.steps)}};
    if (found.record) {
        append_record(page, report, found);
    } else if (found.fault.empty()) {
        report.has_problem = true;
        page.paragraph(
            fmt::format("No DMARC record speaks for {}: anyone may write in its name. Publish a TXT record "
                        "at _dmarc.{}; begin with \"v=DMARC1; p=none; rua=mailto:…\".",
                        domain, domain));
    }
    append_problems(page, report, found);
    if (!found.fault.empty()) {
        report.has_problem = true;
        page.paragraph("The DNS failed, so more is not known: " + found.fault, 0, 2);
    }
    page.blank_line();
    page.heading("Looked at:");
    for (const mailauth::CheckStep& step : found.steps)
        page.paragraph(fmt::format("{}: {}", step.subject, step.outcome), 2, 2);
    page.paragraph(fmt::format("Organisational domain: {}", found.organizational_domain), 2);
    report.json["problem_found"] = report.has_problem;
    report.text = std::move(page).take();
    return report;
}

}  // namespace relevo::lookups
