#include "lib/tlspolicy/tlsa.h"

#include <cstdint>
#include <cstdlib>

// Whatever a zone holds can be told to a person, and nothing of it is lost. Security row F12.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view rdata(reinterpret_cast<const char*>(data), size);
    const auto record = relevo::tlspolicy::parse_tlsa(rdata);
    if (record.has_value() != (size >= 4)) std::abort();
    if (!record.has_value()) return 0;
    if (record->data.size() + 3 != size) std::abort();
    const std::string text =
        record->text(16) + problem_of(*record) + usage_name(*record) + selector_name(*record) + matching_name(*record);
    if (text.size() > 400) std::abort();
    return 0;
}
