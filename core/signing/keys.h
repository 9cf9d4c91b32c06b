// Signing keys as rows: every change as statements inside a transaction of the caller. After a change the owner loads a
// new KeyRing. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/ports/key_vault.h"
#include "core/signing/model.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// "r20261125a", "e20261125b": algorithm, day, and a letter (after z: "aa") that keeps keys of one day apart. Not yet
// used by any key of the domain, living or withdrawn. Errors: limit – 702 keys on one day.
[[nodiscard]] Result<std::string> choose_selector(Reader& reader, std::string_view domain,
                                                  mailauth::SigningAlgorithm algorithm, WallClock::time_point now);
// In lower case: labels of letters, digits and "-" with dots between (RFC 6376 §3.1), at most 128 octets. Errors:
// invalid.
[[nodiscard]] Result<std::string> checked_selector(std::string_view text);
// A row for a fresh key, its private half sealed. Errors: those of the vault.
[[nodiscard]] Result<KeyRow> sealed_row(KeyVault& vault, const mailauth::SigningKey& key, DomainId domain,
                                        std::string_view name, std::string selector, WallClock::time_point now);
// Errors: conflict – the selector was used before.
[[nodiscard]] Result<void> insert_key(Transaction& transaction, const KeyRow& key);

// All of them, by domain name, the newest of each first.
[[nodiscard]] Result<std::vector<KeyRow>> list_keys(Reader& reader);
[[nodiscard]] Result<std::vector<KeyRow>> keys_of(Reader& reader, DomainId domain);
// Of the service's own domain; keys of an earlier service domain are left out.
[[nodiscard]] Result<std::vector<KeyRow>> keys_of_service(Reader& reader, std::string_view service_domain);
// How many private keys the vault must be able to open.
[[nodiscard]] Result<std::int64_t> count_sealed_keys(Reader& reader);

// Moves a key from one state to another. Entering `active` and `retiring` notes the time, entering `withdrawn` erases
// the private key. Errors: conflict – it is not in `from` any more.
[[nodiscard]] Result<void> move_key(Transaction& transaction, const KeyRow& key, KeyState to,
                                    WallClock::time_point now);
[[nodiscard]] Result<void> set_presence(Transaction& transaction, const KeyRow& key, Presence presence,
                                        WallClock::time_point now);
// The domain goes: its keys are withdrawn.
[[nodiscard]] Result<void> withdraw_keys_of(Transaction& transaction, DomainId domain, WallClock::time_point now);

}  // namespace relevo
