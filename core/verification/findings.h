// What is known about a message from outside, and what follows from it.
#pragma once

#include "core/policy/decision.h"
#include "lib/mailauth/results.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Everything that was checked about one message.
using Findings = mailauth::MessageVerdicts;

// How far the owner of a recipient's domain follows what the author's domain asks for (RFC 9989 §5.3): never beyond it.
enum class DmarcHandling : std::uint8_t {
    none,        // results are written down, every message is taken
    quarantine,  // what should be refused or set apart is marked
    reject,      // what should be refused is refused, what should be set apart is marked
};
// SPF alone breaks on every forwarder; refusing by it is for domains that know what they do (RFC 7208 §8.4).
enum class SpfHandling : std::uint8_t { mark, reject };

struct Handling {
    DmarcHandling dmarc = DmarcHandling::reject;
    SpfHandling spf = SpfHandling::mark;
};

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
