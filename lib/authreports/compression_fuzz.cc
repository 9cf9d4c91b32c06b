// Fuzz target F13, gzip and zip files: never more than the bounds allow, and packing is undone exactly.
#include "lib/authreports/compression.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::authreports;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    constexpr UnpackBounds bounds{.in = 65'536, .out = 1'000'000};
    if (const auto unpacked = unpack(input, bounds)) {
        if (unpacked->size() > std::max(bounds.in, bounds.out)) std::abort();
    } else if (unpacked.error().detail.empty()) {
        std::abort();
    }
    // The input itself may be packed, so one layer only.
    if (!input.starts_with("\x1F\x8B") && !input.starts_with("PK\x03\x04") && unpack(gzip(input)).value() != input)
        std::abort();
    return 0;
}
