// Signing in by a provider of accounts: what the button of the console asks for, and where the provider sends the
// browser back to. Both are open to strangers.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

// The address of the provider to go to. Binds the sign-in to the browser by a cookie.
Task<std::expected<HttpResponse, Trouble>> begin_openid(Ports& ports, const Call& call);
// Sends the browser on, whatever comes of it: into the console with a session, or to its sign-in page with what went
// wrong as a word.
Task<std::expected<HttpResponse, Trouble>> finish_openid(Ports& ports, const Call& call);
// Accounts at providers by which the person of the session comes in.
Task<std::expected<HttpResponse, Trouble>> list_own_identities(Ports& ports, const Call& call);

}  // namespace relevo::api
