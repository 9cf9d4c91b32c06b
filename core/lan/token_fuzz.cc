// Whatever is taken for a token is written as a token that means the same.
#include "core/lan/token.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto token = parse_lan_token(text);
    if (token.has_value()) {
        const auto again = parse_lan_token(text_of(*token));
        if (!again.has_value() || *again != *token) std::abort();
    }
    const auto request = parse_enrolment_password(text);
    if (request && enrolment_password(request->secret, request->new_password) != text) std::abort();
    return 0;
}
