// Mailboxes and paths as SMTP writes them. One parser for every use: envelope, header, policy, routing (security rows
// A10, A11).
#pragma once

#include "lib/base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace relevo::mail {

// Whether UTF-8 may stand in an address: only after SMTPUTF8 (RFC 6531 §3.3).
enum class Utf8 : bool { refused, allowed };

// A mailbox: local-part "@" domain, or local-part "@" address literal (RFC 5321 §4.1.2, RFC 6531 §3.3).
// Kept in one canonical spelling: the local part unquoted where its octets are a dot-string (else quoted with the
// fewest backslashes), its case kept; the domain in lower case, U-labels kept, without a final dot. Limits (§4.5.3.1):
// local part 64 octets, domain 255, address 254.
class Address {
 public:
    // Errors: invalid – not the grammar, or a form that other parsers read differently (source routes, comments,
    // encoded-words, control characters, two "@" outside quotes); detail says which. limit – too long.
    [[nodiscard]] static Result<Address> parse(std::string_view text, Utf8 utf8);

    [[nodiscard]] std::string_view local_part() const { return std::string_view(text_).substr(0, at_); }
    [[nodiscard]] std::string_view domain() const { return std::string_view(text_).substr(at_ + 1); }
    [[nodiscard]] const std::string& text() const { return text_; }
    // "[192.0.2.1]" or "[IPv6:2001:db8::1]" in place of a domain (§4.1.3; IPv6 as RFC 5952 spells it).
    [[nodiscard]] bool has_address_literal() const { return domain().starts_with('['); }
    // Any octet over 127: may go only to a server that offers SMTPUTF8 (the domain alone could travel as A-labels).
    [[nodiscard]] bool needs_smtputf8() const;

    friend bool operator==(const Address&, const Address&) = default;

 private:
    Address(std::string text, std::size_t at) : text_(std::move(text)), at_(at) {}
    std::string text_;
    std::size_t at_ = 0;  // place of the "@" that ends the local part
};

// The argument of MAIL: a mailbox, or `<>`, to which nothing is ever bounced (RFC 5321 §4.1.1.2, §4.5.5).
class ReversePath {
 public:
    ReversePath() = default;  // <>
    explicit ReversePath(Address address) : address_(std::move(address)) {}
    // `text` with its angle brackets. Errors: as Address::parse.
    [[nodiscard]] static Result<ReversePath> parse(std::string_view text, Utf8 utf8);

    [[nodiscard]] bool is_null() const { return !address_.has_value(); }
    // Only when !is_null().
    [[nodiscard]] const Address& address() const { return *address_; }  // NOLINT(bugprone-unchecked-optional-access)
    [[nodiscard]] std::string text() const { return address_ ? address_->text() : std::string(); }  // without brackets

    friend bool operator==(const ReversePath&, const ReversePath&) = default;

 private:
    std::optional<Address> address_;
};

// A domain name in the canonical spelling of Address: lower case, U-labels kept, no final dot (one is taken off; inside
// an address it is refused); at most 255 octets, labels of 1-63 octets of letters, digits, inner hyphens (underscores
// tolerated) or UTF-8. U-labels come out in their one valid spelling (NFC, lower case). Not a domain: a last label of
// digits only (RFC 3696 §2), and what UTS 46 would turn into other ASCII text (full-width letters, U+3002).
// Errors: invalid, limit.
[[nodiscard]] Result<std::string> parse_domain(std::string_view text, Utf8 utf8);

// The A-label form for DNS and for servers without SMTPUTF8 (RFC 5891, UTS 46 non-transitional). Errors: invalid.
[[nodiscard]] Result<std::string> to_ascii_domain(std::string_view domain);

// True if `domain` is `parent` or lies below it ("a.example.com" under "example.com"); both canonical.
[[nodiscard]] bool is_same_or_subdomain(std::string_view domain, std::string_view parent);

}  // namespace relevo::mail
