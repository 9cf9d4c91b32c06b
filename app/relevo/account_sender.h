// Whom the server's mail to its own users comes from, and by which keys it is signed.
#pragma once

#include "app/configuration/configuration.h"
#include "core/signing/message_signer.h"

#include <string>

namespace relevo {

// accounts.mail_from, which may be of any domain: it goes unsigned if there are no keys. If that is not set, no-reply@
// signing.service_domain, once its keys sign.
// Errors: unsupported – neither; the detail tells people what to do.
[[nodiscard]] Result<mail::Address> account_mail_from(const Configuration& configuration, const MessageSigner& signer);

// Signs as any other mail from that domain: by the keys of the tenant that has it, and of the service.
[[nodiscard]] std::string signed_account_mail(MessageSigner& signer, const Directory& directory, std::string content,
                                              std::string_view domain, WallClock::time_point now);

}  // namespace relevo
