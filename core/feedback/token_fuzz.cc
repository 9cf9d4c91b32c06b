// Any text is read in bounded time, and only what was made is a token. Security rows B9, E7.
#include "core/feedback/token.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace relevo;
    TokenKeys::Key key{.id = 'k', .octets = {}, .created_at = {}};
    key.octets.fill('x');
    const auto keys = TokenKeys::of({key});
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const TokenPurpose purpose :
         {TokenPurpose::return_path, TokenPurpose::unsubscribe, TokenPurpose::unsubscribe_address})
        if (const auto token = read_token(*keys, purpose, text))
            if (make_token(*keys, purpose, *token).size() != text.size()) std::abort();
    return 0;
}
