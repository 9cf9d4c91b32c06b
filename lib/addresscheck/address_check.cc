#include "lib/addresscheck/address_check.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::addresscheck {
namespace {

struct Weight {
    Finding finding;
    std::string_view name;
    int cost;  // off a score of 100
    bool is_certain;
};
// In the order of gravity, which is that of Finding.
constexpr auto weights = std::to_array<Weight>({
    {Finding::syntax, "syntax", 100, true},
    {Finding::no_such_domain, "no_such_domain", 100, true},
    {Finding::null_mx, "null_mx", 100, true},
    {Finding::no_mail_server, "no_mail_server", 100, true},
    {Finding::no_server_address, "no_server_address", 100, true},
    {Finding::suppressed, "suppressed", 100, true},
    {Finding::bounced, "bounced", 90, true},
    {Finding::typo, "typo", 80, false},
    {Finding::disposable, "disposable", 70, false},
    {Finding::no_mx, "no_mx", 30, false},
    {Finding::address_literal, "address_literal", 50, false},
    {Finding::role, "role", 25, false},
    {Finding::needs_smtputf8, "needs_smtputf8", 10, false},
    {Finding::dns_trouble, "dns_trouble", 50, false},
});
constexpr int good_from = 85;

const Weight& weight_of(Finding finding) { return weights[static_cast<std::size_t>(finding)]; }

std::optional<Finding> finding_of(MailState state) {
    switch (state) {
        case MailState::receives: return std::nullopt;
        case MailState::receives_without_mx: return Finding::no_mx;
        case MailState::no_such_domain: return Finding::no_such_domain;
        case MailState::null_mx: return Finding::null_mx;
        case MailState::no_mail_server: return Finding::no_mail_server;
        case MailState::no_server_address: return Finding::no_server_address;
        case MailState::unknown: return Finding::dns_trouble;
    }
    return Finding::dns_trouble;
}

// What people and their programs leave around an address, and slips that only have one reading.
std::string repaired(std::string_view text) {
    std::string result(text);
    std::erase_if(result, [](char c) { return c == ' ' || c == '\t' || c == '<' || c == '>'; });
    if (starts_with_ignoring_case(result, "mailto:")) result.erase(0, 7);
    while (result.ends_with('.') || result.ends_with(',') || result.ends_with(';')) result.pop_back();
    const std::size_t at = result.rfind('@');
    if (at == std::string::npos) return result;
    for (std::size_t place = at; place < result.size(); ++place)
        if (result[place] == ',' || result[place] == ';') result[place] = '.';
    for (std::size_t place = 1; place < result.size();) {
        const bool is_doubled = result[place] == result[place - 1] && (result[place] == '.' || result[place] == '@');
        if (is_doubled)
            result.erase(place, 1);
        else
            ++place;
    }
    return result;
}

std::optional<std::string> repaired_address(std::string_view text, const AddressLists& lists) {
    const auto address = mail::Address::parse(repaired(text), mail::Utf8::allowed);
    if (!address.has_value()) return std::nullopt;
    const auto domain = mail::to_ascii_domain(address->domain());
    const auto typo = domain.has_value() ? lists.typo_of(*domain) : std::nullopt;
    return typo ? std::string(address->local_part()) + "@" + typo->domain : address->text();
}

void finish(AddressReport& report) {
    std::ranges::sort(report.findings);
    report.score = 100;
    bool is_certain = false;
    for (const Finding finding : report.findings) {
        report.score = std::max(0, report.score - weight_of(finding).cost);
        is_certain = is_certain || weight_of(finding).is_certain;
    }
    report.verdict = is_certain                         ? Verdict::bad
                     : report.has(Finding::dns_trouble) ? Verdict::unknown
                     : report.score < good_from         ? Verdict::risky
                                                        : Verdict::good;
}

// A domain that takes mail is what it is, unless the list names it as a mistake.
void look_for_typo(AddressReport& report, const mail::Address& address, const AddressLists& lists) {
    const auto typo = lists.typo_of(report.domain);
    const bool takes_mail = report.mail.state == MailState::receives || report.mail.state == MailState::unknown;
    if (!typo || (takes_mail && !typo->is_listed)) return;
    report.findings.push_back(Finding::typo);
    report.meant = std::string(address.local_part()) + "@" + typo->domain;
}

// Whether one of the addresses of `host` can be reached. Errors: the DNS did not tell.
dns::Inquiry<Result<bool>> has_address(std::string host, PrivateAddresses private_addresses) {
    std::optional<Error> problem;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await dns::ask(host, type);
        if (!answer.has_value())
            problem = answer.error();
        else if (std::ranges::any_of(answer->addresses, [&](const dns::IpAddress& address) {
                     return private_addresses == PrivateAddresses::allowed || !address.is_special();
                 }))
            co_return true;
    }
    // A malformed name has no address; everything else is a fault.
    if (problem && problem->kind != ErrorKind::invalid) co_return std::unexpected(*std::move(problem));
    co_return false;
}

}  // namespace

