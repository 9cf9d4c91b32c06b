#include "lib/mailauth/arc_verifier.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/authentication_results.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

void note(ArcVerdict& verdict, std::string subject, std::string_view reason) {
    verdict.steps.push_back({0, std::move(subject), reason.empty() ? "passes" : std::string(reason)});
}

// Seals cover message signatures, not the other way round (§4.1.2).
void refuse_signed_seal(DkimSignature& signature) {
    const bool names_seal = std::ranges::any_of(
        signature.signed_names, [](const std::string& name) { return equals_ignoring_case(name, arc_seal_name); });
    if (signature.problem != DkimResult::none || !names_seal) return;
    signature.problem = DkimResult::permerror;
    signature.reason = "h= names ARC-Seal (RFC 8617 §4.1.2)";
}

// A domain to compare with; what is none equals nothing.
std::string comparable(std::string_view domain) { return mail::to_ascii_domain(domain).value_or(std::string()); }

}  // namespace

ArcVerifier::ArcVerifier(const mail::Header& header, std::shared_ptr<BodyHashes> bodies) : bodies_(std::move(bodies)) {
    const ArcChain chain = ArcChain::read(header.fields());
    highest_instance_ = chain.highest_instance;
    problem_ = chain.problem;
    if (!problem_.empty() || chain.sets.empty()) return;
    add_message_signatures(chain, SignedFields(header.fields()));
    add_seals(chain);
    const auto first = parse_authentication_results(results_of_instance(chain.sets.front().results->value));
    if (!first) return;
    for (const ReportedResult& result : first->content.results) {
        if (result.method != "dmarc" || result.result != "pass") continue;
        std::string author_domain = comparable(result.property("header", "from"));
        if (!author_domain.empty()) first_passed_domains_.push_back(std::move(author_domain));
    }
}

void ArcVerifier::add_message_signatures(const ArcChain& chain, const SignedFields& fields) {
    std::string scratch;
    const unsigned count = static_cast<unsigned>(std::min(chain.sets.size(), message_signature_limit));
    for (unsigned instance = highest_instance_; instance > highest_instance_ - count; --instance) {
        const mail::Field& field = *chain.sets[instance - 1].message_signature;
        MessageSignature message{.instance = instance,
                                 .signature = DkimSignature::read(field.value, SignatureForm::arc_message)};
        refuse_signed_seal(message.signature);
        if (message.signature.problem == DkimResult::none) {
            scratch.clear();
            fields.append(scratch, message.signature.header_form, message.signature.signed_names, field.raw);
            append_signature_field(scratch, message.signature.header_form, field.raw);
            message.header_digest = sha256_of(scratch);
            message.body = bodies_->want(message.signature.body_form,
                                         message.signature.body_octets.value_or(BodyHasher::unlimited));
        }
        messages_.push_back(std::move(message));
    }
}

void ArcVerifier::add_seals(const ArcChain& chain) {
    std::string older_sets;
    for (unsigned instance = 1; instance <= highest_instance_; ++instance) {
        const ArcSet& set = chain.sets[instance - 1];
        const std::size_t older_octets = older_sets.size();
        append_canonical_field(older_sets, Canonicalisation::relaxed, set.results->raw);
        append_canonical_field(older_sets, Canonicalisation::relaxed, set.message_signature->raw);
        append_signature_field(older_sets, Canonicalisation::relaxed, set.seal->raw);
        seals_.push_back({instance, chain.seals[instance - 1], sha256_of(older_sets)});
        older_sets.resize(older_octets);
        append_sealed_set(older_sets, set);
    }
    std::ranges::reverse(seals_);
}

dns::Inquiry<ArcVerdict> ArcVerifier::finish(std::chrono::system_clock::time_point now) {
    bodies_->finish();
    ArcVerdict verdict{.instances = highest_instance_};
    if (!problem_.empty()) {
        verdict.result = ArcResult::fail;
        verdict.reason = problem_;
        note(verdict, "structure of the chain", problem_);
        co_return verdict;
    }
    if (seals_.empty()) co_return verdict;
    note(verdict, "structure of the chain", "");
    Outcome outcome = co_await check_message(messages_.front(), now);
    note(verdict, fmt::format("ARC-Message-Signature of i={}", highest_instance_), outcome.reason);
    if (outcome.result == ArcResult::pass) {
        verdict.oldest_pass = co_await oldest_pass(now, verdict);
        outcome = co_await check_seals(verdict);
    } else {
        outcome.reason = fmt::format("the message is not as i={} passed it on: {}", highest_instance_, outcome.reason);
    }
    verdict.result = outcome.result;
    verdict.reason = std::move(outcome.reason);
    if (verdict.result != ArcResult::pass) co_return verdict;
    for (const Seal& seal : seals_) verdict.sealers.insert(verdict.sealers.begin(), seal.seal.domain);
    verdict.first_passed_domains = first_passed_domains_;
    co_return verdict;
}

