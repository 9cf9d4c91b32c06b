// Fuzz target: any text as a token of links. What is read is what was made, and nothing is made without the key.
#include "core/tracking/token.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo;
    static const auto keys = [] {
        TokenKeys::Key key{.id = 7};
        key.octets.fill(0x5A);
        return TokenKeys::of({key});
    }();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const TrackedKind kind : {TrackedKind::open, TrackedKind::click})
        if (const auto token = read_tracking_token(*keys, kind, text);
            token && make_tracking_token(*keys, kind, *token) != text)
            std::abort();
    return 0;
}
