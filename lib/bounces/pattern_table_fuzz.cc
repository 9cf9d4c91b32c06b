// Fuzz target: a pattern file of an operator, and a text that is held against it. The last line is the text.
#include "lib/bounces/pattern_table.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::bounces;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t last = input.rfind('\n');
    const auto table = PatternTable::parse(input.substr(0, last));
    if (!table) {
        if (table.error().detail.empty()) std::abort();
        return 0;
    }
    const std::string_view text = last == std::string_view::npos ? input : input.substr(last + 1);
    for (const bool of_provider : {true, false}) {
        const Pattern* found = table->find(PatternKind::reply, text, of_provider, {});
        if (found != nullptr && found->is_of_provider() != of_provider) std::abort();
    }
    // Every pattern without wildcards finds itself, or one before it.
    for (const Pattern& pattern : table->patterns()) {
        std::string_view itself = pattern.text;
        if (itself.starts_with('^')) itself.remove_prefix(1);
        if (itself.find('*') != std::string_view::npos || pattern.only_its_own || itself.front() == ' ') continue;
        const Pattern* found = table->find(pattern.kind, itself, pattern.is_of_provider(), {});
        if (found == nullptr || found->line > pattern.line) std::abort();
    }
    return 0;
}
