// Changes to credentials, as statements inside a transaction of the caller; rules and threads as in administration.h.
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct NewCredential {
    TenantId tenant;
    std::string login;  // a name or an e-mail address; in lower case afterwards
    std::string label;
    bool smtp_enabled = true;
    std::vector<std::string> domains;   // empty: every domain of the tenant
    std::vector<std::string> networks;  // empty: from anywhere
    RateLimits limits;
    mail::MessageStream stream = mail::MessageStream::transactional;
    WallClock::time_point expires_at{};  // the epoch: never
};

// A credential as people list it: with its last use, without its secret.
struct CredentialRow {
    Credential credential;
    WallClock::time_point last_used_at{};  // the epoch: never used
    std::string last_used_from;            // address; empty: never used
};

// `secret` comes from make_secret(generate_password(…)), made before the transaction because it takes 20 ms; the caller
// shows the password once and forgets it. To prepare the statement anew on a retry is harmless.
// Errors: invalid – the login, label, a domain or a network is malformed, or the expiry lies in the past. not_found –
// no such tenant. conflict – the login is taken. refused – a domain does not belong to the tenant.
[[nodiscard]] Result<CredentialId> create_credential(Transaction& transaction, const NewCredential& credential,
                                                     const StoredSecret& secret, WallClock::time_point now);
// Its queued mail is still delivered. Errors: not_found, as all below.
[[nodiscard]] Result<void> remove_credential(Transaction& transaction, CredentialId credential);
// The old password stops working when the owner loads the next Directory.
[[nodiscard]] Result<void> set_secret(Transaction& transaction, CredentialId credential, const StoredSecret& secret);
[[nodiscard]] Result<void> set_smtp_enabled(Transaction& transaction, CredentialId credential, bool enabled);
[[nodiscard]] Result<void> set_label(Transaction& transaction, CredentialId credential, std::string_view label);
[[nodiscard]] Result<void> set_limits(Transaction& transaction, CredentialId credential, RateLimits limits);
// Of its messages that do not say.
[[nodiscard]] Result<void> set_stream(Transaction& transaction, CredentialId credential, mail::MessageStream stream);
// The epoch: never. A time in the past is allowed: it ends the credential now.
[[nodiscard]] Result<void> set_expiry(Transaction& transaction, CredentialId credential,
                                      WallClock::time_point expires_at);
[[nodiscard]] Result<void> set_credential_domains(Transaction& transaction, CredentialId credential,
                                                  const std::vector<std::string>& domains);
[[nodiscard]] Result<void> set_credential_networks(Transaction& transaction, CredentialId credential,
                                                   const std::vector<std::string>& networks);

[[nodiscard]] Result<std::vector<CredentialRow>> list_credentials(Reader& reader, std::optional<TenantId> tenant = {});
// `login` in any case. Errors: not_found.
[[nodiscard]] Result<CredentialRow> find_credential(Reader& reader, std::string_view login);

// The one spelling of a login: lower case. Errors: invalid – empty, over 128 characters, or others than letters, digits
// and . _ - + around at most one "@" (names outside ASCII are spelt differently by different programs).
[[nodiscard]] Result<std::string> canonical_login(std::string_view text);

}  // namespace relevo
