// What an enhanced status code says by itself (RFC 3463, RFC 5248 and its registry, RFC 7372, RFC 7505, RFC 7504).
#pragma once

#include "lib/bounces/bounce_class.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace relevo::bounces {

enum class StatusStrength : std::uint8_t {
    exact,    // servers that send it mean it: it outweighs what they write beside it
    general,  // stands for several reasons in practice: the text, if it is known, says more
};

struct StatusMeaning {
    BounceClass kind = BounceClass::unknown;
    StatusStrength strength = StatusStrength::general;
};

// "5.1.1"; the first digit decides nothing but whether it is a status. Nothing: says no more than its class does.
[[nodiscard]] std::optional<StatusMeaning> meaning_of_status(std::string_view status);

// Of the code alone, when nothing else is known (RFC 5321 §4.2.2, RFC 7504, RFC 4954 §6, RFC 3207 §4).
[[nodiscard]] BounceClass meaning_of_code(std::uint16_t code);

// Whether `text` is a whole status: class 2, 4 or 5, and two numbers of at most three digits (RFC 3463 §2).
[[nodiscard]] bool is_status(std::string_view text);

}  // namespace relevo::bounces
