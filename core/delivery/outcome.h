// From what a server said, or the lack of it, to what becomes of each recipient: the failure policy in one place.
#pragma once

#include "core/delivery/connection.h"
#include "core/routing/host_finder.h"
#include "core/spool/spool.h"
#include "lib/bounces/reply_classifier.h"

#include <optional>
#include <string>
#include <vector>

namespace relevo {

// One recipient after one attempt, before it is written.
struct AttemptResult {
    std::uint32_t ordinal = 0;
    Outcome outcome = Outcome::deferred;
    std::string status;        // RFC 3463, for the report: the server's own, else ours
    std::string reply;         // the server's reply on one line; empty if nobody replied
    std::string explanation;   // ours, when there is no reply
    std::string stage;         // of the conversation
    bool dsn_relayed = false;  // delivered to a server that promised to report itself (RFC 3461 §5.2)
    // Why, if it was not delivered: see classify().
    bounces::BounceClass kind = bounces::BounceClass::delivered;
    bounces::BounceNature nature = bounces::BounceNature::not_a_bounce;
};

// Positive: delivered. 4yz, and everything that is not an SMTP reply: deferred. 5yz: failed (RFC 5321 §4.2.1).
[[nodiscard]] AttemptResult judge(std::uint32_t ordinal, const smtp::RecipientResult& result,
                                  const smtp::SessionFailure& failure, bool dsn_relayed);
// Nobody could be asked.
[[nodiscard]] AttemptResult judge(std::uint32_t ordinal, const RoutingProblem& problem);
// The conversation ended before the transaction: a refusing greeting, a failed login, a broken connection. Never
// permanent on its own: the fault lies with the server or the route, not with the recipient.
[[nodiscard]] RoutingProblem problem_of(const smtp::SessionFailure& failure, const PeerFacts& peer);

// Says why: from the server's reply, what it replied to and who it is, or from our own words if nobody replied.
// `domain`: the recipient's. Only tells; what becomes of the recipient is judge()'s.
void classify(AttemptResult& result, const PeerFacts* peer, std::string_view domain,
              const bounces::PatternTable& patterns);

// What is kept in the event: facts for the timeline.
struct AttemptFacts {
    std::uint32_t attempt = 0;  // counted from 1
    std::string recipient;
    std::string destination;
    std::string site;  // empty: its mail servers are not known
    std::string route;
    const PeerFacts* peer = nullptr;  // nullptr: no connection
    std::string transcript;
    std::chrono::milliseconds duration{0};
    std::optional<WallClock::time_point> next_attempt;
};
[[nodiscard]] std::string event_detail(const AttemptResult& result, const AttemptFacts& facts);

}  // namespace relevo
