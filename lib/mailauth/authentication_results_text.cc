#include "lib/mailauth/authentication_results_text.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::mailauth {
namespace {

bool is_alphanumeric(char c) { return is_alpha(c) || is_digit(c); }

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool is_token_character(char c) { return c > ' ' && c < 0x7F && !is_one_of(c, "()<>@,;:\\\"/[]?="); }

bool is_atom_character(char c) { return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~"); }

bool is_sub_domain(std::string_view label) {  // RFC 5321 §4.1.2
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, is_keyword_character);
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_character); }

bool is_keyword_character(char c) { return is_alphanumeric(c) || c == '-'; }

bool is_keyword(std::string_view text) {
    return !text.empty() && text.back() != '-' && std::ranges::all_of(text, is_keyword_character);
}

bool is_dot_atom(std::string_view text) {
    return std::ranges::all_of(split(text, '.'), [](std::string_view atom) {
        return !atom.empty() && std::ranges::all_of(atom, is_atom_character);
    });
}

bool is_domain_name(std::string_view text) {
    const auto labels = split(text, '.');
    return labels.size() > 1 && std::ranges::all_of(labels, is_sub_domain);
}

bool is_harmless(char c) { return c >= ' ' && c < 0x7F && !is_one_of(c, "();\"\\"); }

std::string comment_text(std::string_view text) {
    std::string words;
    for (const char c : text) {
        const bool is_space = is_one_of(c, " \t\r\n");
        if (is_space && (words.empty() || words.back() == ' ')) continue;
        if (c == ';')
            words += ',';  // as in "2048-bit key; unprotected"
        else
            words += is_space ? ' ' : is_harmless(c) ? c : '?';
    }
    if (words.ends_with(' ')) words.pop_back();
    return words;
}

}  // namespace relevo::mailauth
