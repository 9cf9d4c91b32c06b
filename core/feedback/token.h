// What ties mail that comes back to the message that went out: short texts that nobody else can make.
#pragma once

#include "core/ports/database.h"
#include "core/ports/key_vault.h"
#include "core/ports/task.h"
#include "core/tenancy/secret.h"
#include "lib/base/identifier.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// The keys that authenticate tokens: the newest makes them, all of them are recognised. Immutable. Threads: any.
class TokenKeys {
 public:
    static constexpr std::size_t key_octets = 32;
    struct Key {
        std::uint8_t id = 0;
        std::array<unsigned char, key_octets> octets{};
        WallClock::time_point created_at{};
    };

    // Keys that do not open are left out and told in `problems`.
    [[nodiscard]] static Result<std::shared_ptr<const TokenKeys>> load(Reader& reader, KeyVault& vault,
                                                                       std::vector<std::string>& problems);
    [[nodiscard]] static std::shared_ptr<const TokenKeys> of(std::vector<Key> keys);  // oldest first
    // Adds a key to the rows, sealed. Errors: limit – 255 keys were made. Those of the vault.
    [[nodiscard]] static Result<void> make(Transaction& transaction, KeyVault& vault, const RandomSource& random,
                                           WallClock::time_point now);

    [[nodiscard]] const Key* newest() const { return keys_.empty() ? nullptr : &keys_.back(); }
    [[nodiscard]] const Key* find(std::uint8_t id) const;

 private:
    std::vector<Key> keys_;
};

// A token of one purpose is none of another.
enum class TokenPurpose : char {
    return_path = 'b',
    unsubscribe = 'u',  // by mail: the message alone
    unsubscribe_address = 'a',
};

struct Token {
    TenantId tenant;
    MessageId message;
    std::string address;  // of unsubscribe_address alone
    friend bool operator==(const Token&, const Token&) = default;
};

// 37 characters of lower-case base 32 (RFC 4648 §6) without an address: key id, message, tenant, 80 bits of a keyed
// BLAKE2b. Empty: there is no key.
[[nodiscard]] std::string make_token(const TokenKeys& keys, TokenPurpose purpose, const Token& token);
// In any letter case, since some systems fold it. nullopt: not one of ours, whole and unchanged (security rows B9, E7).
// Costs a hash, whatever the text.
[[nodiscard]] std::optional<Token> read_token(const TokenKeys& keys, TokenPurpose purpose, std::string_view text);

}  // namespace relevo
