// Text as 7-bit: quoted-printable bodies (RFC 2045 §6.7) and encoded-words (RFC 2047).
#pragma once

#include <string>
#include <string_view>

namespace relevo::mail {

// Lines end with CRLF and stay line ends; every encoded line is at most 76 octets.
[[nodiscard]] std::string encode_quoted_printable(std::string_view text);

// Unstructured UTF-8 text for a header field whose name takes `column` octets with its colon and space. As it is if
// ASCII; else encoded-words of at most 75 octets, no character cut, folded.
[[nodiscard]] std::string encode_header_text(std::string_view text, std::size_t column);

}  // namespace relevo::mail
