#include "core/sign_in/arrival.h"

#include "core/accounts/users.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t display_name_limit_octets = 100;

std::unexpected<SignInRefusal> refusal(SignInProblem problem, std::string detail) {
    return std::unexpected(SignInRefusal{problem, std::move(detail)});
}

// The same where the store may fail too.
template <class T>
Result<SignInResult<T>> refused(SignInRefusal why) {
    return SignInResult<T>(std::unexpected(std::move(why)));
}

// The address as a login here, if it may speak for somebody.
SignInResult<std::string> usable_email(const ArrivalRules& rules, const oidc::Claims& claims) {
    if (claims.email.empty())
        return refusal(SignInProblem::email_missing,
                       "the provider told no address: allow the client the scope \"email\"");
    const std::string shown = printable(claims.email, 100);
    if (rules.email == EmailTrust::claim && !claims.email_verified)
        return refusal(SignInProblem::email_not_verified,
                       fmt::format("the provider does not say that \"{}\" was verified", shown));
    auto login = canonical_login(claims.email);
    const std::size_t at = login.has_value() ? login->find('@') : std::string::npos;
    if (at == std::string::npos)
        return refusal(SignInProblem::email_missing, fmt::format("\"{}\" is no address that can be a login", shown));
    const std::string domain = login->substr(at + 1);
    if (!rules.email_domains.empty() && std::ranges::find(rules.email_domains, domain) == rules.email_domains.end())
        return refusal(SignInProblem::email_not_allowed, fmt::format("\"{}\" is of no domain of email_domains", shown));
    return *std::move(login);
}

// What people write elsewhere is not always what a name may be here: then there is none.
std::string display_name_of(const oidc::Claims& claims) {
    const std::string_view name = trimmed(claims.name);
    return name.size() <= display_name_limit_octets ? std::string(name) : std::string();
}

Result<SignInResult<UserId>> make_user(Transaction& transaction, const NewUserRule& rule, const std::string& login,
                                       const oidc::Claims& claims, WallClock::time_point now) {
    NewUser user{.login = login,
                 .display_name = display_name_of(claims),
                 .language = rule.language,
                 .role = rule.role,
                 .password_hash = {}};
    if (!rule.tenant.empty()) {
        const auto tenant = find_tenant(transaction, rule.tenant);
        if (!tenant.has_value() && tenant.error().kind != ErrorKind::not_found) return std::unexpected(tenant.error());
        if (!tenant.has_value())
            return refused<UserId>(
                {SignInProblem::provider_not_usable,
                 fmt::format("new users should be of \"{}\", and there is no such tenant", rule.tenant)});
        user.tenant = tenant->id;
    }
    const auto made = create_user(transaction, user, now);
    if (!made.has_value() && made.error().kind == ErrorKind::limit)
        return refused<UserId>({SignInProblem::no_room, made.error().detail});
    if (!made.has_value()) return std::unexpected(made.error());
    return *made;
}

Result<SignInResult<ArrivedUser>> welcome_back(Transaction& transaction, const LinkedIdentity& identity,
                                               const oidc::Claims& claims, WallClock::time_point now) {
    RELEVO_TRY(User user, user_with_id(transaction, identity.user));
    if (!user.enabled)
        return refused<ArrivedUser>({SignInProblem::user_disabled, fmt::format("\"{}\" is switched off", user.login)});
    RELEVO_CHECK(
        note_identity_use(transaction, identity.id, claims.email.empty() ? identity.email : claims.email, now));
    return ArrivedUser{.user = std::move(user), .identity = identity.id, .kind = ArrivalKind::known};
}

}  // namespace

std::string_view name_of(SignInProblem problem) {
    switch (problem) {
        case SignInProblem::unknown_provider: return "unknown_provider";
        case SignInProblem::provider_unreachable: return "provider_unreachable";
        case SignInProblem::provider_not_usable: return "provider_not_usable";
        case SignInProblem::too_many: return "too_many";
        case SignInProblem::sign_in_over: return "sign_in_over";
        case SignInProblem::other_browser: return "other_browser";
        case SignInProblem::declined: return "declined";
        case SignInProblem::answer_not_valid: return "answer_not_valid";
        case SignInProblem::clock_differs: return "clock_differs";
        case SignInProblem::email_missing: return "email_missing";
        case SignInProblem::email_not_verified: return "email_not_verified";
        case SignInProblem::email_not_allowed: return "email_not_allowed";
        case SignInProblem::nobody_here: return "nobody_here";
        case SignInProblem::linked_to_other: return "linked_to_other";
        case SignInProblem::user_disabled: return "user_disabled";
        case SignInProblem::no_room: return "no_room";
        case SignInProblem::failed: return "failed";
    }
    return "failed";
}

Result<SignInResult<ArrivedUser>> receive_arrival(Transaction& transaction, const ArrivalRules& rules,
                                                  const oidc::Claims& claims, WallClock::time_point now) {
    RELEVO_TRY(const auto known, find_identity(transaction, rules.issuer, claims.subject));
    if (known) return welcome_back(transaction, *known, claims, now);
    const auto login = usable_email(rules, claims);
    if (!login.has_value()) return refused<ArrivedUser>(login.error());
    const auto present = find_login(transaction, *login);
    if (!present.has_value() && present.error().kind != ErrorKind::not_found) return std::unexpected(present.error());
    if (present.has_value() && !present->user.enabled)
        return refused<ArrivedUser>({SignInProblem::user_disabled, fmt::format("\"{}\" is switched off", *login)});
    if (!present.has_value() && !rules.new_users)
        return refused<ArrivedUser>({SignInProblem::nobody_here, fmt::format("there is no user \"{}\"", *login)});
    UserId user = present.has_value() ? present->user.id : UserId{};
    if (!present.has_value()) {
        RELEVO_TRY(const auto made, make_user(transaction, *rules.new_users, *login, claims, now));
        if (!made.has_value()) return refused<ArrivedUser>(made.error());
        user = *made;
    }
    const auto linked = link_identity(transaction, user,
                                      {.issuer = rules.issuer, .subject = claims.subject, .email = claims.email}, now);
    if (!linked.has_value() && linked.error().kind == ErrorKind::conflict)
        return refused<ArrivedUser>({SignInProblem::linked_to_other, linked.error().detail});
    if (!linked.has_value()) return std::unexpected(linked.error());
    RELEVO_TRY(User arrived, user_with_id(transaction, user));
    return ArrivedUser{.user = std::move(arrived),
                       .identity = *linked,
                       .kind = present.has_value() ? ArrivalKind::linked : ArrivalKind::made};
}

}  // namespace relevo
