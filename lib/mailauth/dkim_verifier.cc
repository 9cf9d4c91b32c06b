#include "lib/mailauth/dkim_verifier.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"
#include "lib/mailauth/dkim_key_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t shown_signature_octets = 8;  // RFC 6008 §4: at least

// A second From field that nobody signed may be the one that a reader is shown: no pass for such a message
// (RFC 6376 §8.15; security row C2).
void refuse_unsigned_from(DkimSignature& signature, const SignedFields& fields) {
    const auto named = static_cast<std::size_t>(std::ranges::count_if(
        signature.signed_names, [](const std::string& name) { return equals_ignoring_case(name, "from"); }));
    const std::size_t present = fields.count("from");
    if (signature.problem != DkimResult::none || present <= named) return;
    signature.problem = DkimResult::policy;
    signature.reason = fmt::format("of {} From fields only {} is signed (RFC 6376 §8.15)", present, named);
}

DkimVerdict verdict_of(const DkimSignature& signature) {
    DkimVerdict verdict;
    verdict.result = signature.problem;
    verdict.reason = signature.reason;
    verdict.domain = signature.domain;
    verdict.selector = signature.selector;
    verdict.identity = signature.identity;
    verdict.algorithm = signature.algorithm_name;
    return verdict;
}

void conclude(DkimVerdict& verdict, DkimResult result, std::string reason) {
    verdict.result = result;
    verdict.reason = std::move(reason);
}

void note(DkimVerdict& verdict, std::string subject, std::string outcome) {
    verdict.steps.push_back({0, std::move(subject), std::move(outcome)});
}

// Compares what bh= says with the body. True if they agree.
bool check_body(DkimVerdict& verdict, const DkimSignature& signature, const BodyHash& body) {
    const std::string subject = fmt::format("body hash, {}{}", name_of(signature.body_form),
                                            signature.body_octets ? fmt::format(", l={}", *signature.body_octets) : "");
    if (signature.body_octets.value_or(0) > body.canonical_octets) {
        conclude(verdict, DkimResult::permerror,
                 fmt::format("l={} is more than the body has: {} octets (RFC 6376 §3.5)", *signature.body_octets,
                             body.canonical_octets));
    } else if (body.digest != signature.body_hash) {
        conclude(verdict, DkimResult::fail, "the body hash differs: the body was changed after it was signed");
    }
    verdict.covers_body = body.hashed_octets == body.canonical_octets;
    note(verdict, subject, verdict.result == DkimResult::none ? "matches bh=" : verdict.reason);
    return verdict.result == DkimResult::none;
}

// As many octets of each b= as tell them apart (RFC 6008 §4).
void name_signatures(std::vector<DkimVerdict>& verdicts, const std::vector<std::string_view>& texts) {
    std::size_t octets = shown_signature_octets;
    const auto collide = [&] {
        std::vector<std::string_view> shown;
        for (const std::string_view text : texts) shown.push_back(text.substr(0, octets));
        std::ranges::sort(shown);
        return std::ranges::adjacent_find(shown) != shown.end();
    };
    while (octets < 64 && collide()) ++octets;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string_view shown = texts[i].substr(0, octets);
        const bool is_base64 = std::ranges::all_of(
            shown, [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
        if (is_base64) verdicts[i].signature = shown;
    }
}

}  // namespace

DkimVerifier::DkimVerifier(const mail::Header& header, std::shared_ptr<BodyHashes> bodies)
    : bodies_(std::move(bodies)) {
    if (header.find("DKIM-Signature") == nullptr) return;  // most of the work is saved for what is not signed
    const SignedFields fields(header.fields());
    std::string scratch;
    for (const mail::Field& field : header.fields())
        if (equals_ignoring_case(field.name, "DKIM-Signature")) add(field, fields, scratch);
}

