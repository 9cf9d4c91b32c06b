// Web pages and documents from which mail clients and people learn how to send through this server.
#pragma once

#include "core/ports/http.h"
#include "core/ports/task.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/mailboxes.h"
#include "lib/clientsetup/offer.h"

#include <functional>
#include <string>
#include <string_view>

namespace relevo {

// Whether the request is for one of them: /settings and the profile below it, the two paths of Thunderbird's
// configuration file, and those of Outlook's autodiscover, which are the same in any case.
[[nodiscard]] bool is_client_setup(const HttpRequest& request);

struct ClientSetup {
    clientsetup::Offer offer;
    const Directory& directory;
    const MailboxTable& mailboxes;
    // As CMS, by the key of the server's certificate. Errors: io, unsupported.
    std::function<Result<std::string>(std::string_view content)> sign;
    WallClock::time_point now;
};

// Only if is_client_setup(). Documents are for domains of the directory whose ownership is known; whoever asks about
// another one learns that alone. Which logins there are, nobody learns. The address is that of the query or the
// request; without one, autoconfig takes the domain from the name under which it was asked.
[[nodiscard]] HttpResponse answer_client_setup(const HttpRequest& request, const ClientSetup& setup);

}  // namespace relevo
