#include "app/lookups/report.h"

#include "app/cli/table.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace relevo::lookups {
namespace {

constexpr std::size_t value_limit_octets = 64UL * 1024;

// Blanks at the start of a line are part of it: steps are nested by them. So are those between words that stay on one
// line.
void append_wrapped(std::string& out, std::string_view line, std::size_t indent, std::size_t hanging) {
    const std::size_t lead = std::min(line.find_first_not_of(' '), line.size());
    indent += lead;
    line.remove_prefix(lead);
    std::string current(indent, ' ');
    bool is_empty = true;
    std::size_t blanks = 0;  // before the next word
    for (const std::string_view word : split(line, ' ')) {
        if (!word.empty()) {
            if (!is_empty && cli::width_of(current) + blanks + cli::width_of(word) > page_width) {
                out.append(current).append(1, '\n');
                current.assign(indent + hanging, ' ');
            } else {
                current.append(blanks, ' ');
            }
            current += word;
            is_empty = false;
            blanks = 0;
        }
        ++blanks;
    }
    if (!is_empty) out.append(current).append(1, '\n');
}

}  // namespace

void Page::heading(std::string_view title) { text_ += printable(title, value_limit_octets) + "\n"; }

void Page::paragraph(std::string_view text, std::size_t indent, std::size_t hanging) {
    for (std::string_view line : split(text, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        append_wrapped(text_, printable(line, value_limit_octets), indent, hanging);
    }
}

void Page::blank_line() { text_ += '\n'; }

void Findings::problem(std::string_view text) {
    has_problem_ = true;
    add("problems", "problem", text);
}

void Findings::warning(std::string_view text) { add("warnings", "warning", text); }

void Findings::add(std::string_view member, std::string_view label, std::string_view text) {
    boost::json::value& list = json[member];
    if (!list.is_array()) list.emplace_array();
    list.get_array().emplace_back(plain(text));
    page.paragraph(fmt::format("{}: {}", label, text), 0, 4);
}

Report Findings::take() && {
    json["problem_found"] = has_problem_;
    return {.json = std::move(json), .text = std::move(page).take(), .has_problem = has_problem_};
}

std::string plain(std::string_view text) { return printable(text, value_limit_octets); }

}  // namespace relevo::lookups
