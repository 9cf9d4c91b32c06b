#include "app/configuration/manual_text.h"

#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {
namespace {

enum class Hyphens : bool { as_hyphens, as_minus };  // a minus can be copied into a shell

std::string escaped(std::string_view text, Hyphens hyphens) {
    std::string roff;
    bool is_bold = false;
    for (const char c : text) {
        if (c == '\\') {
            roff += "\\(rs";
        } else if (c == '`') {
            is_bold = !is_bold;
            roff += is_bold ? "\\fB" : "\\fP";
        } else if (c == '-' && (is_bold || hyphens == Hyphens::as_minus)) {
            roff += "\\-";
        } else if (c == '\'') {
            roff += "\\(aq";
        } else if (c == '~') {
            roff += "\\(ti";
        } else if (c == '^') {
            roff += "\\(ha";
        } else {
            roff += c == '\n' ? ' ' : c;
        }
    }
    if (is_bold) roff += "\\fP";
    return roff;
}

// An argument of a macro.
std::string quoted(std::string_view text) {
    std::string roff = escaped(text, Hyphens::as_minus);
    for (std::size_t at = 0; (at = roff.find('"', at)) != std::string::npos; at += 4) roff.replace(at, 1, "\\(dq");
    return '"' + roff + '"';
}

// A line that begins with a point or an apostrophe would be a request.
std::string line_of(std::string_view text) {
    const std::string roff = escaped(trimmed(text), Hyphens::as_hyphens);
    return (roff.starts_with('.') ? "\\&" : "") + roff + "\n";
}

}  // namespace

ManualText::ManualText(std::string_view name, std::string_view section, std::string_view summary) {
    page_ =
        fmt::format(".TH {} {} \"\" \"Relevo {}\" \"Relevo\"\n.SH NAME\n{} \\- {}\n", quoted(to_upper(name)), section,
                    RELEVO_VERSION, escaped(name, Hyphens::as_minus), escaped(summary, Hyphens::as_hyphens));
}

void ManualText::heading(std::string_view words) {
    page_ += ".SH " + quoted(words) + "\n";
    is_below_heading_ = true;
}

void ManualText::subheading(std::string_view words) {
    page_ += ".SS " + quoted(words) + "\n";
    is_below_heading_ = true;
}

void ManualText::paragraph(std::string_view text) {
    page_ += (is_below_heading_ ? "" : ".PP\n") + line_of(text);
    is_below_heading_ = false;
}

void ManualText::item(std::string_view term, std::string_view value, std::string_view text) {
    page_ += value.empty() ? fmt::format(".TP\n.B {}\n", quoted(term))
                           : fmt::format(".TP\n.BI {} {}\n", quoted(std::string(term) + " "), quoted(value));
    page_ += line_of(text);
    is_below_heading_ = false;
}

void ManualText::begin_indent() { page_ += ".RS\n"; }

void ManualText::end_indent() { page_ += ".RE\n"; }

}  // namespace relevo
