// Passkeys of the console: adding and removing one's own, and coming in by one, which strangers may try.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

// The host for which browsers keep passkeys here, for the page to compare with its own; null: there is none.
[[nodiscard]] boost::json::value passkey_host(const Ports& ports, const HttpRequest& request);

// What the browser is to ask an authenticator for. Needs the password again.
Task<std::expected<HttpResponse, Trouble>> begin_passkey(Ports& ports, const Call& call);
Task<std::expected<HttpResponse, Trouble>> add_passkey(Ports& ports, const Call& call);
Task<std::expected<HttpResponse, Trouble>> list_own_passkeys(Ports& ports, const Call& call);
// Needs the password again.
Task<std::expected<HttpResponse, Trouble>> remove_own_passkey(Ports& ports, const Call& call);

Task<std::expected<HttpResponse, Trouble>> begin_passkey_sign_in(Ports& ports, const Call& call);
Task<std::expected<HttpResponse, Trouble>> sign_in_with_passkey(Ports& ports, const Call& call);

}  // namespace relevo::api
