// What is known about a message from outside, and what follows from it.
#pragma once

#include "core/policy/decision.h"
#include "core/tenancy/directory.h"
#include "lib/mail/envelope.h"
#include "lib/mailauth/results.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Everything that was checked about one message.
using Findings = mailauth::MessageVerdicts;

// SPF alone breaks on every forwarder; refusing by it is for domains that know what they do (RFC 7208 §8.4).
enum class SpfHandling : std::uint8_t { mark, reject };

struct Handling {
    DmarcHandling dmarc = DmarcHandling::reject;
    SpfHandling spf = SpfHandling::mark;
};

// What the owners of all recipients' domains agree on: the mildest of what they chose, since all get one reply.
// `usual`: of those that chose nothing.
[[nodiscard]] Handling handling_for(const Directory& directory, const mail::Envelope& envelope, const Handling& usual);

struct AuthenticityDecision {
    Decision decision;                  // accepted, or the refusal
    std::optional<std::string> marked;  // why the message should be set apart; it is delivered with this mark
};

// A temporary fault of the DNS refuses nothing and marks nothing: its result is in the header field. Threads: any.
[[nodiscard]] AuthenticityDecision judge_authenticity(const Findings& findings, const Handling& handling);

// "spf=pass example.com, dkim=none, dmarc=pass example.com": one line for people.
[[nodiscard]] std::string summary_of(const Findings& findings);
// For the `accepted` event: {"spf":"pass","dkim":[{"domain":"example.com","result":"pass"}],"dmarc":"pass",…}.
[[nodiscard]] std::string findings_as_json(const Findings& findings);

}  // namespace relevo
