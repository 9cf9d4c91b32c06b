#include "core/tracking/token.h"

#include <sodium.h>

#include <array>

namespace relevo {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t mac_octets = 10;
constexpr std::size_t open_octets = 1 + 8 + 4 + 2;  // key id, message, tenant, ordinal
constexpr std::size_t click_octets = open_octets + 2 + 8;
constexpr std::uint64_t no_ordinal = 0xFFFF;

std::size_t body_octets(TrackedKind kind) { return kind == TrackedKind::open ? open_octets : click_octets; }

std::string encode(std::string_view octets) {
    std::string text;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char octet : octets) {
        bits = bits << 8 | static_cast<unsigned char>(octet);
        for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
    }
    if (count > 0) text += alphabet[bits << (6 - count) & 63];
    return text;
}

// One text for each octet string: the bits that are left over are zero.
std::optional<std::string> decode(std::string_view text, std::size_t size) {
    if (text.size() != (size * 8 + 5) / 6) return std::nullopt;
    std::string octets;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const auto digit = alphabet.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        octets += static_cast<char>(bits >> count & 255);
    }
    if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
    return octets;
}

void append_number(std::string& octets, std::uint64_t number, unsigned size) {
    for (unsigned i = size; i-- > 0;) octets += static_cast<char>(number >> (8 * i) & 255);
}

std::uint64_t number_at(std::string_view octets, std::size_t at, unsigned size) {
    std::uint64_t number = 0;
    for (const char octet : octets.substr(at, size)) number = number << 8 | static_cast<unsigned char>(octet);
    return number;
}

// The first octet is none of TokenPurpose: these tokens are none of the others.
std::string mac_of(const TokenKeys::Key& key, TrackedKind kind, std::string_view body) {
    std::array<unsigned char, crypto_generichash_BYTES> hash{};
    const std::string input = std::string(1, static_cast<char>(kind)) + std::string(body);
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
                       key.octets.data(), key.octets.size());
    return {reinterpret_cast<const char*>(hash.data()), mac_octets};
}

}  // namespace

std::string make_tracking_token(const TokenKeys& keys, TrackedKind kind, const TrackingToken& token) {
    const TokenKeys::Key* key = keys.newest();
    if (key == nullptr) return {};
    std::string body(1, static_cast<char>(key->id));
    append_number(body, static_cast<std::uint64_t>(token.message.value), 8);
    append_number(body, static_cast<std::uint64_t>(token.tenant.value), 4);
    append_number(body, token.ordinal == whole_message ? no_ordinal : static_cast<std::uint64_t>(token.ordinal), 2);
    if (kind == TrackedKind::click) {
        append_number(body, token.link, 2);
        append_number(body, static_cast<std::uint64_t>(token.target.value), 8);
    }
    return encode(body + mac_of(*key, kind, body));
}

std::optional<TrackingToken> read_tracking_token(const TokenKeys& keys, TrackedKind kind, std::string_view text) {
    const auto octets = decode(text, body_octets(kind) + mac_octets);
    if (!octets) return std::nullopt;
    const TokenKeys::Key* key = keys.find(static_cast<std::uint8_t>(octets->front()));
    if (key == nullptr) return std::nullopt;
    const std::string_view body = std::string_view(*octets).substr(0, body_octets(kind));
    const std::string expected = mac_of(*key, kind, body);
    if (sodium_memcmp(expected.data(), octets->data() + body.size(), mac_octets) != 0) return std::nullopt;
    const std::uint64_t ordinal = number_at(body, 13, 2);
    TrackingToken token{.tenant = TenantId{static_cast<std::int64_t>(number_at(body, 9, 4))},
                        .message = MessageId{static_cast<std::int64_t>(number_at(body, 1, 8))},
                        .ordinal = ordinal == no_ordinal ? whole_message : static_cast<std::int64_t>(ordinal),
                        .target = {}};
    if (kind == TrackedKind::click) {
        token.link = static_cast<std::uint16_t>(number_at(body, 15, 2));
        token.target = TrackedLinkId{static_cast<std::int64_t>(number_at(body, 17, 8))};
    }
    return token;
}

}  // namespace relevo
