// Web pages and documents from which mail clients and people learn how to send through this server.
#pragma once

#include "core/ports/http.h"
#include "core/ports/task.h"
#include "core/tenancy/directory.h"
#include "lib/clientsetup/offer.h"

namespace relevo {

// Whether the request is for one of them: /settings, the two paths of Thunderbird's configuration file, and those of
// Outlook's autodiscover, which are the same in any case.
[[nodiscard]] bool is_client_setup(const HttpRequest& request);

// Only if is_client_setup(). Documents are for domains of the directory whose ownership is known; whoever asks about
// another one learns that alone. Which logins there are, nobody learns. The address is that of the query or the
// request; without one, autoconfig takes the domain from the name under which it was asked.
[[nodiscard]] HttpResponse answer_client_setup(const HttpRequest& request, const clientsetup::Offer& offer,
                                               const Directory& directory, WallClock::time_point now);

}  // namespace relevo