std::string_view name_of(Finding finding) { return weight_of(finding).name; }

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::good: return "good";
        case Verdict::risky: return "risky";
        case Verdict::bad: return "bad";
        case Verdict::unknown: return "unknown";
    }
    return "unknown";
}

bool AddressReport::has(Finding finding) const { return std::ranges::find(findings, finding) != findings.end(); }

dns::Inquiry<DomainMail> find_mail_servers(std::string domain, PrivateAddresses private_addresses) {
    DomainMail found;
    const auto answer = co_await dns::ask(domain, dns::RecordType::mx);
    if (!answer.has_value()) {
        found.state = answer.error().kind == ErrorKind::invalid ? MailState::no_such_domain : MailState::unknown;
        found.problem = answer.error().detail;
        co_return found;
    }
    if (!answer->name_exists) {
        found.state = MailState::no_such_domain;
        co_return found;
    }
    std::vector<dns::MailExchange> exchanges = answer->exchanges;
    std::ranges::sort(exchanges, {}, [](const dns::MailExchange& exchange) {
        return std::pair(exchange.preference, std::string_view(exchange.exchange));
    });
    // §3 of RFC 7505: null MX stands alone. Beside others the root is a host without an address.
    if (exchanges.size() == 1 && exchanges.front().exchange.empty()) {
        found.state = MailState::null_mx;
        co_return found;
    }
    for (const dns::MailExchange& exchange : exchanges)
        if (!exchange.exchange.empty() && found.hosts.size() < mail_host_limit)
            found.hosts.push_back(exchange.exchange);
    const bool has_mx = !exchanges.empty();
    const std::vector<std::string> hosts = has_mx ? found.hosts : std::vector<std::string>{domain};
    for (const std::string& host : hosts) {
        const auto reachable = co_await has_address(host, private_addresses);
        if (!reachable.has_value()) {
            found.problem = reachable.error().detail;
        } else if (*reachable) {
            found.state = has_mx ? MailState::receives : MailState::receives_without_mx;
            found.problem.clear();
            co_return found;
        }
    }
    if (found.problem.empty()) found.state = has_mx ? MailState::no_server_address : MailState::no_mail_server;
    co_return found;
}

std::string domain_to_ask(std::string_view text) {
    const auto address = mail::Address::parse(trimmed(text), mail::Utf8::allowed);
    if (!address.has_value() || address->has_address_literal()) return {};
    return mail::to_ascii_domain(address->domain()).value_or("");
}

AddressReport judge_address(std::string_view text, DomainMail mail, const AddressLists& lists,
                            const HistoryOf& history) {
    AddressReport report;
    report.given = text;
    const auto address = mail::Address::parse(trimmed(text), mail::Utf8::allowed);
    if (address.has_value() && !address->has_address_literal()) {
        const auto domain = mail::to_ascii_domain(address->domain());
        if (domain.has_value())
            report.domain = *domain;
        else
            report.syntax_problem = domain.error().detail;
    }
    if (!address.has_value()) report.syntax_problem = address.error().detail;
    if (!address.has_value() || !report.syntax_problem.empty()) {
        report.findings.push_back(Finding::syntax);
        report.meant = repaired_address(text, lists);
        finish(report);
        return report;
    }
    report.address = address->text();
    report.mail = std::move(mail);
    if (report.domain.empty()) {
        report.findings.push_back(Finding::address_literal);
    } else {
        if (const auto finding = finding_of(report.mail.state)) report.findings.push_back(*finding);
        look_for_typo(report, *address, lists);
        if (lists.is_disposable(report.domain)) report.findings.push_back(Finding::disposable);
    }
    if (lists.is_role(address->local_part())) report.findings.push_back(Finding::role);
    if (!is_ascii(address->local_part())) report.findings.push_back(Finding::needs_smtputf8);
    if (history) report.history = history(*address);
    if (!report.history.suppressed.empty()) report.findings.push_back(Finding::suppressed);
    if (report.history.bounced) report.findings.push_back(Finding::bounced);
    finish(report);
    return report;
}

dns::Inquiry<AddressReport> check_address(std::string text, const AddressLists& lists,
                                          PrivateAddresses private_addresses, HistoryOf history) {
    DomainMail mail;
    if (const std::string domain = domain_to_ask(text); !domain.empty())
        mail = co_await find_mail_servers(domain, private_addresses);
    co_return judge_address(text, std::move(mail), lists, history);
}

}  // namespace relevo::addresscheck
