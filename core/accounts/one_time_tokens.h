// Links that work once: the first set-up, an invitation, a password reset. Statements inside a transaction of the
// caller; threads as in api_keys.h.
#pragma once

#include "core/accounts/model.h"
#include "core/ports/database.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace relevo {

// Stored numbers: never renumber.
enum class OneTimePurpose : std::uint8_t {
    set_up = 1,  // makes the first admin; refused once there is a user
    invitation = 2,
    password_reset = 3,
};
[[nodiscard]] std::string_view name_of(OneTimePurpose purpose);

// How long each works: set-up 7 days, invitation 7 days, password reset 1 hour.
[[nodiscard]] std::chrono::minutes lifetime_of(OneTimePurpose purpose);

// `token` comes from generate_one_time_token(). A former token of the same purpose and user stops working. `user`: none
// for set_up. `message`: the mail that brings it; 0: it is shown to whoever made it. Errors: not_found – no such user.
// conflict – set_up, but there is a user.
[[nodiscard]] Result<void> create_one_time_token(Transaction& transaction, OneTimePurpose purpose, UserId user,
                                                 std::string_view token, WallClock::time_point now,
                                                 MessageId message = {});
// A link of a user that was not used yet; for people.
struct OpenLink {
    OneTimePurpose purpose = OneTimePurpose::invitation;
    MessageId message;  // none: it was shown
    WallClock::time_point created_at{}, expires_at{};
};
// The newest that still works; nullopt: none.
[[nodiscard]] Result<std::optional<OpenLink>> open_link_of(Reader& reader, UserId user, WallClock::time_point now);
// Whose it is, if it would work: for showing the page, changes nothing. Errors as redeem.
[[nodiscard]] Result<UserId> peek_one_time_token(Reader& reader, OneTimePurpose purpose, std::string_view token,
                                                 WallClock::time_point now);
// Uses it up in the transaction that brings about its effect. Returns the user (none for set_up).
// Errors: not_found – no such token, another purpose, used before or replaced. timeout – too old. closed – the user is
// disabled, or set_up and there is a user.
[[nodiscard]] Result<UserId> redeem_one_time_token(Transaction& transaction, OneTimePurpose purpose,
                                                   std::string_view token, WallClock::time_point now);
[[nodiscard]] Result<std::int64_t> forget_one_time_tokens(Transaction& transaction, WallClock::time_point now,
                                                          std::int64_t limit = 1000);

}  // namespace relevo
