// Checks the chain of ARC sets of a message while it streams in (RFC 8617 §5.2).
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mail/message.h"
#include "lib/mailauth/arc_chain.h"
#include "lib/mailauth/body_hashes.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/dkim_signature.h"
#include "lib/mailauth/results.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// Built at the end of the header section; takes all it needs from it, so that header and content may go. Used as
// DkimVerifier: update() with the body in any pieces, then finish().
// Bounds: 50 sets and 256 KiB of ARC fields, each seal is checked; ten message signatures, the newest ones (older ones
// count for oldest_pass alone); each key is asked for once. Threads: none.
class ArcVerifier {
 public:
    static constexpr std::size_t message_signature_limit = 10;

    explicit ArcVerifier(const mail::Header& header, BareLineEnds bare_line_ends = BareLineEnds::converted)
        : ArcVerifier(header, std::make_shared<BodyHashes>(bare_line_ends)) {}
    // `bodies` are fed by the caller, in place of update(), after all verifiers that share them were built.
    ArcVerifier(const mail::Header& header, std::shared_ptr<BodyHashes> bodies);
    void update(std::string_view body) { bodies_->update(body); }
    // Nothing to check needs the body: update() may be left out.
    [[nodiscard]] bool needs_body() const { return !bodies_->is_empty(); }

    // Once, after the last update(). The verifier must outlive the inquiry.
    [[nodiscard]] dns::Inquiry<ArcVerdict> finish(std::chrono::system_clock::time_point now);

 private:
    struct MessageSignature {
        unsigned instance = 0;
        DkimSignature signature;
        std::string header_digest;
        std::size_t body = 0;  // in bodies_
    };
    struct Seal {
        unsigned instance = 0;
        ArcSeal seal;
        std::string digest;
    };
    struct Outcome {
        ArcResult result = ArcResult::pass;
        std::string reason;  // "" with pass
    };
    using Keys = std::map<std::string, Result<DkimKeys>>;

    void add_message_signatures(const ArcChain& chain, const SignedFields& fields);
    void add_seals(const ArcChain& chain);
    [[nodiscard]] Outcome check_content(const MessageSignature& message,
                                        std::chrono::system_clock::time_point now) const;
    [[nodiscard]] dns::Inquiry<Outcome> check_message(const MessageSignature& message,
                                                      std::chrono::system_clock::time_point now);
    [[nodiscard]] dns::Inquiry<Outcome> check_signature(std::string key_name, SigningAlgorithm algorithm,
                                                        const std::string& digest, const std::string& signature);
    [[nodiscard]] dns::Inquiry<unsigned> oldest_pass(std::chrono::system_clock::time_point now, ArcVerdict& verdict);
    [[nodiscard]] dns::Inquiry<Outcome> check_seals(ArcVerdict& verdict);

    std::vector<MessageSignature> messages_;  // the newest first
    std::vector<Seal> seals_;                 // the newest first
    std::shared_ptr<BodyHashes> bodies_;      // shared with other verifiers of the message
    unsigned highest_instance_ = 0;
    std::string problem_;  // with the structure
    std::vector<std::string> first_passed_domains_;
    Keys keys_;  // what was asked for already
};

// Whether ARC may lift the policy off a message that failed DMARC (RFC 8617 §7.2.1, §9): the chain holds, *each* sealer
// is in `trusted_sealers` (any of them can write what results it likes, and change the message), and the first one
// found that DMARC passed for this very author domain. Domains in any form; an empty list trusts nobody.
[[nodiscard]] bool arc_vouches_for(const ArcVerdict& arc, std::string_view author_domain,
                                   const std::vector<std::string>& trusted_sealers);

}  // namespace relevo::mailauth
