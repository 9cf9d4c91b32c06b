#include "core/accounts/token.h"

#include "lib/base/base64.h"

#include <sodium.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t api_key_secret_digits = api_key_octets - api_key_marker.size() - api_key_prefix_digits;
constexpr std::size_t session_digits = 52;
constexpr std::size_t one_time_digits = 32;
static_assert(api_key_secret_digits * 5 >= 160);

}  // namespace

TokenHash token_hash(std::string_view token) {
    TokenHash hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(token.data()), token.size());
    return hash;
}

std::string token_hash_text(std::string_view token) { return token_hash_text(token_hash(token)); }

std::string token_hash_text(const TokenHash& hash) {
    return encode_base64({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

Result<TokenHash> parse_token_hash(std::string_view text) {
    RELEVO_TRY(const std::string octets, decode_base64(text));
    TokenHash hash{};
    if (octets.size() != hash.size()) return failure(ErrorKind::invalid, "a hash in the store is damaged");
    std::ranges::copy(octets, hash.begin());
    return hash;
}

bool equal_secrets(std::string_view a, std::string_view b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string generate_api_key(const RandomSource& random) {
    return std::string(api_key_marker) + random_digits(random, api_key_prefix_digits + api_key_secret_digits);
}

std::string generate_session_token(const RandomSource& random) { return random_digits(random, session_digits); }

std::string generate_one_time_token(const RandomSource& random) { return random_digits(random, one_time_digits); }

}  // namespace relevo