void DkimVerifier::add(const mail::Field& field, const SignedFields& fields, std::string& scratch) {
    if (candidates_.size() == signature_limit) {
        ++beyond_limit_;
        return;
    }
    Candidate candidate{.signature = DkimSignature::read(field.value, SignatureForm::dkim)};
    refuse_unsigned_from(candidate.signature, fields);
    if (candidate.signature.problem == DkimResult::none) {
        scratch.clear();
        fields.append(scratch, candidate.signature.header_form, candidate.signature.signed_names, field.raw);
        append_signature_field(scratch, candidate.signature.header_form, field.raw);
        candidate.header_digest = sha256_of(scratch);
        candidate.body = bodies_->want(candidate.signature.body_form,
                                       candidate.signature.body_octets.value_or(BodyHasher::unlimited));
    }
    order_.push_back(candidates_.size());
    candidates_.push_back(std::move(candidate));
}

void DkimVerifier::judge_first(const std::vector<std::string>& author_domains) {
    std::vector<std::size_t> nearness;
    for (const Candidate& candidate : candidates_) {
        std::size_t nearest = 0;
        for (const std::string& author : author_domains)
            nearest = std::max(nearest, dns::common_labels(candidate.signature.domain, author));
        nearness.push_back(nearest);
    }
    std::ranges::sort(order_, [&](std::size_t one, std::size_t other) {
        return nearness[one] != nearness[other] ? nearness[one] > nearness[other] : one < other;
    });
}

dns::Inquiry<std::vector<DkimVerdict>> DkimVerifier::finish(std::chrono::system_clock::time_point now) {
    bodies_->finish();
    std::vector<DkimVerdict> verdicts(candidates_.size());
    for (const std::size_t place : order_) verdicts[place] = co_await judge(candidates_[place], now);
    std::vector<std::string_view> texts;
    for (const Candidate& candidate : candidates_) texts.push_back(candidate.signature.signature_text);
    name_signatures(verdicts, texts);
    if (beyond_limit_ > 0) {
        DkimVerdict rest{.result = DkimResult::policy};
        rest.reason = fmt::format("{} further signature{} not looked at: {} are checked at most", beyond_limit_,
                                  beyond_limit_ == 1 ? " was" : "s were", signature_limit);
        verdicts.push_back(std::move(rest));
    }
    co_return verdicts;
}

dns::Inquiry<DkimVerdict> DkimVerifier::judge(const Candidate& candidate,
                                              std::chrono::system_clock::time_point now) const {
    const DkimSignature& signature = candidate.signature;
    DkimVerdict verdict = verdict_of(signature);
    if (verdict.result != DkimResult::none) co_return verdict;
    if (TimeCheck times = check_times(signature, now); times.result != DkimResult::none) {
        conclude(verdict, times.result, std::move(times.reason));
        co_return verdict;
    }
    // Before the DNS is asked: a body that was changed needs no key.
    if (!check_body(verdict, signature, bodies_->of(candidate.body))) co_return verdict;
    const auto keys = co_await fetch_dkim_keys(signature.key_name);
    const std::string question = signature.key_name + " TXT";
    if (!keys) {
        conclude(verdict, result_of(keys.error()), keys.error().detail);
        note(verdict, question, verdict.reason);
        co_return verdict;
    }
    verdict.security = keys->security;
    KeyCheck check = check_with_keys(*keys, signature.algorithm, candidate.header_digest, signature.signature);
    verdict.key_bits = check.key_bits;
    verdict.is_testing = check.is_testing;
    conclude(verdict, check.result, std::move(check.reason));
    note(verdict, question, verdict.result == DkimResult::pass ? "the key made the signature" : verdict.reason);
    if (verdict.result != DkimResult::pass) co_return verdict;
    if (check.forbids_subdomains && signature.identity_domain() != signature.domain)
        conclude(verdict, DkimResult::permerror,
                 fmt::format("i= names {}, but the key (t=s) signs for {} alone (RFC 6376 §3.6.1)",
                             signature.identity_domain(), signature.domain));
    else if (!verdict.covers_body)
        conclude(verdict, DkimResult::policy,
                 fmt::format("l= leaves {} octets at the end of the body unsigned: anyone may have added them",
                             bodies_->of(candidate.body).canonical_octets - *signature.body_octets));
    co_return verdict;
}

}  // namespace relevo::mailauth
