// Secrets at rest: sealed before they become rows, opened when they are used. Implemented by adapters/vault and, for
// tests, adapters/memory.
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo {

// `context` says what the secret is and whose, such as "dkim r20261125a._domainkey.example.com": what was sealed under
// one opens under no other, so that rows cannot be exchanged by whoever can write to the store but has no master key.
// Threads: any. No error text holds any of the secret (security row E12).
class KeyVault {
 public:
    virtual ~KeyVault() = default;
    // One line of printable ASCII, different each time. Errors: internal – no randomness.
    [[nodiscard]] virtual Result<std::string> seal(std::string_view secret, std::string_view context) = 0;
    // Errors: invalid – damaged, changed, or of another context. refused – sealed under another master key.
    [[nodiscard]] virtual Result<std::string> open(std::string_view sealed, std::string_view context) = 0;
};

}  // namespace relevo
