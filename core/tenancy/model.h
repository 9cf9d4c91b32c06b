// Who may send, as rows and as values.
#pragma once

#include "core/ports/task.h"
#include "lib/base/identifier.h"
#include "lib/dns/record.h"
#include "lib/mail/message_stream.h"
#include "lib/mail/report.h"
#include "lib/mail/tls_wish.h"
#include "lib/sasl/mechanism.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct NetworkGrantTag {
    static constexpr std::string_view prefix = "net";
};
using NetworkGrantId = Identifier<NetworkGrantTag>;

// Somebody who sends mail through us: a customer, a department. Everything else belongs to one.
struct Tenant {
    TenantId id;
    std::string name;
    mail::Language language = mail::Language::english;  // of the reports that its senders get
    bool suspended = false;                             // none of its credentials may send
    std::uint32_t weight = 1;                           // its turns in a round of the queue, 1 to 1000
    mail::TlsWish tls = mail::TlsWish::usual;           // what all of its mail needs; never optional
    WallClock::time_point created_at;
};

enum class Subdomains : bool { excluded, included };

// Whether a domain is its tenant's, and how we know: nobody sends or signs as a pending one.
enum class Ownership : std::uint8_t {
    pending,   // nothing is proved yet
    verified,  // a record that only the owner could publish was found in its DNS
    trusted,   // the operator vouches for it
};
[[nodiscard]] std::string_view name_of(Ownership ownership);

// How far the owner of a recipient's domain follows what the author's domain asks for (RFC 9989 §5.3): never beyond it.
enum class DmarcHandling : std::uint8_t {
    none,        // results are written down, every message is taken
    quarantine,  // what should be refused or set apart is marked
    reject,      // what should be refused is refused, what should be set apart is marked
};
[[nodiscard]] std::string_view name_of(DmarcHandling handling);

// What is noticed of a message after it was delivered.
struct Tracked {
    bool opens = false;   // by an image in it
    bool clicks = false;  // by its links
    [[nodiscard]] bool is_none() const { return !opens && !clicks; }
    friend bool operator==(const Tracked&, const Tracked&) = default;
};
// "opens,clicks", "opens", "clicks", "none", in any order and case. nullopt: anything else.
[[nodiscard]] std::optional<Tracked> parse_tracked(std::string_view text);
[[nodiscard]] std::string_view name_of(const Tracked& tracked);

// A domain that a tenant may use in the envelope sender and in From.
struct Domain {
    DomainId id;
    TenantId tenant;
    std::string name;  // A-labels, lower case: the one form in which domains are compared
    Subdomains subdomains = Subdomains::excluded;
    std::vector<std::string> addresses;  // if not empty, only these may be used; canonical, sorted
    WallClock::time_point created_at;
    Ownership ownership = Ownership::pending;
    std::string challenge;                // what the owner publishes to prove it; empty in rows of older releases
    WallClock::time_point verified_at{};  // the epoch: never
    std::optional<DmarcHandling> dmarc;   // of mail from outside to it; absent: as the configuration says
    std::string return_path;  // the sub-domain that its mail comes back to (A-labels); empty: the service's, if any
    std::optional<Tracked> tracking;  // of its mail; absent: as the configuration says
    std::string tracking_host;        // the sub-domain that its links go to (A-labels); empty: the service's
};

// The proof that a domain is its tenant's: a TXT record at "_relevo-challenge.example.com" that holds
// "relevo-verification=…".
[[nodiscard]] std::string challenge_host(std::string_view domain);
[[nodiscard]] std::string challenge_text(std::string_view challenge);

// 0: no limit.
struct RateLimits {
    std::uint32_t messages_per_hour = 0;
    std::uint32_t messages_per_day = 0;
    friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

// What is kept of a password: nothing from which it could be read.
struct StoredSecret {
    std::string password_hash;  // argon2id in the form of its reference implementation, "$argon2id$v=19$m=…"
    sasl::ScramVerifier scram;
};

// A login for programs and people that send.
struct Credential {
    CredentialId id;
    TenantId tenant;
    std::string login;  // lower case
    std::string label;  // free text for people
    StoredSecret secret;
    bool smtp_enabled = true;
    std::vector<std::string> domains;    // if not empty, may send only from these; A-labels
    std::vector<dns::Network> networks;  // if not empty, may log in only from these
    RateLimits limits;
    mail::MessageStream stream = mail::MessageStream::transactional;  // of messages that do not say
    WallClock::time_point expires_at{};                               // the epoch: never
    WallClock::time_point created_at;

    [[nodiscard]] bool has_expiry() const { return expires_at != WallClock::time_point{}; }
};

// Lets every host of a network send for a tenant without a password, on listeners that allow it.
struct NetworkGrant {
    NetworkGrantId id;
    TenantId tenant;
    dns::Network network;
    std::string label;
    RateLimits limits;
    mail::MessageStream stream = mail::MessageStream::transactional;  // of messages that do not say
    WallClock::time_point created_at;
};

// Whom the sender of a session turned out to be: by credential or by network, never both. Nobody: tenant is 0.
struct Identity {
    TenantId tenant;
    CredentialId credential;
    NetworkGrantId grant;

    [[nodiscard]] bool is_known() const { return static_cast<bool>(tenant); }
    friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace relevo
