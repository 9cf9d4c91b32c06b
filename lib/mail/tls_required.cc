#include "lib/mail/tls_required.h"

#include "lib/base/text.h"

namespace relevo::mail {

bool says_tls_is_optional(const Header& header) {
    const Field* found = nullptr;
    for (const Field& field : header.fields()) {
        if (!equals_ignoring_case(field.name, "TLS-Required")) continue;
        if (found != nullptr) return false;
        found = &field;
    }
    return found != nullptr && equals_ignoring_case(trimmed(unfolded(found->value)), "No");
}

}  // namespace relevo::mail
