// The DKIM-Signature field (RFC 6376 §3.5, RFC 8616), and the ARC-Message-Signature that looks nearly the same.
#pragma once

#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/results.h"
#include "lib/mailauth/signing_key.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

enum class SignatureForm : std::uint8_t {
    dkim,
    arc_message,  // RFC 8617 §4.1.2: no v=, and i= is the instance, which is left to the caller
};

// What a signature says, as far as it could be read.
struct DkimSignature {
    // none: it can be checked. neutral: its syntax is wrong, or it is of a kind that nobody defined. policy: rsa-sha1
    // (RFC 8301 §3.1). permerror: it contradicts itself or the standard.
    DkimResult problem = DkimResult::none;
    std::string reason;  // for a person; "" without a problem

    std::string algorithm_name;  // a=, in lower case
    SigningAlgorithm algorithm = SigningAlgorithm::rsa_sha256;
    Canonicalisation header_form = Canonicalisation::simple;
    Canonicalisation body_form = Canonicalisation::simple;
    std::string domain;    // d=, canonical A-labels
    std::string selector;  // s=, the same
    std::string key_name;  // where the key record is
    std::string identity;  // i=, its domain in A-labels, without control characters; "@" and d= without i=
    std::vector<std::string> signed_names;               // h=, at most 1,000
    std::optional<std::uint64_t> body_octets;            // l=
    std::optional<std::chrono::sys_seconds> signed_at;   // t=
    std::optional<std::chrono::sys_seconds> expires_at;  // x=
    std::string body_hash;                               // bh=, raw octets
    std::string signature;                               // b=, raw octets
    std::string signature_text;                          // b=, base 64 without white space

    // `field_value`: behind the colon. Reads on after the first problem, so that domain and selector can be reported.
    [[nodiscard]] static DkimSignature read(std::string_view field_value, SignatureForm form);

    // Where the identity is: the domain of i=, which must be d= or below it.
    [[nodiscard]] std::string_view identity_domain() const;
};

// Whether t= and x= allow the signature at `now`: none, or policy with a reason. Five minutes are granted to clocks.
struct TimeCheck {
    DkimResult result = DkimResult::none;
    std::string reason;
};
[[nodiscard]] TimeCheck check_times(const DkimSignature& signature, std::chrono::system_clock::time_point now);

}  // namespace relevo::mailauth
