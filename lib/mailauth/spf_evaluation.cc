// check_host(): the record of a domain, term by term. The mechanisms are in spf_mechanisms.cc.
#include "lib/mailauth/spf_evaluation.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t step_limit = 250;
constexpr std::size_t shown_limit_octets = 200;
constexpr std::size_t explanation_limit_octets = 500;
constexpr std::size_t expansion_limit_octets = 4'096;  // far more than the 253 that a name can use

std::string_view verb_of(SpfResult qualifier) {
    switch (qualifier) {
        case SpfResult::fail: return "forbids";
        case SpfResult::softfail: return "discourages";
        case SpfResult::neutral: return "says nothing about";
        default: return "allows";
    }
}

// Only what a header field or an SMTP reply can carry.
std::string visible(std::string_view text) {
    std::string shown(text.substr(0, explanation_limit_octets));
    std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return shown;
}

}  // namespace

SpfEvaluation::SpfEvaluation(const SpfQuery& query, SpfVerdict& verdict) : query_(query), verdict_(verdict) {}

std::size_t SpfEvaluation::add_step(unsigned depth, std::string_view subject, std::string_view outcome) {
    if (verdict_.steps.size() < step_limit)
        verdict_.steps.push_back(
            {depth, printable(subject, shown_limit_octets), printable(outcome, shown_limit_octets)});
    else if (verdict_.steps.size() == step_limit)
        verdict_.steps.push_back({0, "…", fmt::format("only the first {} steps are kept", step_limit)});
    return verdict_.steps.size() == step_limit + 1 ? step_limit : verdict_.steps.size() - 1;
}

void SpfEvaluation::end_step(std::size_t step, std::string_view outcome) {
    if (step < step_limit) verdict_.steps[step].outcome = printable(outcome, shown_limit_octets);
}

dns::Inquiry<Result<dns::Answer>> SpfEvaluation::look_up(std::string name, dns::RecordType type) {
    if (questions_ == spf_question_limit)
        co_return failure(ErrorKind::limit, fmt::format("more than {} DNS questions", spf_question_limit));
    ++questions_;
    co_return co_await dns::ask(std::move(name), type);
}

bool SpfEvaluation::count_lookup() {
    if (verdict_.lookups == spf_lookup_limit) return false;
    ++verdict_.lookups;
    return true;
}

// The SPF record among the TXT records of a domain (§4.4, §4.5). An Error's kind does not matter: `problem` is the
// result to give.
dns::Inquiry<Result<std::string>> SpfEvaluation::fetch_record(std::string name, unsigned depth, SpfResult& problem) {
    auto answer = co_await look_up(name, dns::RecordType::txt);
    const std::string subject = name + " TXT";
    if (!answer) {
        add_step(depth, subject, answer.error().detail);
        problem = answer.error().kind == ErrorKind::limit     ? SpfResult::permerror
                  : answer.error().kind == ErrorKind::invalid ? SpfResult::none
                                                              : SpfResult::temperror;
        co_return failure(answer.error().kind,
                          fmt::format("the SPF record of {} could not be asked for: {}", name, answer.error().detail));
    }
    std::erase_if(answer->texts, [](const std::string& text) { return !is_spf_record(text); });
    if (answer->texts.size() == 1) {
        add_step(depth, subject, answer->texts.front());
        if (depth == 0) verdict_.security = answer->security;
        co_return std::move(answer->texts.front());
    }
    problem = answer->texts.empty() ? SpfResult::none : SpfResult::permerror;
    const std::string why = !answer->texts.empty()
                                ? fmt::format("{} SPF records where only one may be", answer->texts.size())
                            : answer->name_exists ? "no SPF record"
                                                  : "no such domain";
    add_step(depth, subject, why);
    co_return failure(ErrorKind::not_found, fmt::format("{}: {}", name, why));
}

