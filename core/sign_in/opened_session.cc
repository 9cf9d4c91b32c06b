#include "core/sign_in/opened_session.h"

#include "core/accounts/console_login.h"
#include "core/tenancy/login_guard.h"

namespace relevo {

Result<void> enter_console(Transaction& transaction, UserId user, const Entrance& entrance, WallClock::time_point now,
                           OpenedSession& opened) {
    if (!entrance.former_token.empty()) RELEVO_CHECK(close_session(transaction, entrance.former_token));
    RELEVO_TRY(opened.session, open_session(transaction, user, opened.token, entrance.peer, entrance.user_agent, now));
    RELEVO_TRY(opened.user, user_with_id(transaction, user));
    return record_login_address(transaction, guarded_name(opened.user.login), entrance.peer, now);
}

}  // namespace relevo
