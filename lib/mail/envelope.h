// The envelope of a mail object (RFC 5321 §2.3.1): who it is from, whom it goes to, and what the two asked for.
#pragma once

#include "lib/mail/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relevo::mail {

// BODY= (RFC 6152, RFC 3030): what the content may hold beyond 7-bit lines of at most 998 octets.
enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime, binary_mime };

// RET= (RFC 3461 §4.3): what a DSN of failure should return.
enum class DsnReturn : std::uint8_t { unspecified, full, headers };

// NOTIFY= (RFC 3461 §4.1) as a set.
struct DsnNotify {
    static constexpr std::uint8_t success = 1;
    static constexpr std::uint8_t failure = 2;
    static constexpr std::uint8_t delay = 4;
    static constexpr std::uint8_t never = 8;
    std::uint8_t bits = 0;  // 0: not given, which means failure and, at our choice, delay
    [[nodiscard]] bool wants(std::uint8_t kind) const {
        return bits == 0 ? (kind & (failure | delay)) != 0 : (bits & kind) != 0;
    }
    friend bool operator==(DsnNotify, DsnNotify) = default;
};

struct Recipient {
    Address address;
    DsnNotify notify;
    std::string
        original_recipient;  // ORCPT as given, still xtext: "rfc822;a+2Bb@example.com" (RFC 3461 §4.2); empty if none
};

struct Envelope {
    ReversePath reverse_path;
    std::vector<Recipient> recipients;
    BodyType body = BodyType::seven_bit;
    bool smtputf8 = false;
    DsnReturn dsn_return = DsnReturn::unspecified;
    std::string envelope_id;    // ENVID as given, still xtext (RFC 3461 §4.4); empty if none
    bool require_tls = false;   // REQUIRETLS (RFC 8689 §4)
    bool tls_optional = false;  // the header says "TLS-Required: No" (§5); never with require_tls
};

}  // namespace relevo::mail
