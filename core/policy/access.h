// Who may connect and log in.
#pragma once

#include "core/policy/decision.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/login_guard.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Whether hosts of a granted network may send without a password on this listener.
enum class NetworkGrants : bool { ignored, honoured };

struct ListenerAccess {
    std::vector<dns::Network> allowed_networks;  // empty: from anywhere
    NetworkGrants network_grants = NetworkGrants::ignored;
};

// The tenant as whom a host may send without a password, or nobody.
struct ConnectionDecision {
    std::optional<Decision> refusal;  // say it in place of the greeting (RFC 5321 §3.1)
    Identity identity;
};
// A suspended tenant's network counts as nobody's. Threads: any, as all below.
[[nodiscard]] ConnectionDecision judge_connection(const ListenerAccess& listener, const Directory& directory,
                                                  const dns::IpAddress& client);

// A login that the guard refused to look at.
[[nodiscard]] Decision login_held_back(const LoginGuard::Verdict& verdict);

// What a password check or SCRAM exchange found.
enum class Proof : std::uint8_t { right, wrong, not_checked };  // not_checked: too many at once

struct LoginDecision {
    Decision decision;
    Identity identity;  // known only if accepted
};
// After the proof; an unknown login must have been through the same work, and gets the same words (security row A13).
// What is wrong with the account itself is told only to who has the password.
[[nodiscard]] LoginDecision judge_login(const Directory& directory, std::string_view login, Proof proof,
                                        const dns::IpAddress& client, WallClock::time_point now);

// Whether an identity of before still holds; one that is known by its tenant alone (an API key is judged where it is
// kept), whether the tenant may send. nullopt: yes.
[[nodiscard]] std::optional<Decision> judge_identity(const Directory& directory, const Identity& identity,
                                                     WallClock::time_point now);

// "2026-11-23 14:05", in UTC.
[[nodiscard]] std::string reply_date(WallClock::time_point time);
// "14:05", in UTC.
[[nodiscard]] std::string reply_time(WallClock::time_point time);

}  // namespace relevo
