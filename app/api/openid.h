// Signing in by a provider of accounts: what the button of the console asks for, and where the provider sends the
// browser back to. Both are open to strangers.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

// Binds a sign-in to the browser that began it. "__Host-": no other host, and no plain HTTP, can give the browser a
// cookie of this name; it is the shorter one where there is no TLS (RFC 6265bis §4.1.3.2).
inline constexpr std::string_view sign_in_cookie = "__Host-relevo_sign_in";
inline constexpr std::string_view plain_sign_in_cookie = "relevo_sign_in";

// The address of the provider to go to. Binds the sign-in to the browser by a cookie.
Task<std::expected<HttpResponse, Trouble>> begin_openid(Ports& ports, const Call& call);
// Sends the browser on, whatever comes of it: into the console with a session, or to its sign-in page with what went
// wrong as a word.
Task<std::expected<HttpResponse, Trouble>> finish_openid(Ports& ports, const Call& call);
// Accounts at providers by which the person of the session comes in.
Task<std::expected<HttpResponse, Trouble>> list_own_identities(Ports& ports, const Call& call);

}  // namespace relevo::api
