// Whose mail, as whom, to whom, how much.
#pragma once

#include "core/policy/decision.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/rate_limiter.h"
#include "lib/base/octets.h"
#include "lib/mail/envelope.h"
#include "lib/mail/message.h"

#include <functional>
#include <string_view>

namespace relevo {

// MAIL (security row A12). With an identity the envelope sender must belong to its tenant: domain, subdomain rule, list
// of addresses, domains of the credential; `<>` may always be used, for reports. Without one anybody may be the sender:
// where the mail may go is judged by recipient. Threads: any, as all below.
[[nodiscard]] Decision judge_sender(const Directory& directory, const Identity& identity,
                                    const mail::ReversePath& sender, WallClock::time_point now);

// True for the domains (A-labels, lower case) whose mail this server takes from anybody, to keep or to pass on.
using InboundDomains = std::function<bool(std::string_view ascii_domain)>;

// RCPT (security row A10). With an identity everything goes; without one only what is inbound.
[[nodiscard]] Decision judge_recipient(const Identity& identity, const mail::Address& recipient,
                                       const InboundDomains& is_inbound);

// The content of a submission: exactly one From; every mailbox of From, Sender and the Resent fields of both must
// belong to the identity as the envelope sender must. `content` is the whole message, or all of its header section and
// a bit more; `header` was parsed from it. Without an identity everything goes.
[[nodiscard]] Decision judge_content(const Directory& directory, const Identity& identity, const mail::Header& header,
                                     std::string_view content);

[[nodiscard]] RateLimits limits_of(const Directory& directory, const Identity& identity);
[[nodiscard]] Decision rate_reached(const RateLimiter::Refusal& refusal);
[[nodiscard]] Decision message_too_large(Octets size, Octets limit);

}  // namespace relevo
