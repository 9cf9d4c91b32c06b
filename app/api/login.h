// Sessions of the console: who is logged in by which cookie, and the operations that begin, change and end that.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

inline constexpr std::string_view session_cookie = "relevo_session";
inline constexpr std::string_view csrf_field = "X-CSRF-Token";

// "" if there is none.
[[nodiscard]] std::string cookie_of(const HttpRequest& request, std::string_view name);
// The token of the cookie; "" if there is none.
[[nodiscard]] std::string session_token_of(const HttpRequest& request);
// Without TLS, from this machine alone: nobody can listen. Cookies are Secure elsewhere.
[[nodiscard]] bool is_plain_and_local(const HttpRequest& request);
// The field that gives the browser a session, or with "" takes it away.
[[nodiscard]] std::string session_cookie_field(const HttpRequest& request, std::string_view token);
// Who is logged in. A request that changes something must bring the session's CSRF token too (security row E3).
Task<std::expected<Principal, Trouble>> session_principal(Ports& ports, const HttpRequest& request);

// --- for the operations of this module

// The answer to whoever has just come in: the session, with its cookie.
[[nodiscard]] HttpResponse logged_in(Ports& ports, const Call& call, const User& user, SessionId session,
                                     const std::string& token);
// For changes to the own account: whether a person asks and "password" of the body is that one's. Nothing: yes.
Task<std::optional<Trouble>> confirm_by_password(Ports& ports, const Call& call);
// Runs `work` in a transaction with its place in the audit log, as a change of one's own account.
Task<std::optional<Trouble>> write_as_self(Ports& ports, const Call& call, std::string_view operation,
                                           std::function<Result<void>(Transaction&)> work,
                                           boost::json::object detail = {});
// A program asks for what is a person's.
[[nodiscard]] Trouble session_only();

[[nodiscard]] bool is_about_login(std::string_view operation);
Task<std::expected<HttpResponse, Trouble>> perform_login(Ports& ports, const Call& call);

}  // namespace relevo::api
