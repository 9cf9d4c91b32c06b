// The parts of a mail that came back, decoded: what a program or a person wrote about it, and what is left of the
// message that it speaks of.
#pragma once

#include "lib/base/octets.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

struct MailPart {
    std::string type;     // "text/plain", "message/delivery-status", …; lower case
    std::string content;  // without transfer encoding; text as UTF-8 where its charset is known, HTML as plain text
    bool is_returned = false;  // it is, or begins, the returned message: header fields first
};

struct PartBounds {
    // What matters stands in front: behind these, a mail is not looked at.
    Octets message = 1 * mebibyte;
    Octets part = 256 * kibibyte;
    std::size_t parts = 50;
    std::size_t depth = 16;
    // Lines that begin with "--", as boundaries do: GMime compares each with all that are open.
    std::size_t delimiters = 500;
};

// In the order of the mail; attachments that are no text are left out. Anything is a mail: what has no structure is one
// part of text/plain. Never descends into a returned message.
[[nodiscard]] std::vector<MailPart> mail_parts(std::string_view content, const PartBounds& bounds);

// Markup taken off, and the commonest entities read; line ends where the page has them.
[[nodiscard]] std::string text_of_html(std::string_view html);

}  // namespace relevo::bounces
