// Distinct integer types for the ids of distinct things, so that a TenantId never passes for a MessageId.
#pragma once

#include "lib/base/result.h"

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace relevo {

// 0 means "none"; ids that exist are positive and fit a signed 64-bit column.
template <class Tag>
struct Identifier {
    std::int64_t value = 0;

    friend auto operator<=>(Identifier, Identifier) = default;
    explicit operator bool() const { return value != 0; }

    // "msg_01h2x…": prefix, underscore, 13 digits of Crockford's base 32.
    [[nodiscard]] std::string text() const;
    // Accepts what text() prints, letters of either case. Errors: invalid.
    [[nodiscard]] static Result<Identifier> parse(std::string_view text);
};

// The digits behind text(): 13 characters, most significant first.
[[nodiscard]] std::string base32_digits(std::int64_t value);
[[nodiscard]] Result<std::int64_t> parse_base32_digits(std::string_view digits);

template <class Tag>
std::string Identifier<Tag>::text() const {
    return std::string(Tag::prefix) + "_" + base32_digits(value);
}

template <class Tag>
Result<Identifier<Tag>> Identifier<Tag>::parse(std::string_view text) {
    constexpr std::string_view prefix = Tag::prefix;
    if (text.size() <= prefix.size() || !text.starts_with(prefix) || text[prefix.size()] != '_')
        return failure(ErrorKind::invalid,
                       "\"" + std::string(text) + "\" is not an id of the form " + std::string(prefix) + "_…");
    RELEVO_TRY(std::int64_t value, parse_base32_digits(text.substr(prefix.size() + 1)));
    return Identifier{value};
}

// Row ids: small numbers given by the store.
struct TenantTag {
    static constexpr std::string_view prefix = "ten";
};
struct DomainTag {
    static constexpr std::string_view prefix = "dom";
};
struct CredentialTag {
    static constexpr std::string_view prefix = "crd";
};
// Made by MessageIdSource: 42 bits of milliseconds since 1970, then node, shard and sequence. Never a Message-ID field.
struct MessageTag {
    static constexpr std::string_view prefix = "msg";
};
struct EventTag {
    static constexpr std::string_view prefix = "evt";
};

using TenantId = Identifier<TenantTag>;
using DomainId = Identifier<DomainTag>;
using CredentialId = Identifier<CredentialTag>;
using MessageId = Identifier<MessageTag>;
using EventId = Identifier<EventTag>;

// One recipient of one message: its place in the envelope, counted from 0.
struct DeliveryId {
    MessageId message;
    std::uint32_t ordinal = 0;
    friend auto operator<=>(const DeliveryId&, const DeliveryId&) = default;
};

}  // namespace relevo

template <class Tag>
struct std::hash<relevo::Identifier<Tag>> {
    std::size_t operator()(relevo::Identifier<Tag> id) const noexcept {
        // Ids grow by one; a multiplication spreads them over the buckets.
        return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9e3779b97f4a7c15ULL >> 7);
    }
};
