#include "core/webhooks/signature.h"

#include "lib/base/base64.h"

#include <sodium.h>

#include <array>
#include <cstddef>

namespace relevo {
namespace {

constexpr std::string_view secret_marker = "whsec_";
constexpr std::size_t secret_octets = 32;
constexpr std::size_t least_octets = 24;  // what the specification asks for

std::string hmac_sha256(std::string_view key, std::string_view text) {
    crypto_auth_hmacsha256_state state;
    const auto octets = [](std::string_view view) { return reinterpret_cast<const unsigned char*>(view.data()); };
    crypto_auth_hmacsha256_init(&state, octets(key), key.size());
    crypto_auth_hmacsha256_update(&state, octets(text), text.size());
    std::string code(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(code.data()));
    return code;
}

}  // namespace

std::string generate_webhook_secret(const RandomSource& random) {
    std::array<std::byte, secret_octets> octets{};
    random(octets);
    return std::string(secret_marker) + encode_base64({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

Result<std::string> webhook_signature(const std::vector<std::string>& secrets, std::string_view id,
                                      std::int64_t timestamp, std::string_view body) {
    std::string text(id);
    text.append(".").append(std::to_string(timestamp)).append(".").append(body);
    std::string signatures;
    for (const std::string& secret : secrets) {
        const auto key = secret.starts_with(secret_marker) ? decode_base64(secret.substr(secret_marker.size()))
                                                           : failure(ErrorKind::invalid, "");
        if (!key.has_value() || key->size() < least_octets)
            return failure(ErrorKind::invalid, "a secret of the webhook is damaged: rotate it twice");
        signatures += (signatures.empty() ? "v1," : " v1,") + encode_base64(hmac_sha256(*key, text));
    }
    return signatures;
}

}  // namespace relevo
