// Which texts may stand where in an Authentication-Results field: shared by its writer and its reader.
#pragma once

#include <string>
#include <string_view>

namespace relevo::mailauth {

// RFC 2045 §5.1: printable ASCII but tspecials.
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] bool is_keyword_character(char c);  // RFC 5321 §4.1.2 Ldh-str
[[nodiscard]] bool is_keyword(std::string_view text);
[[nodiscard]] bool is_dot_atom(std::string_view text);     // RFC 5322 §3.2.3
[[nodiscard]] bool is_domain_name(std::string_view text);  // RFC 6376 §3.5: two or more sub-domains
// Printable ASCII that ends no value in any reader, be it as naive as to look for ";" or "(" alone.
[[nodiscard]] bool is_harmless(char c);
// What stands in parentheses: nothing in it is syntax, white space is one space.
[[nodiscard]] std::string comment_text(std::string_view text);

}  // namespace relevo::mailauth
