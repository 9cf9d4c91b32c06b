#include "core/tenancy/secret.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace relevo {

namespace {

constexpr std::string_view readable_digits = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32
constexpr std::size_t password_length = 26;
constexpr std::size_t shortest_chosen_password = 12;
constexpr std::size_t longest_password = 128;
constexpr std::size_t scram_salt_octets = 16;
constexpr std::string_view scram_scheme = "SCRAM-SHA-256$";

Result<void> check_password_text(std::string_view password) {
    if (password.size() < shortest_chosen_password || password.size() > longest_password)
        return failure(ErrorKind::invalid, "the password has " + std::to_string(password.size()) +
                                               " characters: use 12 to 128, or let Relevo make one");
    const bool printable = std::ranges::all_of(password, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!printable)
        return failure(ErrorKind::invalid,
                       "the password holds a space, a control character or a letter outside ASCII: use printable "
                       "ASCII, or let Relevo make one");
    return {};
}

}  // namespace

RandomSource system_random() {
    if (sodium_init() < 0) std::abort();  // no source of randomness: nothing here would be safe
    return [](std::span<std::byte> octets) { randombytes_buf(octets.data(), octets.size()); };
}

std::string random_digits(const RandomSource& random, std::size_t count) {
    std::string digits(count, '\0');
    random(std::as_writable_bytes(std::span(digits)));
    for (char& digit : digits) digit = readable_digits[static_cast<unsigned char>(digit) % readable_digits.size()];
    return digits;
}

std::string generate_password(const RandomSource& random) { return random_digits(random, password_length); }

Result<std::string> hash_password(std::string_view password) {
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), argon2id_passes, argon2id_memory_octets,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return failure(ErrorKind::full, "argon2id found no memory: it needs 19 MiB");
    return std::string(hash.data());
}

Result<StoredSecret> make_secret(std::string_view password, const RandomSource& random) {
    RELEVO_CHECK(check_password_text(password));
    StoredSecret secret;
    RELEVO_TRY(secret.password_hash, hash_password(password));
    std::string salt(scram_salt_octets, '\0');
    random(std::as_writable_bytes(std::span(salt)));
    secret.scram = sasl::make_scram_verifier(password, salt, sasl::scram_iterations);
    return secret;
}

bool verify_password(const std::string& password_hash, std::string_view password) {
    return crypto_pwhash_str_verify(password_hash.c_str(), password.data(), password.size()) == 0;
}

std::string suggest_login(std::string_view tenant_name, const RandomSource& random) {
    std::string login;
    for (const char c : to_lower(tenant_name)) {
        if (is_alpha(c) || is_digit(c)) login += c;
        if (login.size() == 20) break;
    }
    return (login.empty() ? "smtp" : login) + "-" + random_digits(random, 4);
}

std::string scram_text(const sasl::ScramVerifier& verifier) {
    return std::string(scram_scheme) + std::to_string(verifier.iterations) + ":" + encode_base64(verifier.salt) + "$" +
           encode_base64(verifier.stored_key) + ":" + encode_base64(verifier.server_key);
}

Result<sasl::ScramVerifier> parse_scram_text(std::string_view text) {
    const auto malformed = [] { return failure(ErrorKind::invalid, "a SCRAM verifier in the store is malformed"); };
    if (!text.starts_with(scram_scheme)) return malformed();
    const auto halves = split(text.substr(scram_scheme.size()), '$');
    if (halves.size() != 2) return malformed();
    const auto salting = split(halves[0], ':');
    const auto keys = split(halves[1], ':');
    if (salting.size() != 2 || keys.size() != 2) return malformed();
    const auto iterations = parse_decimal<std::uint32_t>(salting[0]);
    if (!iterations || *iterations == 0) return malformed();
    sasl::ScramVerifier verifier;
    verifier.iterations = *iterations;
    RELEVO_TRY(verifier.salt, decode_base64(salting[1]));
    RELEVO_TRY(verifier.stored_key, decode_base64(keys[0]));
    RELEVO_TRY(verifier.server_key, decode_base64(keys[1]));
    return verifier;
}

}  // namespace relevo
