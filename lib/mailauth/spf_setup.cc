#include "lib/mailauth/spf_setup.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"
#include "lib/mailauth/spf_check.h"
#include "lib/mailauth/spf_macro.h"
#include "lib/mailauth/spf_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

class CostCount {
 public:
    explicit CostCount(SpfCost& cost) : cost_(cost) {}

    // `chain`: the domains that led here, the last one's record is `record`.
    dns::Inquiry<std::vector<SpfCostTerm>> count(std::string record, std::vector<std::string> chain) {
        std::vector<SpfCostTerm> terms;
        const auto parsed = parse_spf_record(record);
        if (!parsed) {
            terms.push_back(failed(chain.back(), parsed.error().detail));
            co_return terms;
        }
        bool has_all = false;
        for (const SpfMechanism& mechanism : parsed->mechanisms) {
            has_all = mechanism.kind == SpfMechanismKind::all;
            if (has_all) break;  // nothing behind it is ever looked at (RFC 7208 §5.1)
            if (!mechanism.costs_lookup()) continue;
            if (terms.size() == spf_cost_term_limit) {
                cost_.is_whole = false;
                terms.push_back(
                    failed(chain.back(), fmt::format("more than {} look-ups in one record", spf_cost_term_limit)));
                co_return terms;
            }
            SpfCostTerm term{mechanism.text, 1, {}, {}};
            if (mechanism.kind == SpfMechanismKind::include) co_await follow(term, mechanism.domain, chain);
            terms.push_back(std::move(term));
        }
        if (parsed->redirect && !has_all) {
            SpfCostTerm term{"redirect=" + *parsed->redirect, 1, {}, {}};
            co_await follow(term, *parsed->redirect, chain);
            terms.push_back(std::move(term));
        }
        co_return terms;
    }

 private:
    SpfCostTerm failed(std::string text, std::string problem) {
        if (cost_.problem.empty()) cost_.problem = fmt::format("{}: {}", text, problem);
        return {std::move(text), 0, std::move(problem), {}};
    }
    void fail(SpfCostTerm& term, std::string problem) {
        if (cost_.problem.empty()) cost_.problem = fmt::format("{}: {}", term.text, problem);
        term.problem = std::move(problem);
    }

    // Adds what the record of `domain_spec` costs. The value of the inquiry says nothing.
    dns::Inquiry<bool> follow(SpfCostTerm& term, std::string domain_spec, std::vector<std::string> chain) {
        if (domain_spec.find('%') != std::string::npos) {
            cost_.is_whole = false;  // another domain for each message: that is no mistake
            co_return false;
        }
        const auto target = spf_target_name(domain_spec);
        if (!target) {
            fail(term, "not a domain name");
            co_return false;
        }
        if (std::ranges::find(chain, *target) != chain.end()) {
            fail(term, fmt::format("leads back to {}: a receiver stops with permerror", *target));
            co_return false;
        }
        if (records_ == spf_cost_record_limit) {
            cost_.is_whole = false;
            fail(term, fmt::format("not followed: more than {} records", spf_cost_record_limit));
            co_return false;
        }
        ++records_;
        auto answer = co_await dns::ask(*target, dns::RecordType::txt);
        if (!answer) {
            cost_.is_whole = false;
            fail(term, "not followed: " + answer.error().detail);
            co_return false;
        }
        std::erase_if(answer->texts, [](const std::string& text) { return !is_spf_record(text); });
        if (answer->texts.size() != 1) {
            fail(term, answer->texts.empty() ? "has no SPF record: a receiver stops with permerror"
                                             : "has several SPF records: a receiver stops with permerror");
            co_return false;
        }
        chain.push_back(*target);
        term.below = co_await count(std::move(answer->texts.front()), std::move(chain));
        for (const SpfCostTerm& below : term.below) term.lookups += below.lookups;
        co_return true;
    }

    SpfCost& cost_;
    unsigned records_ = 0;
};

bool is_same_but_qualifier(const SpfMechanism& a, const SpfMechanism& b) {
    return a.kind == b.kind && equals_ignoring_case(a.domain, b.domain) && a.network == b.network &&
           a.prefix_v4 == b.prefix_v4 && a.prefix_v6 == b.prefix_v6;
}

std::string joined(const std::vector<std::string>& terms) { return fmt::format("{}", fmt::join(terms, " ")); }

}  // namespace

dns::Inquiry<SpfCost> spf_cost(std::string domain, std::string record) {
    SpfCost cost;
    CostCount counting(cost);
    const std::string start = spf_target_name(domain).value_or(domain);
    cost.terms = co_await counting.count(std::move(record), {start});
    for (const SpfCostTerm& term : cost.terms) cost.lookups += term.lookups;
    if (cost.problem.empty() && cost.lookups > spf_lookup_limit)
        cost.problem = fmt::format("{} look-ups; receivers stop with permerror after {} (RFC 7208 §4.6.4)",
                                   cost.lookups, spf_lookup_limit);
    co_return cost;
}

dns::Inquiry<SpfVerdict> try_spf_record(std::string domain, std::string record, dns::IpAddress client) {
    SpfQuery query;
    query.client = client;
    query.mail_from = "postmaster@" + domain;
    query.helo = std::move(domain);
    query.record = std::move(record);
    co_return co_await check_spf(std::move(query));
}

Result<std::string> merge_spf(std::string_view existing, std::string_view mechanism) {
    RELEVO_TRY(const SpfMechanism added, parse_spf_mechanism(mechanism));
    if (added.kind == SpfMechanismKind::all)
        return failure(ErrorKind::invalid, "\"all\" ends a record: it cannot be added");
    if (trimmed(existing).empty()) return fmt::format("v=spf1 {} ~all", mechanism);
    const auto record = parse_spf_record(existing);
    if (!record) return failure(ErrorKind::invalid, "mend the existing SPF record first: " + record.error().detail);

    std::vector<std::string> terms;
    std::size_t place = 1;  // behind the version, or behind the last mechanism before "all"
    bool is_placed = false;
    for (const std::string_view term : split(existing, ' ')) {
        if (term.empty()) continue;
        terms.emplace_back(term);
        const auto parsed = terms.size() == 1 ? Result<SpfMechanism>(failure(ErrorKind::invalid, "the version"))
                                              : parse_spf_mechanism(term);
        if (!parsed || is_placed) continue;
        if (is_same_but_qualifier(*parsed, added)) {
            if (parsed->qualifier == added.qualifier) return std::string(existing);
            terms.back() = mechanism;
            is_placed = true;
        } else if (parsed->kind == SpfMechanismKind::all) {
            terms.insert(terms.end() - 1, std::string(mechanism));
            is_placed = true;
        } else {
            place = terms.size();
        }
    }
    if (!is_placed) terms.insert(terms.begin() + static_cast<std::ptrdiff_t>(place), std::string(mechanism));
    return joined(terms);
}

}  // namespace relevo::mailauth
