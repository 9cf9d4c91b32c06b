// The forms of a message that signatures are computed over (RFC 6376 §3.4), for DKIM and ARC alike.
#pragma once

#include "lib/mail/message.h"
#include "lib/mailauth/sha256.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo::mailauth {

enum class Canonicalisation : std::uint8_t { simple, relaxed };
[[nodiscard]] std::string_view name_of(Canonicalisation canonicalisation);

// What a CR without LF, or an LF without CR, is in a body.
enum class BareLineEnds : std::uint8_t {
    converted,  // a line end: "MUST be converted to the SMTP-standard CRLF sequence before the message is signed"
                // (§5.3); so does our own delivery
    literal     // an octet like any other: content that travels as BINARYMIME
};

struct BodyHash {
    std::string digest;                  // SHA-256 of the canonical body, or of its first octets
    std::uint64_t canonical_octets = 0;  // of the whole body
    std::uint64_t hashed_octets = 0;     // less than canonical_octets if the limit of l= left some out
};

// The body hash (§3.4.3, §3.4.4, §3.7) of a body that streams in, from behind the empty line that ends the header
// section. Any split of the stream gives the same. Memory: 8 KiB, whatever the body. Threads: none.
class BodyHasher {
 public:
    static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

    // `limit_octets`: the value of l=.
    explicit BodyHasher(Canonicalisation canonicalisation, std::uint64_t limit_octets = unlimited,
                        BareLineEnds bare_line_ends = BareLineEnds::converted);
    void update(std::string_view piece);
    // The body has ended. Afterwards the object is as new and may hash the next body.
    [[nodiscard]] BodyHash finish();

 private:
    // Seen, but not written yet, in this order: it vanishes at the end of the body, or at the end of a line.
    struct Held {
        std::uint64_t line_ends = 0;
        bool space = false;
        bool cr = false;
    };

    void take_plain(std::string_view run);
    void take_blanks(std::string_view text);
    void take_odd(std::string_view octets);
    void write_line_ends(std::uint64_t count);
    void write(std::string_view octets);
    void hash_buffer();

    Canonicalisation canonicalisation_;
    BareLineEnds bare_line_ends_;
    std::uint64_t limit_octets_;
    Sha256 hash_;
    std::string buffer_;                  // canonical octets that wait to be hashed together
    std::uint64_t canonical_octets_ = 0;  // written so far, beyond the limit too
    std::uint64_t hashed_octets_ = 0;     // in hash_ or buffer_
    Held held_;
};

// Appends one header field (§3.4.1, §3.4.2), its CRLF included. `raw` as mail::Field has it; a last CRLF that is
// missing is added; a bare LF is a line end, as it is to mail::Header, a bare CR an octet like any other.
void append_canonical_field(std::string& out, Canonicalisation canonicalisation, std::string_view raw);

// Appends a DKIM-Signature, ARC-Message-Signature or ARC-Seal as it is hashed for itself: "with the value of the 'b='
// tag (including all surrounding whitespace) deleted", and without the last CRLF (§3.7).
void append_signature_field(std::string& out, Canonicalisation canonicalisation, std::string_view raw);

// Finds the fields that h= names. Built once per message, used for every signature. `fields`: the whole header section
// from the top down; what they view must outlive it. Threads: any, once built.
class SignedFields {
 public:
    explicit SignedFields(std::span<const mail::Field> fields);
    // Appends the fields named, each in canonical form: of several with one name the last one first, then the one above
    // it, and nothing once there is none left (§5.4.2). Names in any case. `own`: the raw field of the signature that
    // is checked, which did not exist when it was made. Linear in the octets of both.
    void append(std::string& out, Canonicalisation canonicalisation, const std::vector<std::string>& names,
                std::string_view own = {}) const;
    // How many fields have this name, given in lower case.
    [[nodiscard]] std::size_t count(const std::string& lower_case_name) const;

 private:
    std::unordered_map<std::string, std::vector<std::string_view>> raw_by_name_;  // from the top down
};

}  // namespace relevo::mailauth
