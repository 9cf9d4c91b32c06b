#include "lib/mailauth/dkim_key_record.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t record_limit_octets = 16 * 1024;
constexpr std::size_t records_tried = 4;

bool names(const std::vector<std::string>& list, std::string_view wanted) {
    return std::ranges::any_of(list, [&](const std::string& name) { return equals_ignoring_case(name, wanted); });
}

// The list in a tag; without the tag, what the standard says is meant.
std::vector<std::string> list_of(const TagList& tags, std::string_view name, std::string_view otherwise) {
    return split_colon_list(tags.find(name).value_or(otherwise));
}

Result<SigningAlgorithm> key_algorithm(const TagList& tags) {
    const std::string_view kind = tags.find("k").value_or("rsa");
    if (equals_ignoring_case(kind, "rsa")) return SigningAlgorithm::rsa_sha256;
    if (equals_ignoring_case(kind, "ed25519")) return SigningAlgorithm::ed25519_sha256;
    return failure(ErrorKind::invalid, fmt::format("k={} is no kind of key that is known", printable(kind, 40)));
}

// "This tag MUST be the first tag in the record. Records beginning with a 'v=' tag with any other value MUST be
// discarded." (RFC 6376 §3.6.1)
Result<void> check_version(const TagList& tags) {
    const auto version = tags.find("v");
    if (!version) return {};
    if (*version != "DKIM1")
        return failure(ErrorKind::invalid, fmt::format("v={} is not DKIM1", printable(*version, 40)));
    if (tags.tags().front().name != "v") return failure(ErrorKind::invalid, "v= is not the first tag");
    return {};
}

KeyCheck refused(KeyCheck check, DkimResult result, std::string reason) {
    check.result = result;
    check.reason = std::move(reason);
    return check;
}

KeyCheck check_with_key(const DkimKeyRecord& record, SigningAlgorithm algorithm, std::string_view digest,
                        std::string_view signature) {
    using enum DkimResult;
    KeyCheck check{.is_testing = record.is_testing, .forbids_subdomains = record.forbids_subdomains};
    if (!record.key) return refused(check, permerror, "the key is revoked: p= is empty");
    const bool is_rsa = record.algorithm == SigningAlgorithm::rsa_sha256;
    if (is_rsa) check.key_bits = record.key->bits();
    if (record.algorithm != algorithm)
        return refused(check, permerror,
                       fmt::format("the signature is {}, but the key record has k={}", name_of(algorithm),
                                   is_rsa ? "rsa" : "ed25519"));
    if (!record.allows_sha256) return refused(check, permerror, "h= of the key record does not allow SHA-256");
    if (!record.serves_email) return refused(check, permerror, "s= of the key record excludes mail");
    if (is_rsa && check.key_bits < least_rsa_key_bits)
        return refused(check, policy,
                       fmt::format("the RSA key has only {} bits; at least {} are needed (RFC 8301 §3.2)",
                                   check.key_bits, least_rsa_key_bits));
    if (is_rsa && check.key_bits > most_rsa_key_bits)
        return refused(check, policy,
                       fmt::format("the RSA key has {} bits; more than {} are not checked (RFC 8301 §3.2)",
                                   check.key_bits, most_rsa_key_bits));
    if (!record.key->verifies(digest, signature))
        return refused(check, fail,
                       "the signature does not match the header fields: they were changed, or it was made "
                       "with another key");
    check.result = pass;
    return check;
}

}  // namespace

Result<DkimKeyRecord> DkimKeyRecord::parse(std::string_view text) {
    if (text.size() > record_limit_octets) return failure(ErrorKind::invalid, "it is longer than 16 KiB");
    RELEVO_TRY(const TagList tags, TagList::parse(text));
    RELEVO_CHECK(check_version(tags));
    DkimKeyRecord record;
    RELEVO_TRY(record.algorithm, key_algorithm(tags));
    if (tags.find("h")) record.allows_sha256 = names(list_of(tags, "h", ""), "sha256");
    const auto services = list_of(tags, "s", "*");
    record.serves_email = names(services, "*") || names(services, "email");
    const auto flags = list_of(tags, "t", "");
    record.is_testing = names(flags, "y");
    record.forbids_subdomains = names(flags, "s");
    const auto published = tags.find("p");
    if (!published) return failure(ErrorKind::invalid, "it has no p=");
    if (published->empty()) return record;
    const auto octets = decode_base64(without_white_space(*published));
    if (!octets) return failure(ErrorKind::invalid, "p= is not base 64");
    auto key = VerificationKey::from_octets(record.algorithm, *octets);
    if (!key) return failure(ErrorKind::invalid, "p= is no key: " + key.error().detail);
    record.key = *std::move(key);
    return record;
}

Result<std::string> dkim_key_name(std::string_view selector, std::string_view domain) {
    return mail::to_ascii_domain(fmt::format("{}._domainkey.{}", selector, domain));
}

dns::Inquiry<Result<DkimKeys>> fetch_dkim_keys(std::string key_name) {
    const auto answer = co_await dns::ask(key_name, dns::RecordType::txt);
    if (!answer) {
        const bool malformed = answer.error().kind == ErrorKind::invalid;
        co_return failure(malformed ? ErrorKind::invalid : ErrorKind::temporary,
                          fmt::format("the DNS did not give the key: {}", answer.error().detail));
    }
    if (answer->security == dns::Security::bogus)
        co_return failure(ErrorKind::temporary, "DNSSEC says that the answer with the key is false");
    if (answer->texts.empty())
        co_return failure(ErrorKind::not_found, fmt::format("there is no TXT record at {}: no key", key_name));
    DkimKeys keys{.security = answer->security};
    std::string problem;
    for (const std::string& text : answer->texts) {
        if (keys.records.size() == records_tried) break;
        auto record = DkimKeyRecord::parse(text);
        if (record)
            keys.records.push_back(*std::move(record));
        else if (problem.empty())
            problem = std::move(record).error().detail;
    }
    if (keys.records.empty())
        co_return failure(ErrorKind::invalid, fmt::format("the TXT record at {} is no key: {}", key_name, problem));
    co_return keys;
}

DkimResult result_of(const Error& key_problem) {
    return key_problem.kind == ErrorKind::temporary ? DkimResult::temperror : DkimResult::permerror;
}

KeyCheck check_with_keys(const DkimKeys& keys, SigningAlgorithm algorithm, std::string_view digest,
                         std::string_view signature) {
    KeyCheck first;
    for (const DkimKeyRecord& record : keys.records) {
        KeyCheck check = check_with_key(record, algorithm, digest, signature);
        if (check.result == DkimResult::pass) return check;
        if (first.result == DkimResult::none) first = std::move(check);
    }
    return first;
}

}  // namespace relevo::mailauth
