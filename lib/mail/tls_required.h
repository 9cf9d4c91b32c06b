// The header field TLS-Required (RFC 8689 §5).
#pragma once

#include "lib/mail/message.h"

namespace relevo::mail {

// The sender wants the message delivered rather in clear than not at all. §5: "No" is its only value; a message that
// has the field twice, or says anything else, says nothing.
[[nodiscard]] bool says_tls_is_optional(const Header& header);

}  // namespace relevo::mail
