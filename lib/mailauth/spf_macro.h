// Macros of SPF: "%{ir}.%{v}._spf.%{d2}" (RFC 7208 §7).
#pragma once

#include "lib/dns/record.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::mailauth {

enum class SpfMacroPlace : std::uint8_t {
    domain,       // a domain-spec: the letters c, r and t are refused (§7.2)
    explanation,  // the text that exp= leads to: every letter
};

// Errors: invalid – what is wrong, without the text.
[[nodiscard]] Result<void> check_macros(std::string_view text, SpfMacroPlace place);
// macro-string domain-end (§7.1): must end with a macro, or a label that could be a top-level domain. Errors: invalid.
[[nodiscard]] Result<void> check_domain_spec(std::string_view text);
// Holds "%{p…}", which costs questions to find.
[[nodiscard]] bool needs_validated_name(std::string_view text);

struct SpfMacroValues {
    std::string sender;               // s; l and o are its parts
    std::string domain;               // d
    std::string helo;                 // h
    std::string receiver;             // r; "unknown" if empty
    std::string validated;            // p; "unknown" if empty
    dns::IpAddress client;            // i, c, v
    std::chrono::sys_seconds time{};  // t
};

// `text` must have passed check_macros(). Stops after `limit` octets.
[[nodiscard]] std::string expand_macros(std::string_view text, const SpfMacroValues& values, std::size_t limit);

// An expanded domain-spec as the name to ask for, in the spelling of lib/dns: without final dot; labels on the left
// taken off until 253 octets remain (§7.3). Nothing if no question can hold it (an empty label, one over 63 octets).
[[nodiscard]] std::optional<std::string> spf_target_name(std::string_view expanded);

}  // namespace relevo::mailauth
