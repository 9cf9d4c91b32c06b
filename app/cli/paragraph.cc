#include "app/cli/paragraph.h"

#include "app/cli/table.h"
#include "lib/base/text.h"

namespace relevo::cli {

std::string paragraph(std::string_view lead, std::string_view text) {
    constexpr std::size_t text_limit_octets = 8192;
    const std::size_t indent = width_of(lead);
    const std::string clean = printable(text, text_limit_octets);
    std::string page;
    std::string line(lead);
    bool has_word = false;
    for (const std::string_view word : split(clean, ' ')) {
        if (word.empty()) continue;
        if (has_word && width_of(line) + 1 + width_of(word) > page_width) {
            page += line + "\n";
            line = std::string(indent, ' ');
            has_word = false;
        }
        if (has_word) line += ' ';
        line += word;
        has_word = true;
    }
    return page + line + "\n";
}

}  // namespace relevo::cli
