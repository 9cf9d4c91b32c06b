#include "core/feedback/token.h"

#include "core/events/history.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace relevo {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t head_octets = 1 + 8 + 4;  // key id, message, tenant
constexpr std::size_t mac_octets = 10;
constexpr std::size_t longest_text = 512;  // an address has at most 254 octets
constexpr int last_key_id = 255;

std::string encode(std::string_view octets) {
    std::string text;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char octet : octets) {
        bits = bits << 8 | static_cast<unsigned char>(octet);
        for (count += 8; count >= 5; count -= 5) text += alphabet[bits >> (count - 5) & 31];
    }
    if (count > 0) text += alphabet[bits << (5 - count) & 31];
    return text;
}

// One text for each octet string: bits that are left over are zero, and there are fewer than 5.
std::optional<std::string> decode(std::string_view text) {
    if (text.size() > longest_text) return std::nullopt;
    std::string octets;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const auto digit = alphabet.find(to_lower(c));
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 5 | static_cast<std::uint32_t>(digit);
        count += 5;
        if (count < 8) continue;
        count -= 8;
        octets += static_cast<char>(bits >> count & 255);
    }
    if (count >= 5 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
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

std::string mac_of(const TokenKeys::Key& key, TokenPurpose purpose, std::string_view body) {
    std::array<unsigned char, crypto_generichash_BYTES> hash{};
    const std::string input = std::string(1, static_cast<char>(purpose)) + std::string(body);
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
                       key.octets.data(), key.octets.size());
    return {reinterpret_cast<const char*>(hash.data()), mac_octets};
}

std::string vault_context(std::int64_t id) { return "feedback token key " + std::to_string(id); }

}  // namespace

Result<std::shared_ptr<const TokenKeys>> TokenKeys::load(Reader& reader, KeyVault& vault,
                                                         std::vector<std::string>& problems) {
    auto keys = std::make_shared<TokenKeys>();
    RELEVO_CHECK(reader.query(
        "SELECT id, sealed, created_at FROM feedback_key ORDER BY id", {}, [&](const Row& row) -> Result<void> {
            auto opened = vault.open(row.text(1), vault_context(row.integer(0)));
            if (opened.has_value() && opened->size() != key_octets)
                opened = failure(ErrorKind::invalid, "a key of another length");
            if (!opened.has_value()) {
                problems.push_back(vault_context(row.integer(0)) + ": " + opened.error().detail);
                return {};
            }
            Key& key = keys->keys_.emplace_back(Key{.id = static_cast<std::uint8_t>(row.integer(0)),
                                                    .octets = {},
                                                    .created_at = time_of_milliseconds(row.integer(2))});
            std::ranges::copy(*opened, key.octets.begin());
            ::explicit_bzero(opened->data(), opened->size());
            return {};
        }));
    return keys;
}

std::shared_ptr<const TokenKeys> TokenKeys::of(std::vector<Key> keys) {
    auto made = std::make_shared<TokenKeys>();
    made->keys_ = std::move(keys);
    return made;
}

Result<void> TokenKeys::make(Transaction& transaction, KeyVault& vault, const RandomSource& random,
                             WallClock::time_point now) {
    std::int64_t last = 0;
    RELEVO_CHECK(
        transaction.query("SELECT coalesce(max(id), 0) FROM feedback_key", {}, [&](const Row& row) -> Result<void> {
            last = row.integer(0);
            return {};
        }));
    if (last >= last_key_id) return failure(ErrorKind::limit, "there are 255 keys for return paths already");
    std::string octets(key_octets, '\0');
    random(std::as_writable_bytes(std::span(octets)));
    RELEVO_TRY(const std::string sealed, vault.seal(octets, vault_context(last + 1)));
    ::explicit_bzero(octets.data(), octets.size());
    RELEVO_CHECK(transaction.execute("INSERT INTO feedback_key (id, sealed, created_at) VALUES ($1, $2, $3)",
                                     {last + 1, std::string_view(sealed), milliseconds_of(now)}));
    return {};
}

const TokenKeys::Key* TokenKeys::find(std::uint8_t id) const {
    const auto found = std::ranges::find(keys_, id, &Key::id);
    return found == keys_.end() ? nullptr : &*found;
}

std::string make_token(const TokenKeys& keys, TokenPurpose purpose, const Token& token) {
    const TokenKeys::Key* key = keys.newest();
    if (key == nullptr) return {};
    std::string body(1, static_cast<char>(key->id));
    append_number(body, static_cast<std::uint64_t>(token.message.value), 8);
    append_number(body, static_cast<std::uint64_t>(token.tenant.value), 4);
    body += token.address;
    return encode(body + mac_of(*key, purpose, body));
}

std::optional<Token> read_token(const TokenKeys& keys, TokenPurpose purpose, std::string_view text) {
    const auto octets = decode(text);
    if (!octets || octets->size() < head_octets + mac_octets) return std::nullopt;
    const bool has_address = octets->size() > head_octets + mac_octets;
    if (has_address != (purpose == TokenPurpose::unsubscribe_address)) return std::nullopt;
    const TokenKeys::Key* key = keys.find(static_cast<std::uint8_t>(octets->front()));
    if (key == nullptr) return std::nullopt;
    const std::string_view body = std::string_view(*octets).substr(0, octets->size() - mac_octets);
    const std::string expected = mac_of(*key, purpose, body);
    if (sodium_memcmp(expected.data(), octets->data() + body.size(), mac_octets) != 0) return std::nullopt;
    return Token{.tenant = TenantId{static_cast<std::int64_t>(number_at(body, 9, 4))},
                 .message = MessageId{static_cast<std::int64_t>(number_at(body, 1, 8))},
                 .address = std::string(body.substr(head_octets))};
}

}  // namespace relevo
