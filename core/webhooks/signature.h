// How a receiver knows that a request is ours and fresh (Standard Webhooks 1.0; security row E5).
#pragma once

#include "core/tenancy/secret.h"
#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// "whsec_" and 32 random octets in base 64.
[[nodiscard]] std::string generate_webhook_secret(const RandomSource& random);

// The value of `webhook-signature`: "v1," and the base 64 of HMAC-SHA-256 over "ID.TIMESTAMP.BODY" for each secret,
// separated by blanks. `timestamp`: seconds since 1970. Errors: invalid – a secret that is damaged.
[[nodiscard]] Result<std::string> webhook_signature(const std::vector<std::string>& secrets, std::string_view id,
                                                    std::int64_t timestamp, std::string_view body);

}  // namespace relevo
