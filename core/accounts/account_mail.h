// The mail that brings a person a link to choose a password: its text, in that person's language. Pure.
#pragma once

#include "core/accounts/one_time_tokens.h"
#include "lib/mail/address.h"

#include <string>

namespace relevo {

struct AccountMail {
    OneTimePurpose purpose = OneTimePurpose::invitation;  // or password_reset
    mail::Language language = mail::Language::english;
    mail::Address from, to;
    std::string name;        // of the person; may be empty
    std::string login;       // what they log in with
    std::string invited_by;  // login of who invites; empty: somebody at the command line
    std::string host_name;   // of the server
    std::string link;
    WallClock::time_point expires_at{};
};

// A whole message with Date and Message-ID, as text alone: it is read everywhere, and nothing in it can be followed but
// the link. Marked as automatic, so that no program answers it (RFC 3834 §5).
// Errors: invalid – a text that cannot stand in a header field.
[[nodiscard]] Result<std::string> compose_account_mail(const AccountMail& mail, std::string_view message_id,
                                                       WallClock::time_point now);

}  // namespace relevo
