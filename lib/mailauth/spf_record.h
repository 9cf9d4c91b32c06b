// SPF records as data (RFC 7208 §4.5, §4.6, §5, §6).
#pragma once

#include "lib/dns/record.h"
#include "lib/mailauth/results.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

enum class SpfMechanismKind : std::uint8_t { all, include, a, mx, ptr, ip4, ip6, exists };

struct SpfMechanism {
    SpfMechanismKind kind = SpfMechanismKind::all;
    SpfResult qualifier = SpfResult::pass;      // what a match means: pass, fail, softfail or neutral
    std::string domain;                         // domain-spec, macros still in it; "" if none is written
    std::array<std::uint8_t, 16> network = {};  // ip4: the first four octets; ip6: all
    unsigned prefix_v4 = 32;
    unsigned prefix_v6 = 128;
    std::string text;  // as the record writes it, with its qualifier

    // Evaluating it asks the DNS: it counts against the limit of §4.6.4.
    [[nodiscard]] bool costs_lookup() const;
    // For ip4 and ip6.
    [[nodiscard]] bool network_contains(const dns::IpAddress& client) const;
};

inline constexpr std::size_t spf_term_limit = 2'000;  // of a record; no receiver should have to hold more

struct SpfRecord {
    std::vector<SpfMechanism> mechanisms;  // in the order of the record
    std::optional<std::string> redirect;   // domain-spec
    std::optional<std::string> explanation;
};

// "v=spf1" alone or with a space behind it, in any case (§4.5): this TXT record is meant as SPF.
[[nodiscard]] bool is_spf_record(std::string_view text);

// Errors: invalid – any mistake anywhere (§4.6: "if there are any syntax errors anywhere in the record, check_host()
// returns immediately"), with the term and what is wrong. limit – more than spf_term_limit terms.
[[nodiscard]] Result<SpfRecord> parse_spf_record(std::string_view text);

// One mechanism, as it could stand in a record. Errors: invalid.
[[nodiscard]] Result<SpfMechanism> parse_spf_mechanism(std::string_view text);

// The first `bits` bits of both are the same; never so for addresses of different families.
[[nodiscard]] bool shares_prefix(const dns::IpAddress& a, const dns::IpAddress& b, unsigned bits);

}  // namespace relevo::mailauth
