#include "lib/mime/header_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// Whatever a field holds, its text has no control characters.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = relevo::mime::header_text(std::string_view(reinterpret_cast<const char*>(data), size));
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (std::ranges::any_of(text, is_control)) std::abort();
    return 0;
}
