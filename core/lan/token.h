// What a person carries from the central relay to an office.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

inline constexpr std::size_t lan_token_limit_octets = 8192;

struct LanToken {
    std::string host;  // of the central relay
    std::uint16_t port = 587;
    std::string login;                 // the office's, from now on
    std::string secret;                // works once; generate_password()
    std::string key_sha256;            // 32 octets: of the public key of the relay's certificate; empty: not known
    std::vector<std::string> domains;  // the tenant's, A-labels; ".example.com": and all below it
    friend bool operator==(const LanToken&, const LanToken&) = default;
};

// "relevo-lan-1.…": letters, digits, "-" and "_", so that it survives shells and mails.
[[nodiscard]] std::string text_of(const LanToken& token);
// White space around and inside is passed over: mail programs break long lines.
// Errors: invalid – the detail says what to do.
[[nodiscard]] Result<LanToken> parse_lan_token(std::string_view text);

// The password by which an office enrols: the secret of the token and the password that it wants to have.
[[nodiscard]] std::string enrolment_password(std::string_view secret, std::string_view new_password);
struct EnrolmentRequest {
    std::string secret, new_password;
};
// Nothing if the password is no such thing.
[[nodiscard]] std::optional<EnrolmentRequest> parse_enrolment_password(std::string_view password);

}  // namespace relevo
