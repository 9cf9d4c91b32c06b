#include "lib/mailauth/dmarc_discovery.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::mailauth {
namespace {

// However long the name is (§4.10).
constexpr std::size_t query_limit = 8;
constexpr std::size_t name_limit_octets = 253;
constexpr std::size_t shown_record_octets = 300;

struct Found {
    std::string domain;
    std::string text;
    DmarcRecord record;
    dns::Security security = dns::Security::insecure;
};

struct Walk {
    std::vector<Found> found;  // the longest name first
    std::string fault;
    std::vector<std::string> errors;
    std::vector<CheckStep> steps;
};

std::size_t count_labels(std::string_view domain) {
    return static_cast<std::size_t>(std::ranges::count(domain, '.')) + 1;
}

std::string_view without_first_label(std::string_view domain) { return domain.substr(domain.find('.') + 1); }

// The last `count` labels.
std::string_view last_labels(std::string_view domain, std::size_t count) {
    while (count_labels(domain) > count) domain = without_first_label(domain);
    return domain;
}

// The names to ask for, in their order (§4.10 steps 1, 3, 4, 7).
std::vector<std::string> names_of_walk(std::string_view domain) {
    std::vector<std::string> names{std::string(domain)};
    std::size_t labels = count_labels(domain);
    for (labels = std::min(labels, query_limit) - 1; labels > 0; --labels)
        names.emplace_back(last_labels(domain, labels));
    return names;
}

// One record out of the TXT records of a name; several count as none (§4.10 steps 2, 6).
void take_records(const dns::Answer& answer, const std::string& domain, Walk& walk) {
    CheckStep step{.depth = 0, .subject = "_dmarc." + domain + " TXT", .outcome = {}};
    std::vector<Found> records;
    for (const std::string& text : answer.texts)
        if (auto record = parse_dmarc_record(text))
            records.push_back({domain, text, *std::move(record), answer.security});
        else if (record.error().detail != "not a DMARC record")
            walk.errors.push_back("_dmarc." + domain + ": " + record.error().detail);
    if (records.size() == 1) {
        step.outcome = printable(records.front().text, shown_record_octets);
        walk.found.push_back(std::move(records.front()));
    } else if (records.empty()) {
        step.outcome = answer.texts.empty() ? "no such record" : "no DMARC record among the texts there";
    } else {
        step.outcome = std::to_string(records.size()) + " records, of which none counts";
        walk.errors.push_back("_dmarc." + domain + " has " + std::to_string(records.size()) +
                              " DMARC records: none counts");
    }
    walk.steps.push_back(std::move(step));
}

dns::Inquiry<Walk> walk_up(std::string domain) {
    Walk walk;
    for (const std::string& name : names_of_walk(domain)) {
        const std::string question = "_dmarc." + name;
        if (question.size() > name_limit_octets) {
            walk.steps.push_back({0, question + " TXT", "too long a name for the DNS"});
            continue;
        }
        auto answer = co_await dns::ask(question, dns::RecordType::txt);
        // `invalid`: the name cannot be asked for, so there is nothing.
        if (!answer && answer.error().kind == ErrorKind::invalid) {
            walk.steps.push_back({0, question + " TXT", printable(answer.error().detail)});
            continue;
        }
        if (!answer || answer->security == dns::Security::bogus) {
            walk.fault = question + ": " + (answer ? "DNSSEC validation failed" : printable(answer.error().detail));
            walk.steps.push_back({0, question + " TXT", "the DNS failed"});
            break;
        }
        const std::size_t before = walk.found.size();
        take_records(*answer, name, walk);
        if (walk.found.size() > before && walk.found.back().record.public_suffix != PublicSuffixFlag::unknown) break;
    }
    co_return walk;
}

// §4.10.2: from the longest name to the shortest.
std::string organizational_domain_of(const std::string& domain, const std::vector<Found>& found) {
    for (const Found& one : found) {
        if (one.record.public_suffix == PublicSuffixFlag::no) return one.domain;
        if (one.record.public_suffix == PublicSuffixFlag::yes && one.domain != domain)
            return std::string(last_labels(domain, count_labels(one.domain) + 1));
    }
    return found.empty() ? domain : found.back().domain;
}

// §4.10.1: the domain, its organisational domain, its public suffix.
const Found* policy_among(const std::vector<Found>& found, const std::string& domain, const std::string& organization) {
    for (const std::string& wanted : {domain, organization})
        for (const Found& one : found)
            if (one.domain == wanted) return &one;
    const bool has_suffix = !found.empty() && found.back().record.public_suffix == PublicSuffixFlag::yes;
    return has_suffix ? &found.back() : nullptr;
}

}  // namespace

dns::Inquiry<DmarcDiscovery> discover_dmarc(std::string domain) {
    Walk walk = co_await walk_up(domain);
    DmarcDiscovery discovery;
    discovery.organizational_domain = organizational_domain_of(domain, walk.found);
    if (const Found* policy = policy_among(walk.found, domain, discovery.organizational_domain)) {
        // A record in the middle speaks for the domain only if nothing above it could have been the organisation's.
        if (walk.fault.empty() || policy->domain == domain) {
            discovery.record = policy->record;
            discovery.policy_domain = policy->domain;
            discovery.record_text = policy->text;
            discovery.security = policy->security;
        }
    }
    discovery.domain = std::move(domain);
    discovery.fault = std::move(walk.fault);
    discovery.errors = std::move(walk.errors);
    discovery.steps = std::move(walk.steps);
    co_return discovery;
}

}  // namespace relevo::mailauth
