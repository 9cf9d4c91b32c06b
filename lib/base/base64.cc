#include "lib/base/base64.h"

#include <sodium.h>

namespace relevo {

std::string encode_base64(std::string_view octets) {
    // sodium_base64_ENCODED_LEN counts the terminating NUL.
    std::string text(sodium_base64_ENCODED_LEN(octets.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    text.pop_back();
    return text;
}

Result<std::string> decode_base64(std::string_view text) {
    std::string octets(text.size() / 4 * 3 + 3, '\0');
    std::size_t length = 0;
    const char* end = nullptr;
    const int failed = sodium_base642bin(reinterpret_cast<unsigned char*>(octets.data()), octets.size(), text.data(),
                                         text.size(), nullptr, &length, &end, sodium_base64_VARIANT_ORIGINAL);
    if (failed != 0 || end != text.data() + text.size())
        return failure(ErrorKind::invalid, "not base 64 (RFC 4648 §4)");
    octets.resize(length);
    return octets;
}

}  // namespace relevo
