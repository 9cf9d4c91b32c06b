// For tests only: a DNS that is a table, and a message checked in one go or in pieces.
#pragma once

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mailauth/dkim_signer.h"
#include "lib/mailauth/dkim_verifier.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth::testing_peer {

using TimePoint = std::chrono::system_clock::time_point;
inline constexpr TimePoint now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::hours(12)};

class Zone {
 public:
    Zone& publish(std::string_view name, std::string_view text) {
        answers_[to_lower(name)].texts.emplace_back(text);
        return *this;
    }
    Zone& publish(const DkimIdentity& identity) {
        return publish(identity.selector + "._domainkey." + identity.domain, identity.key.record());
    }
    Zone& fail(std::string_view name, ErrorKind kind, std::string_view detail) {
        failures_[to_lower(name)] = Error{kind, std::string(detail)};
        return *this;
    }
    Zone& secure(std::string_view name, dns::Security security) {
        answers_[to_lower(name)].security = security;
        return *this;
    }

    Result<dns::Answer> operator()(const dns::Question& question) {
        questions.push_back(question.name);
        if (const auto failed = failures_.find(question.name); failed != failures_.end())
            return std::unexpected(failed->second);
        const auto found = answers_.find(question.name);
        if (found == answers_.end() || question.type != dns::RecordType::txt) return dns::Answer{.name_exists = false};
        return found->second;
    }

    std::vector<std::string> questions;  // asked so far

 private:
    std::map<std::string, dns::Answer> answers_;
    std::map<std::string, Error> failures_;
};

inline std::vector<DkimVerdict> verify(std::string_view content, Zone& zone, TimePoint at = now,
                                       std::size_t piece_octets = std::string_view::npos) {
    const auto header = mail::Header::parse(content).value();
    DkimVerifier verifier(header);
    for (std::string_view body = content.substr(header.body_offset()); !body.empty();) {
        verifier.update(body.substr(0, piece_octets));
        body.remove_prefix(std::min(body.size(), piece_octets));
    }
    return dns::run(verifier.finish(at), zone);
}

// The message with our signatures in front.
inline std::string sign(std::string_view content, const std::vector<DkimIdentity>& identities, TimePoint at = now,
                        std::size_t piece_octets = std::string_view::npos) {
    const auto header = mail::Header::parse(content).value();
    DkimSigner signer;
    for (std::string_view body = content.substr(header.body_offset()); !body.empty();) {
        signer.update(body.substr(0, piece_octets));
        body.remove_prefix(std::min(body.size(), piece_octets));
    }
    return signer.sign(header.fields(), identities, at).value().append(content);
}

// Keys take long to make: one of each kind for all tests of a program.
inline const DkimIdentity& rsa_identity() {
    static const DkimIdentity identity{"example.com", "r1", SigningKey::generate(SigningAlgorithm::rsa_sha256).value()};
    return identity;
}
inline const DkimIdentity& ed25519_identity() {
    static const DkimIdentity identity{"example.com", "e1",
                                       SigningKey::generate(SigningAlgorithm::ed25519_sha256).value()};
    return identity;
}

// Any DKIM-Signature, made with our Ed25519 key: for what the signer itself never does. `tags`: all but b=, in which
// "BODYHASH" stands for the right bh=; names, forms and limit: what is really signed.
struct HandMade {
    std::string tags = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e1; h=From; bh=BODYHASH";
    std::vector<std::string> names{"From"};
    Canonicalisation header_form = Canonicalisation::relaxed;
    Canonicalisation body_form = Canonicalisation::relaxed;
    std::uint64_t limit = BodyHasher::unlimited;
};
inline std::string sign_by_hand(std::string_view content, const HandMade& made,
                                const SigningKey& key = ed25519_identity().key) {
    const auto header = mail::Header::parse(content).value();
    BodyHasher body(made.body_form, made.limit);
    body.update(content.substr(header.body_offset()));
    std::string field = "DKIM-Signature: " + made.tags;
    if (const std::size_t at = field.find("BODYHASH"); at != std::string::npos)
        field.replace(at, 8, encode_base64(body.finish().digest));
    field += "; b=";
    std::string input;
    SignedFields(header.fields()).append(input, made.header_form, made.names);
    append_signature_field(input, made.header_form, field);
    return field + encode_base64(key.sign_digest(sha256_of(input)).value()) + "\r\n" + std::string(content);
}

}  // namespace relevo::mailauth::testing_peer
