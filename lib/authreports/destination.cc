#include "lib/authreports/destination.h"

#include "lib/base/text.h"
#include "lib/mailauth/dmarc_discovery.h"

#include <algorithm>

namespace relevo::authreports {
namespace {

constexpr std::size_t name_limit_octets = 253;

// Steps 6 to 9: any record that begins with its version is a yes; its rua, if it has one, says where instead.
void judge_records(const dns::Answer& answer, const mailauth::ReportUri& asked, DestinationVerdict& verdict) {
    verdict.reason = asked.host + " does not say that it takes reports about this domain";
    for (const std::string& text : answer.texts) {
        const auto record = mailauth::parse_dmarc_record(text);
        if (!record) continue;
        verdict.answer = DestinationAnswer::allowed;
        verdict.reason = asked.host + " takes reports about this domain";
        for (const mailauth::ReportUri& uri : record->aggregate_uris) {
            if (uri.scheme == "mailto" && uri.host == asked.host) {
                verdict.uris.push_back(uri);
                continue;
            }
            // "MUST NOT generate a report to either the original or the override URI".
            verdict.answer = DestinationAnswer::refused;
            verdict.uris.clear();
            verdict.reason = asked.host + " passes reports on to another host, which is not allowed";
            return;
        }
    }
    if (verdict.answer == DestinationAnswer::allowed && verdict.uris.empty()) verdict.uris = {asked};
}

}  // namespace

dns::Inquiry<DestinationVerdict> check_destination(std::string policy_domain, mailauth::ReportUri uri) {
    DestinationVerdict verdict;
    if (uri.scheme != "mailto" || uri.host.empty()) {
        verdict.reason = "reports are sent by mail only";
        co_return verdict;
    }
    const bool is_same = uri.host == policy_domain;
    if (!is_same) {
        const auto ours = co_await mailauth::discover_dmarc(policy_domain);
        const auto theirs = co_await mailauth::discover_dmarc(uri.host);
        for (const auto* discovery : {&ours, &theirs})
            verdict.steps.insert(verdict.steps.end(), discovery->steps.begin(), discovery->steps.end());
        if (!ours.fault.empty() || !theirs.fault.empty()) {
            verdict.answer = DestinationAnswer::temporary;
            verdict.reason = "the DNS failed: " + (ours.fault.empty() ? theirs.fault : ours.fault);
            co_return verdict;
        }
        if (ours.organizational_domain != theirs.organizational_domain) {
            const std::string name = policy_domain + "._report._dmarc." + uri.host;
            if (name.size() > name_limit_octets) {
                verdict.reason = "the name to ask for is too long for the DNS";
                co_return verdict;
            }
            const auto answer = co_await dns::ask(name, dns::RecordType::txt);
            const bool is_bogus = answer && answer->security == dns::Security::bogus;
            if (is_bogus || (!answer && answer.error().kind != ErrorKind::invalid)) {
                verdict.answer = DestinationAnswer::temporary;
                verdict.reason =
                    name + ": " + (is_bogus ? "DNSSEC validation failed" : printable(answer.error().detail));
            } else {
                judge_records(answer ? *answer : dns::Answer{}, uri, verdict);
            }
            verdict.steps.push_back({0, name + " TXT", verdict.reason});
            co_return verdict;
        }
    }
    verdict.answer = DestinationAnswer::allowed;
    verdict.reason = uri.host + " belongs to the organisation of " + policy_domain;
    verdict.uris = {std::move(uri)};
    co_return verdict;
}

}  // namespace relevo::authreports
