#include "core/accounts/totp.h"

#include "lib/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::size_t secret_octets = 20;
constexpr std::size_t code_digits = 6;
constexpr std::uint32_t code_modulus = 1'000'000;
constexpr std::chrono::seconds step_length{30};
constexpr std::string_view base32_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// RFC 3986 §2.1: all but unreserved characters.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view hexadecimal = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (is_alpha(c) || is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos)
            encoded += c;
        else
            (encoded += '%').append({hexadecimal[octet >> 4], hexadecimal[octet & 15]});
    }
    return encoded;
}

std::array<unsigned char, 20> hmac_sha1(std::string_view key, const std::array<unsigned char, 8>& text) {
    std::array<unsigned char, 20> digest{};
    unsigned size = digest.size();
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), text.data(), text.size(), digest.data(), &size);
    return digest;
}

}  // namespace

std::string generate_totp_secret(const RandomSource& random) {
    std::string secret(secret_octets, '\0');
    random(std::as_writable_bytes(std::span(secret)));
    return secret;
}

std::string base32_text(std::string_view octets) {
    std::string text;
    unsigned bits = 0, held = 0;
    for (const char c : octets) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        for (held += 8; held >= 5; held -= 5) text += base32_alphabet[bits >> (held - 5) & 31];
        bits &= (1U << held) - 1;
    }
    if (held > 0) text += base32_alphabet[bits << (5 - held) & 31];
    return text;
}

std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view login) {
    return "otpauth://totp/" + percent_encoded(issuer) + ":" + percent_encoded(login) +
           "?secret=" + base32_text(secret) + "&issuer=" + percent_encoded(issuer);
}

std::int64_t totp_step(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()) / step_length;
}

std::string totp_code(std::string_view secret, std::int64_t step) {
    std::array<unsigned char, 8> counter{};
    for (std::size_t i = 0; i < counter.size(); ++i)
        counter[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (8 * (counter.size() - 1 - i)));
    const auto digest = hmac_sha1(secret, counter);
    // RFC 4226 §5.3, dynamic truncation: 31 bits from where the last four say.
    const std::size_t at = digest.back() & 15U;
    const std::uint32_t number = (digest[at] & 0x7fU) << 24 | static_cast<std::uint32_t>(digest[at + 1]) << 16 |
                                 static_cast<std::uint32_t>(digest[at + 2]) << 8 | digest[at + 3];
    std::string code;
    append_digits(code, number % code_modulus, code_digits);
    return code;
}

std::optional<std::int64_t> matching_totp_step(std::string_view secret, std::string_view code,
                                               WallClock::time_point now, std::span<const std::int64_t> used_steps) {
    std::string digits;
    std::ranges::copy_if(code.substr(0, 2 * code_digits), std::back_inserter(digits), [](char c) { return c != ' '; });
    if (digits.size() != code_digits || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
    std::optional<std::int64_t> matching;
    const std::int64_t present = totp_step(now);
    for (std::int64_t step = present - 1; step <= present + 1; ++step)
        if (totp_code(secret, step) == digits && std::ranges::find(used_steps, step) == used_steps.end())
            matching = step;
    return matching;
}

}  // namespace relevo
