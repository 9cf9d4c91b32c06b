// The records that a domain must publish: the proof that it is its tenant's, and the keys that sign its mail.
#pragma once

#include "core/ports/database.h"
#include "core/signing/model.h"
#include "core/tenancy/model.h"
#include "lib/dns/record.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

enum class RecordPurpose : std::uint8_t { ownership, dkim };

// A TXT record. Zone files write texts over 255 octets as several strings; the value is all of them joined.
struct DomainRecord {
    RecordPurpose purpose = RecordPurpose::ownership;
    std::string host;       // full name, A-labels, without final dot: "r20261125a._domainkey.example.com"
    std::string text;       // "v=DKIM1; k=rsa; p=…", "relevo-verification=…"
    std::string state;      // dkim: name_of(KeyState); ownership: name_of(Ownership)
    std::string algorithm;  // dkim: "rsa-sha256", "ed25519-sha256"; else ""
    bool is_needed = true;  // false: it may be deleted (a withdrawn key, a proof that has been given)
    Presence presence = Presence::unknown;  // at the last look, which is minutes old at most; dkim only
};

// Of one domain, the proof of ownership first, then keys, the newest first. Without a challenge (rows of older
// releases, which are trusted) there is no proof to publish. Threads: the reader's or the committer's.
[[nodiscard]] Result<std::vector<DomainRecord>> records_of(Reader& reader, const Domain& domain);
// Of the service's own domain (signing.service_domain), which signs beside the tenants': keys alone.
[[nodiscard]] Result<std::vector<DomainRecord>> records_of_service(Reader& reader, std::string_view service_domain);

// Whether what the DNS answered to TXT at the key's host is that key's record (RFC 6376 §3.6.1): the same algorithm and
// public key, not limited to other hashes or services. Several records are nobody's (§3.6.2.2).
[[nodiscard]] Presence presence_of(const KeyRow& key, const dns::Answer& answer);
// Whether one of the texts is the proof: challenge_text() of the domain.
[[nodiscard]] bool proves_ownership(const Domain& domain, const dns::Answer& answer);

}  // namespace relevo
