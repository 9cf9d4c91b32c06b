// What a holder of an API key or a user of the console may do: a closed list of words, as a set.
#pragma once

#include "lib/base/result.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Positions in stored sets: never renumber, add at the end.
enum class Scope : std::uint8_t {
    messages_send,
    messages_read,
    domains_read,
    domains_write,
    credentials_read,
    credentials_write,
    suppressions_read,
    suppressions_write,
    statistics_read,
    webhooks_read,
    webhooks_write,
    queue_read,
    queue_write,
    sources_read,
    sources_write,
    tenants_read,
    tenants_write,
    users_read,
    users_write,
    keys_read,
    keys_write,
    settings_read,
    settings_write,
    checks_read,
};
inline constexpr std::size_t scope_count = 24;

// "messages:send"
[[nodiscard]] std::string_view name_of(Scope scope);
[[nodiscard]] std::span<const Scope> all_scopes();
// Errors: invalid, with the nearest word.
[[nodiscard]] Result<Scope> parse_scope(std::string_view text);

class ScopeSet {
 public:
    constexpr ScopeSet() = default;
    constexpr ScopeSet(std::initializer_list<Scope> scopes) {
        for (const Scope scope : scopes) insert(scope);
    }
    [[nodiscard]] static constexpr ScopeSet all() { return from_bits((std::uint64_t{1} << scope_count) - 1); }
    // Bits that no release has given a meaning are dropped.
    [[nodiscard]] static constexpr ScopeSet from_bits(std::uint64_t bits) {
        ScopeSet set;
        set.bits_ = bits & ((std::uint64_t{1} << scope_count) - 1);
        return set;
    }
    // Errors: invalid – a word that is no scope.
    [[nodiscard]] static Result<ScopeSet> parse(const std::vector<std::string>& names);

    [[nodiscard]] constexpr bool contains(Scope scope) const { return (bits_ & bit(scope)) != 0; }
    [[nodiscard]] constexpr bool contains(ScopeSet others) const { return (others.bits_ & ~bits_) == 0; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
    constexpr void insert(Scope scope) { bits_ |= bit(scope); }
    [[nodiscard]] constexpr ScopeSet without(ScopeSet others) const { return from_bits(bits_ & ~others.bits_); }
    [[nodiscard]] constexpr ScopeSet common(ScopeSet others) const { return from_bits(bits_ & others.bits_); }
    // In the order of the enumeration.
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::string text() const;  // "messages:send, messages:read"
    friend constexpr bool operator==(ScopeSet, ScopeSet) = default;

 private:
    [[nodiscard]] static constexpr std::uint64_t bit(Scope scope) {
        return std::uint64_t{1} << static_cast<unsigned>(scope);
    }
    std::uint64_t bits_ = 0;
};

// What only somebody of the whole server can have: it concerns every tenant.
inline constexpr ScopeSet server_scopes = {Scope::sources_read, Scope::sources_write, Scope::tenants_write,
                                           Scope::settings_read, Scope::settings_write};

}  // namespace relevo
