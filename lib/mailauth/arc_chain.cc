#include "lib/mailauth/arc_chain.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t chain_limit_octets = 256 * 1024;

std::optional<ChainValidation> validation_named(std::string_view name) {
    for (const auto validation : {ChainValidation::none, ChainValidation::pass, ChainValidation::fail})
        if (name == name_of(validation)) return validation;
    return std::nullopt;
}

std::optional<SigningAlgorithm> algorithm_named(std::string_view name) {
    for (const auto algorithm : {SigningAlgorithm::rsa_sha256, SigningAlgorithm::ed25519_sha256})
        if (equals_ignoring_case(name, name_of(algorithm))) return algorithm;
    return std::nullopt;
}

Result<std::string_view> required(const TagList& tags, std::string_view name) {
    const auto value = tags.find(name);
    if (value && !value->empty()) return *value;
    return failure(ErrorKind::invalid, fmt::format("the tag {}= is missing", name));
}

Result<ArcSeal> parse_seal(std::string_view field_value) {
    RELEVO_TRY(const TagList tags, TagList::parse(field_value));
    ArcSeal seal;
    RELEVO_TRY(const std::string_view validation, required(tags, "cv"));
    RELEVO_TRY(const std::string_view algorithm, required(tags, "a"));
    RELEVO_TRY(const std::string_view domain, required(tags, "d"));
    RELEVO_TRY(const std::string_view selector, required(tags, "s"));
    RELEVO_TRY(const std::string_view signature, required(tags, "b"));
    const auto known_validation = validation_named(validation);
    if (!known_validation) return failure(ErrorKind::invalid, "cv= is neither none nor pass nor fail");
    seal.validation = *known_validation;
    const auto known_algorithm = algorithm_named(algorithm);
    if (!known_algorithm)
        return failure(ErrorKind::invalid, fmt::format("a={} does not count (RFC 8301)", printable(algorithm, 40)));
    seal.algorithm = *known_algorithm;
    RELEVO_TRY(seal.domain, mail::to_ascii_domain(domain));
    RELEVO_TRY(seal.key_name, dkim_key_name(selector, seal.domain));
    RELEVO_TRY(seal.signature, decode_base64(without_white_space(signature)));
    const auto time = tags.find("t");
    if (time && !parse_decimal<std::uint64_t>(*time)) return failure(ErrorKind::invalid, "t= is no number");
    // A seal always covers the sets and nothing else: one with h= breaks the chain (§4.1.3).
    if (tags.find("h")) return failure(ErrorKind::invalid, "h= may not stand in a seal");
    return seal;
}

std::optional<unsigned> instance_number(std::string_view digits) {
    const auto instance = parse_decimal<unsigned>(digits);
    const bool allowed = instance && *instance >= 1 && *instance <= arc_instance_limit;
    return allowed ? instance : std::nullopt;
}

// "i=1;" in front of everything else (§4.1.1), and what follows it.
struct NumberedResults {
    std::optional<unsigned> instance;
    std::string_view payload;
};

NumberedResults numbered_results(std::string_view field_value) {
    const auto semicolon = field_value.find(';');
    const std::string_view front = trimmed(field_value.substr(0, semicolon));
    if (semicolon == std::string_view::npos || !front.starts_with('i')) return {};
    const std::string_view rest = trimmed(front.substr(1));
    if (!rest.starts_with('=')) return {};
    return {instance_number(trimmed(rest.substr(1))), field_value.substr(semicolon + 1)};
}

std::optional<unsigned> tagged_instance(std::string_view field_value) {
    const auto tags = TagList::parse(field_value);
    const auto value = tags ? tags->find("i") : std::nullopt;
    return value ? instance_number(*value) : std::nullopt;
}

// Puts the fields into their sets; the first problem ends it.
class Collector {
 public:
    explicit Collector(ArcChain& chain) : chain_(chain) {}

    void take(const mail::Field& field) {
        if (equals_ignoring_case(field.name, arc_results_name))
            place(field, numbered_results(field.value).instance, &ArcSet::results);
        else if (equals_ignoring_case(field.name, arc_message_signature_name))
            place(field, tagged_instance(field.value), &ArcSet::message_signature);
        else if (equals_ignoring_case(field.name, arc_seal_name))
            place(field, tagged_instance(field.value), &ArcSet::seal);
    }

