#include "lib/sasl/mechanism.h"

#include <gsasl.h>
#include <sodium.h>

#include <array>

namespace relevo::sasl {
namespace {

constexpr std::size_t key_octets = GSASL_HASH_SHA256_SIZE;
constexpr std::size_t decoy_salt_octets = 16;

std::string keyed_hash(std::string_view key, std::string_view purpose, std::string_view text) {
    const auto octets = [](std::string_view part) { return reinterpret_cast<const unsigned char*>(part.data()); };
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, octets(key), key.size());
    crypto_auth_hmacsha256_update(&state, octets(purpose), purpose.size());
    crypto_auth_hmacsha256_update(&state, octets(text), text.size());
    std::string hash(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(hash.data()));
    sodium_memzero(&state, sizeof state);
    return hash;
}

}  // namespace

ScramVerifier make_scram_verifier(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    // libgsasl takes the password as a C string: a NUL would cut it short.
    if (iterations == 0 || password.empty() || password.find('\0') != std::string_view::npos) return {};
    std::string terminated(password);
    std::array<char, key_octets> salted, client_key, server_key, stored_key;
    const int code =
        gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, terminated.c_str(), iterations, salt.data(), salt.size(),
                                          salted.data(), client_key.data(), server_key.data(), stored_key.data());
    ScramVerifier verifier;
    if (code == GSASL_OK)
        verifier = {.iterations = iterations,
                    .salt = std::string(salt),
                    .stored_key = std::string(stored_key.data(), key_octets),
                    .server_key = std::string(server_key.data(), key_octets)};
    sodium_memzero(terminated.data(), terminated.size());
    sodium_memzero(salted.data(), salted.size());
    sodium_memzero(client_key.data(), client_key.size());
    return verifier;
}

ScramVerifier decoy_verifier(std::string_view user, std::string_view server_secret) {
    ScramVerifier verifier{.iterations = scram_iterations,
                           .salt = keyed_hash(server_secret, "scram decoy salt:", user),
                           .stored_key = keyed_hash(server_secret, "scram decoy stored key:", user),
                           .server_key = keyed_hash(server_secret, "scram decoy server key:", user)};
    verifier.salt.resize(decoy_salt_octets);
    return verifier;
}

}  // namespace relevo::sasl
