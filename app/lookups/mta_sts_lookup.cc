#include "adapters/https/page.h"
#include "app/lookups/domain_lookups.h"
#include "app/lookups/verdict_json.h"
#include "lib/base/text.h"
#include "lib/tlspolicy/mta_sts.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::size_t policy_limit_octets = 64UL * 1024;  // RFC 8461 §3.3

class MtaStsReport {
 public:
    MtaStsReport(std::string domain, std::uint16_t port, DnsSource& source)
        : domain_(std::move(domain)), port_(port), source_(source) {}

    Report make() {
        findings_.json = {{"domain", plain(domain_)}};
        const bool has_record = look_at_record();
        if (has_record && source_.is_live()) {
            if (const auto policy = fetch()) show(*policy);
        } else if (has_record) {
            findings_.json["policy"] = nullptr;
            findings_.page.paragraph("The policy was not fetched: with --dns nothing goes over the network.");
        }
        return std::move(findings_).take();
    }

 private:
    bool look_at_record() {
        const std::string name = "_mta-sts." + domain_;
        const auto answer = source_.answer({name, dns::RecordType::txt});
        if (!answer) {
            findings_.problem(fmt::format("the record at {} is not known: {}", name, answer.error().detail));
            return false;
        }
        const auto record = tlspolicy::choose_mta_sts_record(answer->texts);
        if (!record) {
            if (record.error().kind == ErrorKind::not_found) {
                findings_.json["record"] = nullptr;
                findings_.problem(
                    fmt::format("{} has no MTA-STS: there is no record at {}, so senders do without TLS if somebody "
                                "on the way wants it",
                                domain_, name));
                return false;
            }
            findings_.problem(fmt::format("the record at {} is wrong: {}", name, record.error().detail));
            return false;
        }
        findings_.json["record"] = object{{"id", plain(record->id)}, {"dnssec", name_of(answer->security)}};
        findings_.page.heading(fmt::format("Record at {}: id {}", name, record->id));
        return true;
    }

    std::optional<tlspolicy::MtaStsPolicy> fetch() {
        PageRequest request{.host = "mta-sts." + domain_,
                            .port = port_,
                            .path = "/.well-known/mta-sts.txt",
                            .addresses = {},
                            .limit_octets = policy_limit_octets};
        for (const auto type : {dns::RecordType::a, dns::RecordType::aaaa})
            if (const auto answer = source_.answer({request.host, type}))
                request.addresses.insert(request.addresses.end(), answer->addresses.begin(), answer->addresses.end());
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(source_.deadline() -
                                                                                std::chrono::steady_clock::now());
        request.time_limit = std::clamp(left, std::chrono::milliseconds(1), request.time_limit);
        const std::string url = fmt::format("https://{}{}", request.host, request.path);
        const auto page = https::fetch_page(request);
        if (!page) {
            findings_.problem(fmt::format("{} cannot be read: {}", url, page.error().detail));
            return std::nullopt;
        }
        if (page->status != 200) {
            findings_.problem(fmt::format("{} answers with status {}{}", url, page->status,
                                          page->status >= 300 && page->status < 400
                                              ? ": senders follow no redirects (RFC 8461 §3.3)"
                                              : ", and must answer with 200"));
            return std::nullopt;
        }
        findings_.page.blank_line();
        findings_.page.heading("Policy at " + url);
        findings_.page.paragraph(trimmed(page->body), 2, 2);
        findings_.json["policy_text"] = plain(page->body);
        if (!starts_with_ignoring_case(page->content_type, "text/plain"))
            findings_.warning(fmt::format("the web server calls it \"{}\"; it must be text/plain (RFC 8461 §3.2)",
                                          page->content_type));
        auto policy = tlspolicy::parse_mta_sts_policy(page->body);
        if (!policy) {
            findings_.problem(fmt::format("the policy is wrong: {}", policy.error().detail));
            return std::nullopt;
        }
        return *std::move(policy);
    }

    void show(const tlspolicy::MtaStsPolicy& policy) {
        array patterns;
        for (const std::string& pattern : policy.mx_patterns) patterns.emplace_back(plain(pattern));
        findings_.json["policy"] = object{{"mode", tlspolicy::name_of(policy.mode)},
                                          {"max_age", policy.max_age.count()},
                                          {"mx", std::move(patterns)}};
        findings_.page.blank_line();
        switch (policy.mode) {
            case tlspolicy::MtaStsMode::enforce:
                findings_.page.paragraph("Mode enforce: senders deliver only over verified TLS.");
                break;
            case tlspolicy::MtaStsMode::testing:
                findings_.page.paragraph("Mode testing: senders report failures of TLS and deliver all the same.");
                break;
            case tlspolicy::MtaStsMode::none:
                findings_.page.paragraph("Mode none: there is no policy any more.");
                break;
        }
        findings_.page.paragraph(fmt::format("Senders remember it for {} days.",
                                             std::chrono::duration_cast<std::chrono::days>(policy.max_age).count()));
        for (const std::string& text : policy.warnings) findings_.warning(text);
        if (policy.mode != tlspolicy::MtaStsMode::none) hold_against_mx(policy);
    }

    // §4.1: an MX that the policy does not name gets no mail once it is enforced.
    void hold_against_mx(const tlspolicy::MtaStsPolicy& policy) {
        const auto answer = source_.answer({domain_, dns::RecordType::mx});
        if (!answer) return findings_.problem(fmt::format("the MX records are not known: {}", answer.error().detail));
        array list;
        for (const dns::MailExchange& mx : answer->exchanges) {
            const bool fits = matches(policy, mx.exchange);
            list.push_back(object{{"host", plain(mx.exchange)}, {"matches", fits}});
            if (fits)
                findings_.page.paragraph(fmt::format("MX {}: named in the policy.", mx.exchange));
            else
                findings_.problem(
                    fmt::format("MX {} is not named in the policy: senders will not deliver to it", mx.exchange));
        }
        if (answer->exchanges.empty()) findings_.page.paragraph(fmt::format("{} has no MX records.", domain_));
        findings_.json["mx"] = std::move(list);
    }

    std::string domain_;
    std::uint16_t port_;
    DnsSource& source_;
    Findings findings_;
};

}  // namespace

Result<Report> report_on_mta_sts(const cli::LookupOptions& options, DnsSource& source) {
    RELEVO_TRY(std::string domain, domain_from(options.subject));
    return MtaStsReport(std::move(domain), options.policy_port, source).make();
}

}  // namespace relevo::lookups
