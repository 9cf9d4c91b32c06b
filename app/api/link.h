// Links to choose a password: asking for one, and what a page shows of one that was followed. Both are open to
// strangers.
#pragma once

#include "app/api/api.h"
#include "core/accounts/one_time_tokens.h"

namespace relevo::api {

// Sends a link to whoever has the login that the body names. The answer comes before that is looked up, so that neither
// it nor its time tells whether there is such a user.
Task<std::expected<HttpResponse, Trouble>> ask_for_link(Ports& ports, const Call& call);
// Whose link it is. A link that does not work tells nothing.
Task<std::expected<HttpResponse, Trouble>> look_at_link(Ports& ports, const Call& call);

// A link that was used, is too old, or was never one.
[[nodiscard]] Trouble link_not_valid();
// The member "purpose" of a body, which its description bounds.
[[nodiscard]] OneTimePurpose purpose_of(const Call& call);

}  // namespace relevo::api
