// A message from its parts, as programs give them.
#pragma once

#include "lib/base/result.h"
#include "lib/mail/address.h"

#include <string>
#include <utility>
#include <vector>

namespace relevo::mime {

struct Mailbox {
    std::string name{};  // of the person, UTF-8; may be empty
    mail::Address address;
};

struct Attachment {
    std::string file_name{};   // UTF-8, no path
    std::string type{};        // "application/pdf"
    std::string content{};     // octets
    std::string content_id{};  // without angle brackets; not empty: the HTML text shows it ("cid:…")
};

struct Composition {
    Mailbox from;
    std::vector<Mailbox> to{}, cc{}, reply_to{};
    std::string subject{};
    std::string text{}, html{};                                 // UTF-8; one of them at least
    std::vector<std::pair<std::string, std::string>> fields{};  // further ones, in order
    std::vector<Attachment> attachments{};
};

// Why a composition is none: the field, as the caller may call it, and a sentence.
struct CompositionProblem {
    std::string part;  // "subject", "from", "to", "fields/X-Id", "attachments/0"
    std::string detail;
};

// The message with CRLF line ends, lines of at most 998 octets and 7-bit content, without Date, Message-ID and Bcc.
// Text is quoted-printable where it must be. Alternatives, inline pictures and attachments are nested as RFC 2046 and
// RFC 2387 have it. Fields that say who sent what to whom, or that the message's structure needs, cannot be among
// `fields`.
[[nodiscard]] std::expected<std::string, CompositionProblem> compose(const Composition& composition);

}  // namespace relevo::mime
