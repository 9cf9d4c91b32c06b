// What a connection to one mail server must show before mail goes over it.
#pragma once

#include "lib/tlspolicy/tlsa.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

enum class TlsDemand : std::uint8_t {
    opportunistic,  // TLS if it is offered and works, else plain text (RFC 3207)
    encrypted,      // TLS with any certificate
    verified,       // a certificate of the server's name that the trust store bears out
    dane,           // a certificate that the TLSA records name (RFC 7672)
};

inline constexpr std::string_view dane_origin = "DANE";

struct TransportDemand {
    TlsDemand level = TlsDemand::opportunistic;
    std::string origin;                       // who demands it, for people: "DANE"; empty if nobody does
    bool is_pinned = false;                   // dane: it was an operator who named the keys, in `tlsa`
    std::vector<tlspolicy::TlsaRecord> tlsa;  // dane: those that can be used
    std::vector<std::string> names;           // dane: what the certificate may be for beside the server's name
    // Its TLSA records say so, whether one of them can be used or not.
    [[nodiscard]] bool is_dane() const { return origin == dane_origin; }
};

}  // namespace relevo
