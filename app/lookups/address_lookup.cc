#include "app/lookups/address_lookup.h"

#include "app/lookups/message_file.h"
#include "lib/addresscheck/address_check.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <array>
#include <map>

namespace relevo::lookups {
namespace {

using addresscheck::AddressReport;
using addresscheck::DomainMail;
using addresscheck::Finding;
using addresscheck::Verdict;

constexpr std::chrono::minutes time_for_a_list{10};

struct Words {
    std::array<std::string_view, 4> verdicts;  // by Verdict
    std::string_view of_100, meant, all;
};
constexpr Words english{{"good", "risky", "bad", "unknown"},
                        "of 100",
                        "did you mean {}?",
                        "{} addresses: {} good, {} risky, {} bad, {} unknown."};
constexpr Words spanish{{"buena", "dudosa", "mala", "desconocida"},
                        "de 100",
                        "¿quería decir {}?",
                        "{} direcciones: {} buenas, {} dudosas, {} malas, {} desconocidas."};

// Empty lines and those that begin with "#" do not count.
Result<std::vector<std::string>> addresses_of(const cli::LookupOptions& options) {
    std::vector<std::string> addresses = options.addresses;
    if (!options.file.empty()) {
        RELEVO_TRY(const std::string text, read_file(options.file, address_list_limit_octets));
        for (std::string_view line : split(text, '\n'))
            if (line = trimmed(line); !line.empty() && !line.starts_with('#')) addresses.emplace_back(line);
    }
    if (addresses.size() > address_list_limit)
        return failure(ErrorKind::limit,
                       fmt::format("{} addresses are too many at once: split the list, up to {} a time",
                                   addresses.size(), address_list_limit));
    return addresses;
}

std::map<std::string, DomainMail> ask_about(const std::vector<std::string>& addresses,
                                            const cli::LookupOptions& options, DnsSource& source) {
    std::map<std::string, DomainMail> found;
    for (const std::string& address : addresses)
        if (std::string domain = addresscheck::domain_to_ask(address); !domain.empty())
            found.emplace(std::move(domain), DomainMail());
    const auto private_addresses =
        options.opens_private_zones ? addresscheck::PrivateAddresses::allowed : addresscheck::PrivateAddresses::refused;
    std::vector<dns::Inquiry<DomainMail>> inquiries;
    for (const auto& [domain, mail] : found)
        inquiries.push_back(addresscheck::find_mail_servers(domain, private_addresses));
    auto until = source.deadline();
    if (found.size() > 1) until += time_for_a_list;
    std::vector<DomainMail> answers = source.run_all(std::move(inquiries), until);
    auto answer = answers.begin();
    for (auto& [domain, mail] : found) mail = std::move(*answer++);
    return found;
}

boost::json::value text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return boost::json::string(plain(text));
}

void append(Page& page, const AddressReport& report, mail::Language language, const Words& words) {
    std::string line =
        fmt::format("{}: {} ({} {})", report.given, words.verdicts[static_cast<std::size_t>(report.verdict)],
                    report.score, words.of_100);
    if (report.meant) line += ", " + fmt::format(fmt::runtime(words.meant), *report.meant);
    page.paragraph(line, 0, 2);
    for (const Finding finding : report.findings) {
        const addresscheck::Text text = explain(report, finding, language);
        page.paragraph(text.reason + " " + text.what_to_do, 2, 2);
    }
}

}  // namespace

boost::json::object json_of(const AddressReport& report, mail::Language language) {
    boost::json::array findings, hosts;
    for (const Finding finding : report.findings) {
        const addresscheck::Text text = explain(report, finding, language);
        findings.emplace_back(boost::json::object{
            {"id", name_of(finding)}, {"reason", plain(text.reason)}, {"what_to_do", plain(text.what_to_do)}});
    }
    for (const std::string& host : report.mail.hosts) hosts.emplace_back(plain(host));
    boost::json::object told{{"given", plain(report.given)},
                             {"address", text_or_null(report.address)},
                             {"domain", text_or_null(report.domain)},
                             {"verdict", name_of(report.verdict)},
                             {"score", report.score},
                             {"findings", std::move(findings)},
                             {"mail_hosts", std::move(hosts)},
                             {"suggestion", nullptr}};
    if (report.meant) told["suggestion"] = plain(*report.meant);
    return told;
}

Result<addresscheck::AddressLists> read_address_lists(const std::string& file) {
    if (file.empty()) return addresscheck::AddressLists::built_in();
    RELEVO_TRY(const std::string text, read_file(file, addresscheck::AddressLists::limit_octets));
    auto lists = addresscheck::AddressLists::parse(text);
    if (!lists) return failure(lists.error().kind, fmt::format("{}: {}", file, lists.error().detail));
    return lists;
}

Result<Report> report_on_addresses(const cli::LookupOptions& options, DnsSource& source) {
    RELEVO_TRY(const addresscheck::AddressLists lists, read_address_lists(options.lists_file));
    RELEVO_TRY(const std::vector<std::string> addresses, addresses_of(options));
    const std::map<std::string, DomainMail> domains = ask_about(addresses, options, source);
    std::map<std::string, addresscheck::History> histories;
    if (options.history_of) {
        RELEVO_TRY(histories, options.history_of(addresses));
    }
    const Words& words = options.language == mail::Language::spanish ? spanish : english;
    Report report;
    Page page;
    boost::json::array all;
    std::array<std::size_t, 4> counts{};
    for (const std::string& address : addresses) {
        const auto domain = domains.find(addresscheck::domain_to_ask(address));
        const AddressReport judged = addresscheck::judge_address(
            address, domain == domains.end() ? DomainMail() : domain->second, lists, [&](const mail::Address&) {
                const auto known = histories.find(address);
                return known == histories.end() ? addresscheck::History() : known->second;
            });
        ++counts[static_cast<std::size_t>(judged.verdict)];
        report.has_problem = report.has_problem || judged.verdict == Verdict::bad;
        append(page, judged, options.language, words);
        all.emplace_back(json_of(judged, options.language));
    }
    if (addresses.size() > 1) {
        page.blank_line();
        page.paragraph(
            fmt::format(fmt::runtime(words.all), addresses.size(), counts[0], counts[1], counts[2], counts[3]));
    }
    report.json["addresses"] = std::move(all);
    report.json["counts"] =
        boost::json::object{{"good", counts[0]}, {"risky", counts[1]}, {"bad", counts[2]}, {"unknown", counts[3]}};
    report.json["problem_found"] = report.has_problem;
    report.text = std::move(page).take();
    return report;
}

}  // namespace relevo::lookups
