// Codes that an authenticator app shows: RFC 6238 with SHA-1, six digits, 30 seconds, which is what all apps can.
#pragma once

#include "core/ports/task.h"
#include "core/tenancy/secret.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace relevo {

// 160 random bits (RFC 4226 §4, R6), as octets.
[[nodiscard]] std::string generate_totp_secret(const RandomSource& random);
// RFC 4648 §6 without padding: how people type a secret.
[[nodiscard]] std::string base32_text(std::string_view octets);
// "otpauth://totp/Relevo:anna@example.com?secret=…&issuer=Relevo", for a QR code.
[[nodiscard]] std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view login);

// Time steps of 30 s since 1970 (RFC 6238 §4.2).
[[nodiscard]] std::int64_t totp_step(WallClock::time_point time);
// Six digits (RFC 4226 §5.3).
[[nodiscard]] std::string totp_code(std::string_view secret, std::int64_t step);
// The step that `code` is of, if it is the present one or one beside it (RFC 6238 §5.2) and none of `used_steps`: a
// code works once. Spaces in the code are passed over. A clock that jumped neither lets a used code in again nor
// locks anybody out, as used steps are compared one by one.
[[nodiscard]] std::optional<std::int64_t> matching_totp_step(std::string_view secret, std::string_view code,
                                                             WallClock::time_point now,
                                                             std::span<const std::int64_t> used_steps);

}  // namespace relevo
