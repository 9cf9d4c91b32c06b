#include "lib/mailauth/dmarc.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"
#include "lib/mail/message.h"
#include "lib/mailauth/arc_verifier.h"
#include "lib/mailauth/dmarc_discovery.h"

#include <algorithm>
#include <array>

namespace relevo::mailauth {
namespace {

constexpr std::size_t author_domain_limit = 4;
constexpr std::size_t identifier_limit = 20;

// A domain for which SPF or DKIM has something to say.
struct Identifier {
    enum class Mechanism : std::uint8_t { spf, dkim } mechanism;
    std::string domain;
    bool passed = false;  // else a temporary error
};

std::vector<Identifier> identifiers_of(const DmarcQuery& query, std::vector<CheckStep>& steps) {
    std::vector<Identifier> identifiers;
    const auto add = [&](Identifier::Mechanism mechanism, const std::string& domain, bool passed) {
        if (identifiers.size() < identifier_limit && !domain.empty())
            identifiers.push_back({mechanism, to_lower(domain), passed});
    };
    if (query.spf.result == SpfResult::pass || query.spf.result == SpfResult::temperror)
        add(Identifier::Mechanism::spf, query.spf.domain, query.spf.result == SpfResult::pass);
    // Passes first: many broken signatures must not push a good one over the limit.
    for (const DkimResult wanted : {DkimResult::pass, DkimResult::temperror}) {
        for (const DkimVerdict& signature : query.dkim) {
            if (signature.result != wanted) continue;
            if (wanted == DkimResult::pass && !signature.covers_body)
                steps.push_back(
                    {0, "DKIM " + printable(signature.domain, 80), "does not count: l= leaves octets unsigned"});
            else
                add(Identifier::Mechanism::dkim, signature.domain, wanted == DkimResult::pass);
        }
    }
    return identifiers;
}

// Is `domain` aligned with the author's? Only a fault of the DNS leaves it unknown.
enum class Aligned : std::uint8_t { no, yes, unknown };

dns::Inquiry<Aligned> is_aligned(std::string domain, const DmarcDiscovery& author, DmarcAlignment mode,
                                 std::vector<CheckStep>& steps) {
    if (domain == author.domain) co_return Aligned::yes;
    if (mode == DmarcAlignment::strict) co_return Aligned::no;
    if (!author.fault.empty()) {
        // Where the author's organisation ends is not known; without two labels in common it is hardly the same.
        co_return dns::common_labels(domain, author.domain) >= 2 ? Aligned::unknown : Aligned::no;
    }
    // The organisational domain of any name is that name or one above it. So what is not below the author's
    // organisation cannot have the same one: no questions, and no fault of a stranger's DNS.
    if (!mail::is_same_or_subdomain(domain, author.organizational_domain)) co_return Aligned::no;
    if (domain == author.organizational_domain) co_return Aligned::yes;
    DmarcDiscovery other = co_await discover_dmarc(domain);
    for (CheckStep& step : other.steps) {
        ++step.depth;
        steps.push_back(std::move(step));
    }
    if (!other.fault.empty()) co_return Aligned::unknown;
    co_return other.organizational_domain == author.organizational_domain ? Aligned::yes : Aligned::no;
}

struct Alignment {
    bool spf = false;
    bool dkim = false;
    std::string fault;  // what could have passed, had the DNS answered
};

dns::Inquiry<Alignment> align(const std::vector<Identifier>& identifiers, const DmarcDiscovery& author,
                              std::vector<CheckStep>& steps) {
    Alignment alignment;
    for (const Identifier& identifier : identifiers) {
        const bool is_spf = identifier.mechanism == Identifier::Mechanism::spf;
        bool& passed = is_spf ? alignment.spf : alignment.dkim;
        if (passed) continue;
        const auto mode = is_spf ? author.record->spf_alignment : author.record->dkim_alignment;
        const std::string subject = (is_spf ? "SPF " : "DKIM ") + printable(identifier.domain, 255);
        const Aligned aligned = co_await is_aligned(identifier.domain, author, mode, steps);
        passed = aligned == Aligned::yes && identifier.passed;
        if (aligned == Aligned::unknown || (aligned == Aligned::yes && !identifier.passed))
            alignment.fault = subject + (identifier.passed ? ": its organisational domain cannot be found now"
                                                           : ": could not be checked now");
        std::string outcome = aligned == Aligned::yes  ? "aligned"
                              : aligned == Aligned::no ? "not aligned"
                                                       : "not known";
        outcome += mode == DmarcAlignment::strict ? " (strict)" : " (relaxed)";
        if (!identifier.passed) outcome += ", but it had a temporary error";
        steps.push_back({0, subject, std::move(outcome)});
    }
    co_return alignment;
}

// p, sp or np (§4.10.1). The DNS is asked whether the author domain exists only if that makes a difference.
dns::Inquiry<DmarcPolicy> published_policy(const DmarcDiscovery& author, std::string& fault,
                                           std::vector<CheckStep>& steps) {
    const DmarcRecord& record = *author.record;
    if (author.policy_domain == author.domain) co_return record.own_policy();
    if (record.policy_of_nonexistent() == record.policy_of_subdomain()) co_return record.policy_of_subdomain();
    const auto answer = co_await dns::ask(author.domain, dns::RecordType::a);
    // §3.2.13: NXDOMAIN, as RFC 8020 has it.
    const bool is_known = answer && answer->security != dns::Security::bogus;
    if (!is_known) fault = "whether " + author.domain + " exists cannot be found out now";
    const bool exists = !is_known || answer->name_exists;
    steps.push_back({0, author.domain + " A",
                     !is_known ? "the DNS failed"
                     : exists  ? "exists"
                               : "no such name: np applies"});
    co_return exists ? record.policy_of_subdomain() : record.policy_of_nonexistent();
}

// What happens to a message that failed.
void apply_policy(const DmarcQuery& query, const DmarcRecord& record, DmarcVerdict& verdict) {
    verdict.disposition = record.is_testing ? one_step_below(verdict.published) : verdict.published;
    if (verdict.published == DmarcPolicy::none) return;
    if (record.is_testing) {
        verdict.override_reason = DmarcOverride::policy_test_mode;
        verdict.reason += "; its owner tests the policy, so it counts one step less";
    }
    if (!arc_vouches_for(query.arc, verdict.author_domain, query.trusted_sealers)) return;
    verdict.disposition = DmarcPolicy::none;
    verdict.override_reason = DmarcOverride::local_policy;
    verdict.override_comment = "arc=pass";
    for (const std::string& sealer : query.arc.sealers) verdict.override_comment += " as.d=" + printable(sealer, 80);
    verdict.reason += "; a trusted chain of ARC seals says that it passed before it was forwarded";
}

std::string why_failed(const DmarcQuery& query, const DmarcVerdict& verdict) {
    const bool spf = query.spf.result == SpfResult::pass;
    const bool dkim = std::ranges::any_of(
        query.dkim, [](const DkimVerdict& signature) { return signature.result == DkimResult::pass; });
    if (!spf && !dkim) return "neither SPF nor DKIM passed";
    return std::string(spf && dkim ? "SPF and DKIM passed"
                       : spf       ? "SPF passed"
                                   : "DKIM passed") +
           ", but not for " + verdict.author_domain;
}

// One author domain.
dns::Inquiry<DmarcVerdict> check_author(const DmarcQuery& query, std::string domain) {
    DmarcDiscovery author = co_await discover_dmarc(domain);
    DmarcVerdict verdict;
    verdict.author_domain = std::move(domain);
    verdict.organizational_domain = author.organizational_domain;
    verdict.policy_domain = author.policy_domain;
    verdict.record = author.record_text;
    verdict.security = author.security;
    verdict.steps = std::move(author.steps);
    if (!author.record) {
        verdict.result = author.fault.empty() ? DmarcResult::none : DmarcResult::temperror;
        verdict.reason = author.fault.empty() ? "no DMARC record speaks for " + verdict.author_domain
                                              : "the DNS failed: " + author.fault;
        co_return verdict;
    }
    if (!author.record->is_applicable()) {
        verdict.reason = "the record at _dmarc." + author.policy_domain + " has no valid policy and no rua";
        co_return verdict;
    }
    std::string policy_fault;
    verdict.published = co_await published_policy(author, policy_fault, verdict.steps);
    const std::vector<Identifier> identifiers = identifiers_of(query, verdict.steps);
    const Alignment alignment = co_await align(identifiers, author, verdict.steps);
    verdict.spf_aligned = alignment.spf;
    verdict.dkim_aligned = alignment.dkim;
    if (alignment.spf || alignment.dkim) {
        verdict.result = DmarcResult::pass;
        verdict.reason = std::string(alignment.dkim ? "DKIM" : "SPF") + " passed for " + verdict.author_domain;
    } else if (!alignment.fault.empty() || !policy_fault.empty()) {
        verdict.result = DmarcResult::temperror;
        verdict.reason = alignment.fault.empty() ? policy_fault : alignment.fault;
    } else {
        verdict.result = DmarcResult::fail;
        verdict.reason = why_failed(query, verdict);
        apply_policy(query, *author.record, verdict);
    }
    co_return verdict;
}

// Of two author domains' verdicts, the one that decides: a failure with the stricter policy, then what is not known,
// then a domain without policy; pass only if nothing else is there.
bool is_worse(const DmarcVerdict& verdict, const DmarcVerdict& than) {
    static constexpr auto rising = std::to_array<DmarcResult>(
        {DmarcResult::pass, DmarcResult::none, DmarcResult::temperror, DmarcResult::permerror, DmarcResult::fail});
    const auto rank = [](const DmarcVerdict& one) { return std::ranges::find(rising, one.result); };
    if (rank(verdict) != rank(than)) return rank(verdict) > rank(than);
    return verdict.disposition > than.disposition;
}

}  // namespace

Result<std::vector<std::string>> dmarc_author_domains(const std::vector<std::string>& from_fields) {
    if (from_fields.empty()) return failure(ErrorKind::invalid, "there is no From field");
    if (from_fields.size() > 1)
        return failure(ErrorKind::invalid, std::to_string(from_fields.size()) + " From fields where there must be one");
    const auto authors = mail::parse_address_list(from_fields.front());
    if (!authors) return failure(ErrorKind::invalid, "the From field cannot be read: " + authors.error().detail);
    if (authors->empty()) return failure(ErrorKind::invalid, "the From field names a group without members, no author");
    std::vector<std::string> domains;
    for (const mail::Address& author : *authors) {
        if (author.has_address_literal())
            return failure(ErrorKind::invalid, "the author's address has a number instead of a domain");
        auto domain = mail::to_ascii_domain(author.domain());
        if (!domain) return failure(ErrorKind::invalid, "the author's domain is not valid: " + domain.error().detail);
        if (std::ranges::find(domains, *domain) == domains.end()) domains.push_back(*std::move(domain));
    }
    if (domains.size() > author_domain_limit)
        return failure(ErrorKind::limit, "authors of " + std::to_string(domains.size()) + " domains; " +
                                             std::to_string(author_domain_limit) + " are checked at most");
    return domains;
}

dns::Inquiry<DmarcVerdict> check_dmarc(DmarcQuery query) {
    DmarcVerdict worst;
    const auto domains = dmarc_author_domains(query.from_fields);
    if (!domains) {
        worst.result = DmarcResult::permerror;
        worst.reason = domains.error().detail;
        co_return worst;
    }
    std::vector<CheckStep> steps;
    for (const std::string& domain : *domains) {
        DmarcVerdict verdict = co_await check_author(query, domain);
        steps.insert(steps.end(), verdict.steps.begin(), verdict.steps.end());
        if (domain == domains->front() || is_worse(verdict, worst)) worst = std::move(verdict);
    }
    worst.steps = std::move(steps);
    if (domains->size() > 1) worst.reason += " (worst of " + std::to_string(domains->size()) + " author domains)";
    co_return worst;
}

}  // namespace relevo::mailauth
