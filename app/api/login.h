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

[[nodiscard]] bool is_about_login(std::string_view operation);
Task<std::expected<HttpResponse, Trouble>> perform_login(Ports& ports, const Call& call);

}  // namespace relevo::api
