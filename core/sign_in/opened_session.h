// The end of every sign-in but that by a password: a session, in the transaction that let somebody in.
#pragma once

#include "core/accounts/sessions.h"

#include <string>

namespace relevo {

struct OpenedSession {
    std::string token;  // for the cookie
    SessionId session;
    User user;
};

// Who comes in, and from where.
struct Entrance {
    std::string former_token;  // of the session that the browser brought; it ends. "": none
    dns::IpAddress peer;
    std::string user_agent;
};

// Opens a session by `opened.token` and fills in the rest; the address is known to the login guard from then on.
// Threads: the committer's. Errors: those of open_session().
[[nodiscard]] Result<void> enter_console(Transaction& transaction, UserId user, const Entrance& entrance,
                                         WallClock::time_point now, OpenedSession& opened);

}  // namespace relevo
