// What is asked of TLS for a message, on top of what its destination and the operator demand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace relevo::mail {

// Stored numbers: never renumber.
enum class TlsWish : std::uint8_t {
    usual,     // nothing more
    optional,  // the message's: rather in clear than not at all (TLS-Required: no, RFC 8689 §5)
    required,  // the tenant's: TLS, with whatever certificate
    verified,  // the tenant's: TLS with a server that proves who it is
};
inline constexpr TlsWish tls_wishes[] = {TlsWish::usual, TlsWish::optional, TlsWish::required, TlsWish::verified};
[[nodiscard]] constexpr std::string_view name_of(TlsWish wish) {
    constexpr std::string_view names[] = {"usual", "optional", "required", "verified"};
    return names[static_cast<std::uint8_t>(wish)];
}
[[nodiscard]] constexpr std::optional<TlsWish> parse_tls_wish(std::string_view text) {
    for (const TlsWish wish : tls_wishes)
        if (text == name_of(wish)) return wish;
    return std::nullopt;
}
// What counts of both: what a tenant demands, none of its messages gives up.
[[nodiscard]] constexpr TlsWish wish_for(TlsWish of_tenant, bool is_optional_to_message) {
    return of_tenant == TlsWish::usual && is_optional_to_message ? TlsWish::optional : of_tenant;
}

}  // namespace relevo::mail