dns::Inquiry<SpfOutcome> SpfEvaluation::check_host(std::string domain, unsigned depth,
                                                   std::optional<std::string> record) {
    SpfOutcome outcome{SpfResult::none, domain, {}, {}, {}};
    // "If the <domain> is malformed (…) or is not a multi-label domain name, check_host() immediately returns the
    // result "none"" (§4.3).
    const auto name = spf_target_name(domain);
    if (!name || dns::parent_of(*name).empty()) {
        outcome.reason = fmt::format("\"{}\" is not a full domain name", printable(domain, shown_limit_octets));
        co_return outcome;
    }
    outcome.domain = *name;
    if (!record) {
        auto fetched = co_await fetch_record(*name, depth, outcome.result);
        if (!fetched) {
            outcome.reason = std::move(fetched).error().detail;
            co_return outcome;
        }
        record = std::move(fetched).value();
    }
    const auto parsed = parse_spf_record(*record);
    if (!parsed) {
        outcome.result = SpfResult::permerror;
        outcome.reason = fmt::format("mistake in the SPF record of {}: {}", *name, parsed.error().detail);
        add_step(depth, *name, outcome.reason);
        co_return outcome;
    }
    outcome.explanation = parsed->explanation;
    for (const SpfMechanism& mechanism : parsed->mechanisms) {
        const std::size_t step = add_step(depth, mechanism.text, "");
        const Match match = co_await evaluate(mechanism, domain, depth);
        end_step(step, match.why);
        if (match.kind == Match::Kind::no) continue;
        outcome.mechanism = mechanism.text;
        const std::string place = fmt::format("\"{}\" in the SPF record of {}", printable(mechanism.text, 120), *name);
        if (match.kind == Match::Kind::yes) {
            outcome.result = mechanism.qualifier;
            outcome.reason = fmt::format("{} {} {}", place, verb_of(mechanism.qualifier), query_.client.text());
        } else {
            outcome.result = match.kind == Match::Kind::temperror ? SpfResult::temperror : SpfResult::permerror;
            outcome.reason = fmt::format("{}: {}", place, match.why);
        }
        co_return outcome;
    }
    if (parsed->redirect) co_return co_await follow_redirect(std::move(domain), *parsed->redirect, depth);
    outcome.result = SpfResult::neutral;  // "check_host() returns a result of "neutral"" (§4.7)
    outcome.mechanism = "default";
    outcome.reason = fmt::format("nothing in the SPF record of {} is about {}", *name, query_.client.text());
    add_step(depth, "default", "neutral: the record ends without a match");
    co_return outcome;
}

// §6.1. The exp= of this record does not count any more: the outcome of the target brings its own.
dns::Inquiry<SpfOutcome> SpfEvaluation::follow_redirect(std::string domain, std::string domain_spec, unsigned depth) {
    const std::string text = "redirect=" + domain_spec;
    SpfOutcome outcome{SpfResult::permerror, domain, text, {}, {}};
    if (!count_lookup()) {
        outcome.reason = fmt::format("\"{}\" in the SPF record of {}: more than {} look-ups (RFC 7208 §4.6.4)",
                                     printable(text, 120), printable(domain, 120), spf_lookup_limit);
        add_step(depth, text, outcome.reason);
        co_return outcome;
    }
    std::string target = co_await expand(std::move(domain_spec), domain, expansion_limit_octets);
    const std::size_t step = add_step(depth, text, "");
    SpfOutcome followed = co_await check_host(std::move(target), depth + 1, std::nullopt);
    if (followed.result == SpfResult::none) {
        // "If no SPF record is found, or if the <target-name> is malformed, the result is a "permerror"" (§6.1).
        outcome.reason = fmt::format("\"{}\" in the SPF record of {}: {}", printable(text, 120), printable(domain, 120),
                                     followed.reason);
        end_step(step, outcome.reason);
        co_return outcome;
    }
    end_step(step, name_of(followed.result));
    co_return followed;
}

dns::Inquiry<std::string> SpfEvaluation::expand(std::string text, std::string domain, std::size_t limit) {
    SpfMacroValues values{verdict_.sender, domain, query_.helo, query_.receiver, {}, query_.client, query_.time};
    if (needs_validated_name(text)) values.validated = co_await validated_name(std::move(domain));
    co_return expand_macros(text, values, limit);
}

dns::Inquiry<std::string> SpfEvaluation::explain(std::string domain, std::string domain_spec) {
    const std::string subject = "exp=" + domain_spec;
    const auto target = spf_target_name(co_await expand(std::move(domain_spec), domain, expansion_limit_octets));
    if (!target) {
        add_step(0, subject, "no explanation: not a domain name");
        co_return std::string();
    }
    const auto answer = co_await look_up(*target, dns::RecordType::txt);
    // "If (…) there are any DNS processing errors (…), or if no records are returned, or if more than one record is
    // returned, or if there are syntax errors in the explanation string, then proceed as if no "exp" modifier was
    // given" (§6.2).
    if (!answer || answer->texts.size() != 1) {
        add_step(0, subject,
                 answer ? fmt::format("no explanation: {} TXT records where one must be", answer->texts.size())
                        : "no explanation: " + answer.error().detail);
        co_return std::string();
    }
    const std::string& text = answer->texts.front();
    const bool is_printable = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
    if (!is_printable || !check_macros(text, SpfMacroPlace::explanation)) {
        add_step(0, subject, "no explanation: its text has mistakes");
        co_return std::string();
    }
    std::string explanation = visible(co_await expand(text, std::move(domain), explanation_limit_octets));
    add_step(0, subject, explanation.empty() ? "no explanation: its text is empty" : explanation);
    co_return explanation;
}

}  // namespace relevo::mailauth
