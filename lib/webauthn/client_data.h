// What the browser says a passkey was asked for: "clientDataJSON" (Web Authentication Level 3 §5.8.1). The signature of
// the authenticator covers its hash.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::webauthn {

inline constexpr Octets client_data_limit = 4 * kibibyte;

enum class Ceremony : std::uint8_t { create, get };

struct ClientData {
    Ceremony ceremony = Ceremony::get;
    std::string challenge;      // base64url, as it was given out, if all is well
    std::string origin;         // at most `client_data_limit`; a stranger's text
    bool cross_origin = false;  // asked for by a frame of another site
};
// Errors: invalid – no JSON object, two members of one name, another type, or a member that is missing or no text.
// limit – longer than `client_data_limit`.
[[nodiscard]] Result<ClientData> parse_client_data(std::string_view json);

}  // namespace relevo::webauthn
