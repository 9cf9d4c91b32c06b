// Key records (RFC 6376 §3.6, RFC 8301, RFC 8463): reading them, asking for them, and checking a signature with one.
// DKIM and ARC share them.
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/results.h"
#include "lib/mailauth/verification_key.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

inline constexpr unsigned least_rsa_key_bits = 1024;  // RFC 8301 §3.2
inline constexpr unsigned most_rsa_key_bits = 4096;

// One TXT record that is a key.
struct DkimKeyRecord {
    SigningAlgorithm algorithm = SigningAlgorithm::rsa_sha256;  // k=, with the one hash there is for it
    std::optional<VerificationKey> key;                         // nothing: p= is empty, the key is revoked
    bool allows_sha256 = true;                                  // h=
    bool serves_email = true;                                   // s=
    bool is_testing = false;                                    // t=y
    bool forbids_subdomains = false;                            // t=s: the domain of i= must be that of d=

    // Errors: invalid – not a key record of version DKIM1, k= is unknown, p= is missing or is no key; longer than 16
    // KiB.
    [[nodiscard]] static Result<DkimKeyRecord> parse(std::string_view text);
};

struct DkimKeys {
    std::vector<DkimKeyRecord> records;  // at least one; at most 4 of several that stand at one name (§3.6.2.2)
    dns::Security security = dns::Security::insecure;
};

// "selector._domainkey.example.com" in A-labels (RFC 8616 §4). Errors: invalid – no domain name comes out of it.
[[nodiscard]] Result<std::string> dkim_key_name(std::string_view selector, std::string_view domain);

// Asks for the TXT records at `key_name`. Errors, whose detail is for a person: not_found – there is no record. invalid
// – none of the records is a key. temporary – the DNS did not answer, or DNSSEC says that the answer is false.
[[nodiscard]] dns::Inquiry<Result<DkimKeys>> fetch_dkim_keys(std::string key_name);
// What a failure of fetch_dkim_keys() means for the signature: permerror or temperror.
[[nodiscard]] DkimResult result_of(const Error& key_problem);

struct KeyCheck {
    DkimResult result = DkimResult::none;  // pass; fail: not the owner's signature. policy: too weak or too long a key.
                                           // permerror: revoked, another k= than a=, or h= or s= exclude this use
    std::string reason;                    // for a person; "" with pass
    unsigned key_bits = 0;                 // of an RSA key
    bool is_testing = false;
    bool forbids_subdomains = false;
};
// `algorithm`, `signature` (raw octets) as the signature says; `digest` is the SHA-256 of its header hash input. The
// outcome with the first record that passes, else with the first one (RFC 6376 §6.1.2).
[[nodiscard]] KeyCheck check_with_keys(const DkimKeys& keys, SigningAlgorithm algorithm, std::string_view digest,
                                       std::string_view signature);

}  // namespace relevo::mailauth