 private:
    void place(const mail::Field& field, std::optional<unsigned> instance, const mail::Field* ArcSet::* member) {
        octets_ += field.raw.size();
        if (octets_ > chain_limit_octets) return note("the ARC fields have more than 256 KiB");
        if (!instance) return note(fmt::format("{} has no instance i= from 1 to {}", field.name, arc_instance_limit));
        chain_.highest_instance = std::max(chain_.highest_instance, *instance);
        if (chain_.sets.size() < *instance) chain_.sets.resize(*instance);
        const mail::Field*& slot = chain_.sets[*instance - 1].*member;
        if (slot != nullptr) return note(fmt::format("{} with i={} stands there twice", field.name, *instance));
        slot = &field;
    }
    void note(std::string problem) {
        if (chain_.problem.empty()) chain_.problem = std::move(problem);
    }

    ArcChain& chain_;
    std::size_t octets_ = 0;
};

std::string problem_of_set(const ArcSet& set, unsigned instance) {
    const auto lacks = [&](std::string_view name) { return fmt::format("i={} has no {}", instance, name); };
    if (set.results == nullptr) return lacks(arc_results_name);
    if (set.message_signature == nullptr) return lacks(arc_message_signature_name);
    if (set.seal == nullptr) return lacks(arc_seal_name);
    return {};
}

// No seal may say "fail"; the first one says "none", all others "pass" (§5.2 step 3).
std::string problem_of_seal(const ArcSeal& seal, unsigned instance) {
    if (!seal.problem.empty()) return fmt::format("the ARC-Seal of i={} cannot be read: {}", instance, seal.problem);
    const auto expected = instance == 1 ? ChainValidation::none : ChainValidation::pass;
    if (seal.validation == ChainValidation::fail)
        return fmt::format("{} found the chain broken (cv=fail at i={})", seal.domain, instance);
    if (seal.validation != expected)
        return fmt::format("cv={} at i={}, where cv={} must stand", name_of(seal.validation), instance,
                           name_of(expected));
    return {};
}

bool says_fail(const mail::Field* seal_field) {
    if (seal_field == nullptr) return false;
    const ArcSeal seal = ArcSeal::read(seal_field->value);
    return seal.problem.empty() && seal.validation == ChainValidation::fail;
}

}  // namespace

std::string_view name_of(ChainValidation validation) {
    switch (validation) {
        case ChainValidation::none: return "none";
        case ChainValidation::pass: return "pass";
        case ChainValidation::fail: return "fail";
    }
    return "fail";
}

ArcSeal ArcSeal::read(std::string_view field_value) {
    auto seal = parse_seal(field_value);
    if (seal) return *std::move(seal);
    ArcSeal unreadable;
    unreadable.problem = std::move(seal).error().detail;
    return unreadable;
}

ArcChain ArcChain::read(std::span<const mail::Field> fields) {
    ArcChain chain;
    Collector collector(chain);
    for (const mail::Field& field : fields) collector.take(field);
    chain.has_ended = !chain.sets.empty() && says_fail(chain.sets.back().seal);
    for (unsigned instance = 1; instance <= chain.sets.size() && chain.problem.empty(); ++instance)
        chain.problem = problem_of_set(chain.sets[instance - 1], instance);
    for (unsigned instance = 1; instance <= chain.sets.size() && chain.problem.empty(); ++instance) {
        chain.seals.push_back(ArcSeal::read(chain.sets[instance - 1].seal->value));
        chain.problem = problem_of_seal(chain.seals.back(), instance);
    }
    return chain;
}

std::string_view results_of_instance(std::string_view field_value) {
    const NumberedResults results = numbered_results(field_value);
    return results.instance ? results.payload : std::string_view();
}

void append_sealed_set(std::string& out, const ArcSet& set) {
    append_canonical_field(out, Canonicalisation::relaxed, set.results->raw);
    append_canonical_field(out, Canonicalisation::relaxed, set.message_signature->raw);
    append_canonical_field(out, Canonicalisation::relaxed, set.seal->raw);
}

}  // namespace relevo::mailauth
