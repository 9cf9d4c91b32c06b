// Seals messages that are passed on (RFC 8617 §5.1): says what was found on arrival, so that changes on the way need
// not make DMARC fail at the next server.
#pragma once

#include "lib/mail/message.h"
#include "lib/mailauth/authentication_results.h"
#include "lib/mailauth/body_hashes.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/dkim_signer.h"
#include "lib/mailauth/results.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// What is to be sealed, and how.
struct ArcSealRequest {
    ArcResult chain = ArcResult::none;      // what ArcVerifier found on arrival, before anything was changed
    AuthenticationResults results;          // what all checks found on arrival, ARC among them (§4.1.1)
    mail::Utf8 utf8 = mail::Utf8::refused;  // allowed: the message is one of SMTPUTF8
    std::chrono::system_clock::time_point time;
    // h= of the message signature. Empty: what readers see and programs act on, DKIM-Signature too, as often as it is
    // there; From, To, Subject and their like once more, so that none can be added.
    std::vector<std::string> signed_names;
};

// Hashes the body of one message as it streams by, then seals it.
//     ArcSealer sealer;
//     sealer.update(content.substr(header.body_offset()));  // in any pieces
//     auto fields = sealer.seal(header.fields(), request, identity);
// What is sealed must be what leaves: all other changes are made. Threads: any, each with its own sealer.
class ArcSealer {
 public:
    explicit ArcSealer(BareLineEnds bare_line_ends = BareLineEnds::converted)
        : ArcSealer(std::make_shared<BodyHashes>(bare_line_ends)) {}
    // `bodies` are fed by the caller, in place of update(), after all that share them were built: the verifiers on
    // arrival want the same hash.
    explicit ArcSealer(std::shared_ptr<BodyHashes> bodies);
    void update(std::string_view body) { bodies_->update(body); }

    // After the last update(): the three fields to put in front of the message, each with its CRLF.
    // `fields`: the header section as it will leave, from the top down.
    // Errors: refused  – nobody may seal any more: the chain says that it failed (§5.1), or has 50 sets already; or the
    //                    check of the chain had no result, which the next server can do better.
    //         invalid  – the verdict is not about this header: "none" with ARC fields, "pass" with a broken chain.
    //         limit    – more than 500 names to sign.
    //         internal – OpenSSL failed.
    [[nodiscard]] Result<std::string> seal(std::span<const mail::Field> fields, const ArcSealRequest& request,
                                           const DkimIdentity& identity);

 private:
    std::shared_ptr<BodyHashes> bodies_;  // shared with the verifiers of the message
    std::size_t body_;                    // in bodies_
};

}  // namespace relevo::mailauth
