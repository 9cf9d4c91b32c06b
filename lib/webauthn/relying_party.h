// Whom a passkey is for (Web Authentication Level 3 §5.1.2: "RP ID").
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::webauthn {

struct RelyingParty {
    std::string id;      // a host name, lower case: "mail.example.com"
    std::string origin;  // the only one that may ask: "https://mail.example.com:8443"
    friend bool operator==(const RelyingParty&, const RelyingParty&) = default;
};

// Of a site by its address; what comes behind the host and the port is left out. Errors: invalid – not https, or the
// host is an IP address: browsers keep passkeys for names alone.
[[nodiscard]] Result<RelyingParty> relying_party_of(std::string_view url);
// Of a program under development, by the Host field of a request that came from this machine without TLS: "localhost"
// and its port. Browsers take it for a secure context (Secure Contexts §3.1). Errors: invalid – another host.
[[nodiscard]] Result<RelyingParty> relying_party_of_localhost(std::string_view host_field);

}  // namespace relevo::webauthn