// §5.2 step 5: from the newest down, until one fails. A key that cannot be asked for now does not pass either.
dns::Inquiry<unsigned> ArcVerifier::oldest_pass(std::chrono::system_clock::time_point now, ArcVerdict& verdict) {
    unsigned oldest = highest_instance_;
    for (const MessageSignature& message : messages_) {
        if (message.instance == highest_instance_) continue;  // checked already
        const Outcome outcome = co_await check_message(message, now);
        note(verdict, fmt::format("ARC-Message-Signature of i={}", message.instance), outcome.reason);
        if (outcome.result != ArcResult::pass) break;
        oldest = message.instance;
    }
    co_return oldest == 1 ? 0 : oldest;
}

dns::Inquiry<ArcVerifier::Outcome> ArcVerifier::check_seals(ArcVerdict& verdict) {
    for (const Seal& seal : seals_) {
        Outcome outcome =
            co_await check_signature(seal.seal.key_name, seal.seal.algorithm, seal.digest, seal.seal.signature);
        note(verdict, fmt::format("ARC-Seal of i={} by {}", seal.instance, seal.seal.domain), outcome.reason);
        if (outcome.result == ArcResult::pass) continue;
        outcome.reason =
            fmt::format("the seal of i={} by {} does not hold: {}", seal.instance, seal.seal.domain, outcome.reason);
        co_return outcome;
    }
    co_return Outcome{};
}

// All that needs no key.
ArcVerifier::Outcome ArcVerifier::check_content(const MessageSignature& message,
                                                std::chrono::system_clock::time_point now) const {
    const DkimSignature& signature = message.signature;
    if (signature.problem != DkimResult::none) return {ArcResult::fail, signature.reason};
    if (const TimeCheck times = check_times(signature, now); times.result != DkimResult::none)
        return {ArcResult::fail, times.reason};
    const BodyHash& body = bodies_->of(message.body);
    if (signature.body_octets && body.hashed_octets != body.canonical_octets)
        return {ArcResult::fail, "l= leaves the end of the body unsigned: anyone may have added it"};
    if (signature.body_octets.value_or(0) > body.canonical_octets)
        return {ArcResult::fail, "l= is more than the body has"};
    if (body.digest != signature.body_hash) return {ArcResult::fail, "the body was changed"};
    return {};
}

dns::Inquiry<ArcVerifier::Outcome> ArcVerifier::check_message(const MessageSignature& message,
                                                              std::chrono::system_clock::time_point now) {
    Outcome outcome = check_content(message, now);
    if (outcome.result != ArcResult::pass) co_return outcome;
    co_return co_await check_signature(message.signature.key_name, message.signature.algorithm, message.header_digest,
                                       message.signature.signature);
}

dns::Inquiry<ArcVerifier::Outcome> ArcVerifier::check_signature(std::string key_name, SigningAlgorithm algorithm,
                                                                const std::string& digest,
                                                                const std::string& signature) {
    auto known = keys_.find(key_name);
    if (known == keys_.end()) known = keys_.emplace(key_name, co_await fetch_dkim_keys(key_name)).first;
    const Result<DkimKeys>& keys = known->second;
    if (!keys) {
        const bool is_temporary = result_of(keys.error()) == DkimResult::temperror;
        co_return Outcome{is_temporary ? ArcResult::temperror : ArcResult::fail, keys.error().detail};
    }
    KeyCheck check = check_with_keys(*keys, algorithm, digest, signature);
    if (check.result == DkimResult::pass) co_return Outcome{};
    co_return Outcome{ArcResult::fail, std::move(check.reason)};
}

bool arc_vouches_for(const ArcVerdict& arc, std::string_view author_domain,
                     const std::vector<std::string>& trusted_sealers) {
    const auto lists = [](const std::vector<std::string>& list, std::string_view wanted) {
        const std::string domain = comparable(wanted);
        return !domain.empty() &&
               std::ranges::any_of(list, [&](const std::string& one) { return comparable(one) == domain; });
    };
    return arc.result == ArcResult::pass && !arc.sealers.empty() && lists(arc.first_passed_domains, author_domain) &&
           std::ranges::all_of(arc.sealers, [&](const std::string& sealer) { return lists(trusted_sealers, sealer); });
}

}  // namespace relevo::mailauth
