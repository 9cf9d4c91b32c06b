// Signs messages (RFC 6376 §5, RFC 8301, RFC 8463): relaxed/relaxed, never with l=, with t= and x=.
#pragma once

#include "lib/mail/message.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/signing_key.h"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace relevo::mailauth {

// Who signs, and with what.
struct DkimIdentity {
    std::string domain;    // d=, canonical A-labels
    std::string selector;  // s=, the same
    SigningKey key;
};

// Hashes the body of one message, then makes as many signatures as there are identities; body and header fields are
// canonicalised once for all of them.
//     DkimSigner signer;
//     signer.update(content.substr(header.body_offset()));  // in any pieces
//     auto fields = signer.sign(header.fields(), identities, now);
// What is signed must be what leaves: all fields added or removed, an empty line before the body (mail::SubmissionFixes
// sees to that; without it a first line that begins with a blank would continue the signature), the body no longer
// changed. Delivery's own changes are allowed for: bare line ends become CRLF (unless `bare_line_ends` says literal),
// and the last line gets its end. Threads: any, each with its own signer; identities may be shared.
class DkimSigner {
 public:
    // Long enough for slow queues and readers, short enough to end replay (security row C3).
    static constexpr std::chrono::seconds usual_lifetime = std::chrono::days(14);

    explicit DkimSigner(BareLineEnds bare_line_ends = BareLineEnds::converted);
    void update(std::string_view body);

    // The DKIM-Signature fields to put in front of the message, in the order of `identities`, folded, each with its
    // CRLF. `fields`: the whole header section from the top down, as mail::Header has it, or put together from several.
    // Every field that a reader acts on is signed as often as it is there, and once more, so that none can be added
    // (§8.15; security row C2). Afterwards the object is as new and may sign the next message.
    // Errors: limit – more than 500 fields to sign. internal – OpenSSL failed.
    [[nodiscard]] Result<std::string> sign(std::span<const mail::Field> fields,
                                           std::span<const DkimIdentity> identities,
                                           std::chrono::system_clock::time_point now,
                                           std::chrono::seconds lifetime = usual_lifetime);

 private:
    BodyHasher body_;
};

}  // namespace relevo::mailauth
