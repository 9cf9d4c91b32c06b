// Signs what is submitted, and our own reports, and seals what is passed on, with the keys that sign now.
#pragma once

#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/signing/key_ring.h"
#include "core/tenancy/directory.h"
#include "lib/mail/header_end.h"
#include "lib/mail/message.h"
#include "lib/mailauth/arc_sealer.h"
#include "lib/mailauth/dkim_signer.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relevo {

// Hashes the body of a message while it arrives, so that its end need not wait for that. Threads: none.
class StreamedBody {
 public:
    explicit StreamedBody(mailauth::BareLineEnds bare_line_ends)
        : bare_line_ends_(bare_line_ends), signer_(bare_line_ends) {}
    // The next octets of the message.
    void receive(std::string_view piece);
    // The signer that has hashed the body of `arrived`, all that came. Hashes again if the body does not begin behind
    // the first empty line: without one, the first line that is no field begins it.
    [[nodiscard]] mailauth::DkimSigner finish(std::string_view arrived, std::size_t body_offset) &&;

 private:
    mailauth::BareLineEnds bare_line_ends_;
    mailauth::DkimSigner signer_;
    mail::HeaderEnd header_end_;
};

struct SignerMetrics {
    explicit SignerMetrics(Metrics& metrics);
    Counter &signatures, &seals, &unsigned_messages, &failures;
    Histogram& seconds;  // for one message
};

// The domain row of the author (From), for whom alone a message of `identity` may be signed: exactly one From field,
// its first address in a domain of the same tenant that is proven to be its. nullptr: none. The same rules as
// judge_content() has; looked at again because whatever decides about d= must not depend on another check having run
// (security row A12).
[[nodiscard]] const Domain* author_domain(const Directory& directory, const Identity& identity,
                                          std::span<const mail::Field> header);

// Threads: any, many at once.
class MessageSigner {
 public:
    struct Signed {
        std::string fields;  // DKIM-Signature or ARC fields, to be put in front; empty: not signed
        std::string by;      // "example.com (r20261125a, e20261125a), relay.example (…)", for the history
    };
    using RingSource = std::function<std::shared_ptr<const KeyRing>()>;

    MessageSigner(RingSource ring, SignerMetrics& metrics, Log& log, std::chrono::seconds lifetime)
        : ring_(std::move(ring)), metrics_(metrics), log_(log), lifetime_(lifetime) {}
    void set_lifetime(std::chrono::seconds lifetime) { lifetime_ = lifetime; }

    // Whether the body of the next submission is worth hashing: some key signs.
    [[nodiscard]] bool has_keys() const { return !ring_()->is_empty(); }
    // Whether the domain has keys of its own that sign now.
    [[nodiscard]] bool signs(DomainId domain) const { return ring_()->signs(domain); }
    // Likewise the service.
    [[nodiscard]] bool signs_for_service() const { return !ring_()->service().empty(); }
    // A message of `identity`: for the domain of its author if that has keys, and for the service. `header`: all fields
    // as they will leave, from the top down, without our own trace fields. `signer` has hashed the body; nothing if no
    // key signed when the body began. What cannot be signed goes out unsigned, and the log says so.
    [[nodiscard]] Signed sign_submission(const Directory& directory, const Identity& identity,
                                         std::span<const mail::Field> header,
                                         std::optional<mailauth::DkimSigner> signer, WallClock::time_point now);
    // A report of ours, for the service alone.
    [[nodiscard]] Signed sign_report(std::string_view content, WallClock::time_point now);
    // A message from outside that is passed on, for the service: with its RSA key, since the next servers that know no
    // other would take the chain for broken. `header`: as for sign_submission(), what was found on top. What nobody may
    // seal (ArcSealer) stays as it is.
    [[nodiscard]] Signed seal(std::span<const mail::Field> header, const mailauth::ArcSealRequest& request,
                              mailauth::ArcSealer sealer);

 private:
    Signed sign(std::span<const mailauth::DkimIdentity> identities, std::span<const mail::Field> header,
                mailauth::DkimSigner& signer, WallClock::time_point now);
    void warn_of_unsigned(const Domain& domain);
    void warn_of_unsealed();
    // Whether a warning about this domain is due; the service is nobody's domain.
    [[nodiscard]] bool may_warn_of(DomainId domain);

    RingSource ring_;
    SignerMetrics& metrics_;
    Log& log_;
    std::atomic<std::chrono::seconds> lifetime_;
    std::mutex mutex_;                               // guards what follows
    std::unordered_map<DomainId, Deadline> warned_;  // not again before then
};

}  // namespace relevo
