// For tests only: the canonical body by the letter of RFC 6376 §3.4.3 and §3.4.4, one step after the other on whole
// strings, to hold the fast one against.
#pragma once

#include "lib/mailauth/dkim_canonical.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth::reference {

inline std::vector<std::string> lines_of(std::string_view body, BareLineEnds bare_line_ends) {
    std::vector<std::string> lines(1);
    for (std::size_t at = 0; at < body.size(); ++at) {
        const bool pair = body.substr(at, 2) == "\r\n";
        const bool bare = !pair && (body[at] == '\r' || body[at] == '\n');
        if (pair || (bare && bare_line_ends == BareLineEnds::converted)) {
            lines.emplace_back();
            if (pair) ++at;
        } else {
            lines.back() += body[at];
        }
    }
    return lines;
}

inline std::string relaxed_line(std::string_view line) {
    std::string reduced;
    for (const char c : line) {
        const bool blank = c == ' ' || c == '\t';
        if (!blank)
            reduced += c;
        else if (!reduced.ends_with(' '))
            reduced += ' ';
    }
    if (reduced.ends_with(' ')) reduced.pop_back();
    return reduced;
}

inline std::string canonical_body(std::string_view body, Canonicalisation canonicalisation,
                                  BareLineEnds bare_line_ends) {
    std::vector<std::string> lines = lines_of(body, bare_line_ends);
    if (canonicalisation == Canonicalisation::relaxed)
        for (std::string& line : lines) line = relaxed_line(line);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    if (lines.empty()) return canonicalisation == Canonicalisation::simple ? "\r\n" : "";
    std::string text;
    for (const std::string& line : lines) text += line + "\r\n";
    return text;
}

}  // namespace relevo::mailauth::reference
