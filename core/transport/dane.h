// DANE for SMTP (RFC 7672): which certificate a mail server must show, by its TLSA records.
#pragma once

#include "core/ports/resolver.h"
#include "core/transport/demand.h"

#include <optional>

namespace relevo {

// A mail server whose name and addresses the DNS has vouched for (DNSSEC); others need not be asked about (§2.2.2).
struct DaneHost {
    std::string name;            // as the MX record or the route has it; A-labels, lower case
    std::string canonical_name;  // where CNAMEs led; "" or the same: nowhere
    std::uint16_t port = 25;
    std::string destination;  // the recipients' domain if its MX records are signed too, else "": a name more
};

// Nothing: the server has no TLSA records, or none that DNSSEC vouches for. If it has some but none can be used, TLS is
// demanded and nothing verified (§2.2). Errors: as Resolver::query() – the server must be passed over for now (§2.1).
[[nodiscard]] Task<Result<std::optional<TransportDemand>>> find_dane(Resolver& resolver, DaneHost host,
                                                                     Deadline deadline);

}  // namespace relevo
