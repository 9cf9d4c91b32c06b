// Security row F22: any text gives either a configuration or problems that name their place; what is shown of a
// configuration parses to the same values.
#include "app/configuration/configuration.h"

#include "app/configuration/reference.h"
#include "lib/base/text.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto configuration = parse_configuration(text, "f");
    if (!configuration) {
        for (const std::string_view line : split(configuration.error().detail, '\n'))
            if (!line.starts_with("f:") || line.size() < 8 || !is_utf8(line)) std::abort();
        return 0;
    }
    const auto again = parse_configuration(write_configuration(*configuration), "f");
    if (!again) {
        // A password is shown masked, so it is there both times or neither.
        std::abort();
    }
    const auto first = settings_in_force(*configuration);
    const auto second = settings_in_force(*again);
    if (first.size() != second.size()) std::abort();
    for (std::size_t i = 0; i < first.size(); ++i)
        if (first[i].value != second[i].value || first[i].path != second[i].path) std::abort();
    return 0;
}
