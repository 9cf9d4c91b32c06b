// Does the client's address have a name that leads back to it? (RFC 8601 §3)
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/results.h"

namespace relevo::mailauth {

inline constexpr std::size_t iprev_name_limit = 10;  // names of an address that are looked at; the rest is passed over

// pass: a name is confirmed. fail: there are names, and none leads back. permerror: there is no name. temperror: a
// fault of the DNS hides which of these it is. Asks at most 1 + iprev_name_limit questions.
[[nodiscard]] dns::Inquiry<IprevVerdict> check_iprev(dns::IpAddress client);

}  // namespace relevo::mailauth
