#include "lib/mailauth/arc_sealer.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mailauth/arc_chain.h"
#include "lib/mailauth/sha256.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/format.h>

#include <array>

namespace relevo::mailauth {
namespace {

constexpr std::size_t signed_names_limit = 500;

constexpr auto oversigned_names = std::to_array<std::string_view>(
    {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type", "MIME-Version", "Content-Transfer-Encoding"});
// Not Authentication-Results, which the next server may remove, and no ARC field (§4.1.2).
constexpr auto signed_names = std::to_array<std::string_view>(
    {"Message-ID", "Sender", "In-Reply-To", "References", "Resent-Date", "Resent-From", "Resent-Sender", "Resent-To",
     "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post",
     "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "DKIM-Signature"});

std::vector<std::string> usual_names(const SignedFields& fields) {
    std::vector<std::string> names;
    for (const std::string_view name : oversigned_names)
        names.insert(names.end(), fields.count(to_lower(name)) + 1, std::string(name));
    for (const std::string_view name : signed_names)
        names.insert(names.end(), fields.count(to_lower(name)), std::string(name));
    return names;
}

// A field with its tags in the order of their names, as most who seal write them; b= stands second and is filled in
// last.
class SignatureField {
 public:
    SignatureField(std::string_view name, const DkimIdentity& identity, const std::vector<WrittenTag>& rest)
        : front_(fold_tags(name, {{"a", name_of(identity.key.algorithm())}, {"b", ""}})),
          back_(fmt::format(";\r\n\t{}", trimmed(std::string_view(fold_tags("", rest)).substr(1)))) {}
    // Signs `signed_before` and this field, and gives the whole field with its CRLF.
    Result<std::string> sign(std::string signed_before, const SigningKey& key) const {
        append_signature_field(signed_before, Canonicalisation::relaxed, front_ + back_);
        RELEVO_TRY(const std::string signature, key.sign_digest(sha256_of(signed_before)));
        std::string field = front_;
        fold_base64(field, encode_base64(signature));
        return field + back_ + "\r\n";
    }

 private:
    std::string front_;
    std::string back_;
};

Result<void> check_sealable(const ArcChain& chain, ArcResult verdict) {
    if (verdict == ArcResult::temperror)
        return failure(ErrorKind::refused, "the chain could not be checked now: it is left as it is");
    if (chain.has_ended) return failure(ErrorKind::refused, "the chain says cv=fail: nobody may add to it");
    if (chain.highest_instance == arc_instance_limit)
        return failure(ErrorKind::refused, "the chain has 50 sets already: no more may be added");
    const bool has_sets = !chain.sets.empty() || !chain.problem.empty();
    if (verdict != ArcResult::fail && has_sets != (verdict == ArcResult::pass))
        return failure(ErrorKind::invalid, "the verdict on the chain is not about this message");
    if (verdict == ArcResult::pass && !chain.problem.empty())
        return failure(ErrorKind::invalid, "the verdict on the chain is not about this message: " + chain.problem);
    return {};
}

ChainValidation validation_for(ArcResult verdict) {
    if (verdict == ArcResult::fail) return ChainValidation::fail;
    return verdict == ArcResult::pass ? ChainValidation::pass : ChainValidation::none;
}

std::string results_field(unsigned instance, const ArcSealRequest& request) {
    const std::string front = fmt::format("{}: i={};", arc_results_name, instance);
    return fmt::format("{} {}\r\n", front, authentication_results_payload(request.results, request.utf8, front.size()));
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ":")); }

}  // namespace

ArcSealer::ArcSealer(std::shared_ptr<BodyHashes> bodies)
    : bodies_(std::move(bodies)), body_(bodies_->want(Canonicalisation::relaxed, BodyHasher::unlimited)) {}

Result<std::string> ArcSealer::seal(std::span<const mail::Field> fields, const ArcSealRequest& request,
                                    const DkimIdentity& identity) {
    bodies_->finish();
    const std::string body_hash = encode_base64(bodies_->of(body_).digest);
    const ArcChain chain = ArcChain::read(fields);
    RELEVO_CHECK(check_sealable(chain, request.chain));
    const SignedFields by_name(fields);
    const std::vector<std::string> names = request.signed_names.empty() ? usual_names(by_name) : request.signed_names;
    if (names.size() > signed_names_limit)
        return failure(ErrorKind::limit,
                       fmt::format("the message has more than {} fields to sign", signed_names_limit));
    const std::string instance = fmt::format("{}", chain.highest_instance + 1);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(request.time).time_since_epoch().count();
    const std::string time = fmt::format("{}", seconds);
    const std::string results = results_field(chain.highest_instance + 1, request);

    const SignatureField message_field(arc_message_signature_name, identity,
                                       {{"bh", body_hash},
                                        {"c", "relaxed/relaxed"},
                                        {"d", identity.domain},
                                        {"h", joined(names)},
                                        {"i", instance},
                                        {"s", identity.selector},
                                        {"t", time}});
    std::string input;
    by_name.append(input, Canonicalisation::relaxed, names);
    RELEVO_TRY(const std::string message_signature, message_field.sign(std::move(input), identity.key));

    const SignatureField seal_field(arc_seal_name, identity,
                                    {{"cv", name_of(validation_for(request.chain))},
                                     {"d", identity.domain},
                                     {"i", instance},
                                     {"s", identity.selector},
                                     {"t", time}});
    input = {};
    // Over a chain that failed a seal covers its own set alone, "as if this newest ARC Set was the only set present"
    // (§5.1.2).
    if (request.chain != ArcResult::fail)
        for (const ArcSet& set : chain.sets) append_sealed_set(input, set);
    append_canonical_field(input, Canonicalisation::relaxed, results);
    append_canonical_field(input, Canonicalisation::relaxed, message_signature);
    RELEVO_TRY(const std::string seal, seal_field.sign(std::move(input), identity.key));
    return seal + message_signature + results;
}

}  // namespace relevo::mailauth
