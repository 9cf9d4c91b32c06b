// Seals messages that are passed on (RFC 8617 §5.1): says what was found on arrival, so that changes on the way need
// not make DMARC fail at the next server.
#pragma once

#include "lib/mail/message.h"
#include "lib/mailauth/authentication_results.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/dkim_signer.h"
#include "lib/mailauth/results.h"

#include <chrono>
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
//     auto fields = sealer.seal(header, request, identity);
// What is sealed must be what leaves: all other changes are made. Threads: any, each with its own sealer.
class ArcSealer {
 public:
    explicit ArcSealer(BareLineEnds bare_line_ends = BareLineEnds::converted);
    void update(std::string_view body);

    // The three fields to put in front of the message, each with its CRLF. Afterwards the object is as new.
    // Errors: refused  – nobody may seal any more: the chain says that it failed (§5.1), or has 50 sets already; or the
    //                    check of the chain had no result, which the next server can do better.
    //         invalid  – the verdict is not about this header: "none" with ARC fields, "pass" with a broken chain.
    //         limit    – more than 500 names to sign.
    //         internal – OpenSSL failed.
    [[nodiscard]] Result<std::string> seal(const mail::Header& header, const ArcSealRequest& request,
                                           const DkimIdentity& identity);

 private:
    BodyHasher body_;
};

}  // namespace relevo::mailauth
