// Requests that lead people to the console, and their programs to the server.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/accounts/audit_log.h"
#include "core/accounts/one_time_tokens.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"

namespace relevo {

namespace json = boost::json;

// A link that makes the first administrator; a former one stops working.
Task<Control::Answer> Control::make_setup_link(Arguments arguments, Principal principal) {
    RELEVO_CO_CHECK(check_members(arguments, {}));
    const std::string console = context_.console_url();
    if (console.empty())
        co_return failure(ErrorKind::conflict,
                          "no [[http]] listener serves the console: add one to the configuration and restart, or make "
                          "a user here with `relevo user add LOGIN --role admin`");
    const std::string token = generate_one_time_token(system_random());
    const auto now = WallClock::now();
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const bool is_first, has_no_users(transaction));
        if (!is_first)
            return failure(ErrorKind::conflict,
                           "there is a user already: log in, or give a new password with `relevo user password`");
        RELEVO_CHECK(create_one_time_token(transaction, OneTimePurpose::set_up, UserId{}, token, now));
        return context_.accounts->audit().append(transaction, audit_entry(principal, "user.setup_link", now));
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    co_return json::object{{"url", console + "/setup#" + token},
                           {"expires_at", json_time(now + lifetime_of(OneTimePurpose::set_up))}};
}

// `tenant` is taken, as requests of tenants carry it: all see the same.
Task<Control::Answer> Control::describe_submission(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant"}));
    co_return context_.submission();
}

}  // namespace relevo
