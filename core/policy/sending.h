// Whose mail, as whom, to whom, how much.
#pragma once

#include "core/policy/decision.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/rate_limiter.h"
#include "lib/base/octets.h"
#include "lib/mail/envelope.h"
#include "lib/mail/message.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
// What kind of mail it is where the message does not say.
[[nodiscard]] mail::MessageStream stream_of(const Directory& directory, const Identity& identity);
// The quotas that a message of this sender counts for: its tenant's, its credential's and those of the domain that it
// comes from.
[[nodiscard]] std::vector<Quota> quotas_for(const Directory& directory, const Identity& identity,
                                            const mail::ReversePath& sender);
// "tenant acme", "domain example.com", "credential crm".
[[nodiscard]] std::string subject_of(const Directory& directory, const Quota& quota);
// The refusal of a message with so many recipients. `verdict`: not taken.
[[nodiscard]] Decision quota_reached(const Directory& directory, const QuotaLedger::Verdict& verdict,
                                     std::size_t recipients);
// Why a message waits, for the queue list: "Quota of 100 recipients per hour of tenant acme".
inline constexpr std::string_view waits_for_quota = "Quota of ";
[[nodiscard]] std::string quota_text(const Directory& directory, const Quota& quota);
[[nodiscard]] Decision rate_reached(const RateLimiter::Refusal& refusal);
[[nodiscard]] Decision message_too_large(Octets size, Octets limit);

}  // namespace relevo
