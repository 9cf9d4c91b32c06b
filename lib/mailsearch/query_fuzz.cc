// Any text is a query or an error that says why; a query is the same in either case.
#include "lib/mailsearch/query.h"

#include "lib/base/text.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace relevo;
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto query = mailsearch::parse_query(text);
    const auto lower = mailsearch::parse_query(to_lower(text));
    require(query.has_value() == lower.has_value());
    if (!query.has_value()) {
        require(!query.error().detail.empty());
        return 0;
    }
    require(query->to.exact == lower->to.exact && query->from.prefix == lower->from.prefix && query->id == lower->id);
    require(query->after == lower->after && query->before == lower->before && query->state == lower->state);
    require(query->subject.size() == lower->subject.size() && query->tags.size() == lower->tags.size());
    if (!query->to.exact.empty() && query->to.domain.empty()) require(query->to.matches(query->to.exact));
    return 0;
}
