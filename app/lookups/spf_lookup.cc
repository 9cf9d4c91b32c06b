#include "app/lookups/domain_lookups.h"
#include "app/lookups/message_check.h"
#include "app/lookups/verdict_json.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/spf_check.h"
#include "lib/mailauth/spf_record.h"
#include "lib/mailauth/spf_setup.h"

#include <fmt/format.h>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;

struct Subject {
    std::string domain;
    std::string sender;
};

Result<Subject> subject_of(const cli::LookupOptions& options) {
    const std::size_t at = options.subject.rfind('@');
    Subject subject;
    RELEVO_TRY(subject.domain, domain_from(at == std::string::npos ? options.subject : options.subject.substr(at + 1)));
    subject.sender = at == std::string::npos ? "postmaster@" + subject.domain : options.subject;
    if (!options.from) return subject;
    const std::size_t from_at = options.from->rfind('@');
    const auto from_domain = domain_from(from_at == std::string::npos ? "" : options.from->substr(from_at + 1));
    if (!from_domain || *from_domain != subject.domain)
        return failure(ErrorKind::invalid, fmt::format("--from: write an address at {}", subject.domain));
    subject.sender = *options.from;
    return subject;
}

void append_terms(Page& page, array& list, const std::vector<mailauth::SpfCostTerm>& terms, std::size_t depth) {
    for (const mailauth::SpfCostTerm& term : terms) {
        page.paragraph(fmt::format("{:>3}  {:{}}{}{}", term.lookups, "", depth * 2, term.text,
                                   term.problem.empty() ? "" : ": " + term.problem),
                       2, 4 + depth * 2);
        array below;
        append_terms(page, below, term.below, depth + 1);
        list.push_back(object{{"term", plain(term.text)},
                              {"lookups", term.lookups},
                              {"problem", plain(term.problem)},
                              {"below", std::move(below)}});
    }
}

void append_cost(Page& page, Report& report, const std::string& domain, const std::string& record, DnsSource& source) {
    const mailauth::SpfCost cost = source.run(mailauth::spf_cost(domain, record));
    page.blank_line();
    page.heading(fmt::format("DNS look-ups: {}{} of the {} that receivers allow", cost.is_whole ? "" : "at least ",
                             cost.lookups, mailauth::spf_lookup_limit));
    array terms;
    append_terms(page, terms, cost.terms, 0);
    if (!cost.problem.empty()) page.paragraph("problem: " + cost.problem, 0, 4);
    if (!cost.problem.empty() || cost.lookups > mailauth::spf_lookup_limit) report.has_problem = true;
    report.json["cost"] = object{{"lookups", cost.lookups},
                                 {"limit", mailauth::spf_lookup_limit},
                                 {"whole", cost.is_whole},
                                 {"problem", plain(cost.problem)},
                                 {"terms", std::move(terms)}};
}

// The record and its cost, if there is exactly one.
void append_record(Page& page, Report& report, const std::string& domain, DnsSource& source) {
    const auto answer = source.answer({domain, dns::RecordType::txt});
    std::vector<std::string> records;
    if (answer)
        for (const std::string& text : answer->texts)
            if (mailauth::is_spf_record(text)) records.push_back(text);
    array list;
    for (const std::string& record : records) list.emplace_back(plain(record));
    report.json["domain"] = plain(domain);
    report.json["records"] = std::move(list);
    if (!answer) {
        report.has_problem = true;
        report.json["fault"] = plain(answer.error().detail);
        page.paragraph(fmt::format("The SPF record of {} is not known: {}", domain, answer.error().detail), 0, 2);
        return;
    }
    report.json["dnssec"] = name_of(answer->security);
    if (records.size() == 1) {
        page.heading(fmt::format("SPF record of {} (DNSSEC: {})", domain, name_of(answer->security)));
        page.paragraph(records.front(), 2, 2);
        append_cost(page, report, domain, records.front(), source);
        return;
    }
    report.has_problem = true;
    if (records.empty()) {
        page.paragraph(fmt::format("{} publishes no SPF record{}.", domain,
                                   answer->name_exists ? "" : ": the name does not exist"));
        return;
    }
    page.paragraph(
        fmt::format("{} publishes {} SPF records, and receivers take none of them (RFC 7208 §4.5): put "
                    "their terms into one.",
                    domain, records.size()));
    for (const std::string& record : records) page.paragraph(record, 2, 2);
}

}  // namespace

Result<Report> report_on_spf(const cli::LookupOptions& options, DnsSource& source,
                             std::chrono::system_clock::time_point now) {
    RELEVO_TRY(const Subject subject, subject_of(options));
    Report report;
    Page page;
    append_record(page, report, subject.domain, source);
    if (options.client) {
        mailauth::MessageVerdicts verdicts;
        verdicts.client_address = options.client->text();
        verdicts.spf.push_back(
            source.run(mailauth::check_spf({.client = *options.client,
                                            .mail_from = subject.sender,
                                            .helo = options.helo.value_or(""),
                                            .receiver = {},
                                            .time = std::chrono::floor<std::chrono::seconds>(now)})));
        const auto items = mailauth::explain(verdicts, options.language);
        append_items(page, report, items, options.language);
        report.json["spf"] = as_json(verdicts.spf.front());
        report.json["items"] = as_json(items);
    }
    report.json["problem_found"] = report.has_problem;
    report.text = std::move(page).take();
    return report;
}

Result<std::string> domain_from(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    auto domain = mail::to_ascii_domain(text);
    if (!domain || domain->empty() || domain->size() > 253 || domain->starts_with('['))
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is no domain: write one such as example.com", text));
    return to_lower(*domain);
}

}  // namespace relevo::lookups
