#include "lib/webauthn/cbor_bounds.h"

#include <cstdint>

namespace relevo::webauthn {
namespace {

constexpr int depth_limit = 4;  // Client to Authenticator Protocol 2.1 §8
// RFC 8949 §3.1
constexpr unsigned octet_string = 2, text_string = 3, array = 4, map = 5, tag = 6;
constexpr unsigned first_long = 24, last_long = 27;

struct Head {
    unsigned major;
    std::uint64_t value;
};

// Takes it off the front of `rest`.
std::optional<Head> take_head(std::string_view& rest) {
    if (rest.empty()) return std::nullopt;
    const unsigned first = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    const unsigned info = first & 0x1FU;
    Head head{.major = first >> 5U, .value = info};
    if (info < first_long) return head;
    if (info > last_long) return std::nullopt;
    const std::size_t length = std::size_t{1} << (info - first_long);
    if (rest.size() < length) return std::nullopt;
    head.value = 0;
    for (const char octet : rest.substr(0, length)) head.value = head.value << 8U | static_cast<unsigned char>(octet);
    rest.remove_prefix(length);
    return head;
}

bool skip_item(std::string_view& rest, int depth) {
    const auto head = take_head(rest);
    if (!head || head->major == tag) return false;
    if (head->major == octet_string || head->major == text_string) {
        if (head->value > rest.size()) return false;
        rest.remove_prefix(head->value);
        return true;
    }
    if (head->major != array && head->major != map) return true;
    const std::uint64_t each = head->major == map ? 2 : 1;
    if (depth == 0 || head->value > rest.size() / each) return false;
    for (std::uint64_t left = head->value * each; left > 0; --left)
        if (!skip_item(rest, depth - 1)) return false;
    return true;
}

}  // namespace

std::optional<std::size_t> cbor_item_size(std::string_view octets) {
    std::string_view rest = octets;
    if (!skip_item(rest, depth_limit)) return std::nullopt;
    return octets.size() - rest.size();
}

}  // namespace relevo::webauthn
