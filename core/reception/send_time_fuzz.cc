// A time that is understood is understood the same when it is written as we write it.
#include "core/reception/send_time.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto time = relevo::parse_send_time(text);
    if (!time.has_value()) return 0;
    const auto again = relevo::parse_send_time(relevo::send_time_text(*time));
    if (!again.has_value() || *again != std::chrono::floor<std::chrono::seconds>(*time)) std::abort();
    return 0;
}
