// Any text gives either a table that answers, or problems that name their place.
#include "app/configuration/shaping_file.h"

#include "lib/base/text.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto table = configuration::parse_shaping(text, "f");
    if (!table) {
        for (const std::string_view line : split(table.error().detail, '\n'))
            if (!line.starts_with("f:") || line.size() < 8 || !is_utf8(line)) std::abort();
        return 0;
    }
    for (const shaping::Rule& rule : table->rules()) {
        const shaping::ShapingQuery query{.domain = rule.selectors.domain,
                                          .site = rule.selectors.site,
                                          .provider = rule.selectors.provider,
                                          .source = rule.selectors.source,
                                          .pool = rule.selectors.pool,
                                          .tenant = rule.selectors.tenant};
        // What is explained is what is in force.
        const auto limits = query.tenant.empty() ? table->limits(query) : table->tenant_limits(query).value();
        std::size_t explained = 0, in_force = 0;
        shaping::for_each_limit(
            [&](std::string_view, auto member) { in_force += (limits.*member).has_value() ? 1 : 0; });
        explained = table->explain(query).size();
        // A tenant's throttle never adapts, which no rule says.
        if (query.tenant.empty() ? explained != in_force : explained > in_force) std::abort();
    }
    return 0;
}
