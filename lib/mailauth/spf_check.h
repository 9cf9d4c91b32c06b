// Is this client allowed to send for this domain? check_host() of RFC 7208.
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/results.h"

#include <chrono>
#include <optional>
#include <string>

namespace relevo::mailauth {

// The limits of RFC 7208 §4.6.4.
inline constexpr unsigned spf_lookup_limit = 10;  // terms that ask the DNS
inline constexpr unsigned spf_void_limit = 2;     // terms that find nothing
inline constexpr unsigned spf_name_limit = 10;    // names of one mx; names of the client for ptr and %{p}
// Of the DNS in all: the record, and each term with its names. More can only be asked with %{p} as well: permerror.
inline constexpr unsigned spf_question_limit = 1 + spf_lookup_limit * (1 + spf_name_limit);

struct SpfQuery {
    dns::IpAddress client;
    std::string mail_from;            // without brackets; "" for <>: then the HELO name is checked (§2.4)
    std::string helo;                 // as the client gave it; may be nonsense
    std::string receiver;             // our name, for %{r}; may be empty
    std::chrono::sys_seconds time{};  // for %{t}
    SpfIdentity identity = SpfIdentity::mail_from;
    std::optional<std::string> record;  // used in place of the record of the domain: to try one before publishing it
};

// Ends after at most spf_question_limit questions, whatever the answers are. A domain that is no domain (a literal, one
// label, malformed) is "none" (§4.3). A DNS fault that matters is "temperror". The whole check SHOULD end within 20
// seconds (§4.6.4): whoever answers the questions sees to that, with Errors of kind timeout.
[[nodiscard]] dns::Inquiry<SpfVerdict> check_spf(SpfQuery query);

}  // namespace relevo::mailauth
