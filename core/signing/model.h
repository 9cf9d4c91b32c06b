// Keys that sign mail, as rows and as values.
#pragma once

#include "core/ports/task.h"
#include "lib/base/identifier.h"
#include "lib/mailauth/signing_key.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo {

// Forward only, but for a published key that vanishes from the DNS before it signs.
enum class KeyState : std::uint8_t {
    next,       // made; its record is not in the DNS yet
    published,  // its record was seen; it waits for its turn
    active,     // signs
    retiring,   // signs no more; its record must stay for mail that is still on its way
    withdrawn,  // its record may be deleted; the private key is erased
};
[[nodiscard]] std::string_view name_of(KeyState state);

// What the DNS showed of a key's record.
enum class Presence : std::uint8_t {
    unknown,    // not asked yet, or only faults so far
    absent,     // the DNS says that there is no such record
    different,  // there is a record, but not this key's; or several
    present,
};
[[nodiscard]] std::string_view name_of(Presence presence);

struct KeyRow {
    DomainId domain;   // the row of the tenant's domain; 0: the service's own domain
    std::string name;  // of the domain, A-labels: d=
    std::string selector;
    mailauth::SigningAlgorithm algorithm = mailauth::SigningAlgorithm::rsa_sha256;
    KeyState state = KeyState::next;
    std::string sealed;  // by the KeyVault; empty once withdrawn
    std::string record;  // "v=DKIM1; k=rsa; p=…"
    Presence presence = Presence::unknown;
    WallClock::time_point created_at;
    WallClock::time_point presence_since;  // the epoch: never asked
    WallClock::time_point activated_at;    // the epoch: not yet
    WallClock::time_point retired_at;      // the epoch: not yet
};

// "r20261125a._domainkey.example.com": where the record of the key is (RFC 6376 §3.6.2.1).
[[nodiscard]] std::string record_host(std::string_view selector, std::string_view domain);
// What a key is sealed under, so that rows cannot be exchanged for one another.
[[nodiscard]] std::string vault_context(const KeyRow& key);

}  // namespace relevo
