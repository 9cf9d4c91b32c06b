// Which user somebody is whom a provider sends, and why nobody comes in.
#pragma once

#include "core/accounts/identities.h"
#include "core/ports/database.h"
#include "lib/mail/report.h"
#include "lib/oidc/id_token.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Why a sign-in did not happen. The words are stable: the console has a sentence for each.
enum class SignInProblem : std::uint8_t {
    unknown_provider,
    provider_unreachable,  // later it may work
    provider_not_usable,   // the configuration is wrong, here or at the provider
    too_many,              // sign-ins that were begun and not finished
    sign_in_over,          // used, too old, or begun before a restart
    other_browser,         // the cookie of the browser that began it is missing
    declined,              // by the person, or by the provider for the person
    answer_not_valid,      // what the provider sent is not what it should be
    clock_differs,         // ours or the provider's
    email_missing,         // nobody was linked yet, and there is no address to find somebody by
    email_not_verified,
    email_not_allowed,  // of a domain that the provider does not speak for
    nobody_here,        // there is no user of that address
    linked_to_other,    // the user comes in by another account of the provider
    user_disabled,
    no_room,  // for one more user
    failed,   // the store
};
[[nodiscard]] std::string_view name_of(SignInProblem problem);

struct SignInRefusal {
    SignInProblem problem;
    std::string detail;  // for the log
};
template <class T>
using SignInResult = std::expected<T, SignInRefusal>;

enum class EmailTrust : std::uint8_t {
    claim,   // "email_verified" says whether the address is the person's
    always,  // the provider gives out none but addresses that it manages itself
};

// For whom the provider knows and this server does not.
struct NewUserRule {
    Role role = Role::analyst;  // never admin
    std::string tenant;         // its name; "": the whole server
    mail::Language language = mail::Language::english;
};

struct ArrivalRules {
    std::string provider;  // its name in the configuration
    std::string issuer;
    EmailTrust email = EmailTrust::claim;
    std::vector<std::string> email_domains;  // lower case, A-labels; empty: all
    std::optional<NewUserRule> new_users;    // nothing: none are made
};

enum class ArrivalKind : std::uint8_t {
    known,   // linked before
    linked,  // just now, by the address
    made,    // just now, with the user
};
struct ArrivedUser {
    User user;
    IdentityId identity;
    ArrivalKind kind = ArrivalKind::known;
};

// The user whose account `claims` are of; links or makes one by the rules. A refusal has written nothing.
// Threads: the committer's. Errors: those of the store.
[[nodiscard]] Result<SignInResult<ArrivedUser>> receive_arrival(Transaction& transaction, const ArrivalRules& rules,
                                                                const oidc::Claims& claims, WallClock::time_point now);

}  // namespace relevo
