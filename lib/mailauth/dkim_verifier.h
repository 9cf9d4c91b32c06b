// Checks the DKIM signatures of a message while it streams in (RFC 6376 §6, RFC 8301, RFC 8463, RFC 8616).
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mail/message.h"
#include "lib/mailauth/body_hashes.h"
#include "lib/mailauth/dkim_canonical.h"
#include "lib/mailauth/dkim_signature.h"
#include "lib/mailauth/results.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// Built at the end of the header section; takes all it needs from it, so that header and content may go.
//     DkimVerifier verifier(header);
//     verifier.update(content.substr(header.body_offset()));  // in any pieces
//     auto inquiry = verifier.finish(now);                    // dns::run(), or answered as the resolver replies
// Bounds (security row B7): ten signatures are checked, the first ones from the top; each hashes at most the header
// section, asks one question and tries at most four keys of at most 4096 bits; the body is hashed once for each pair of
// canonicalisation and l= among them. Threads: none.
class DkimVerifier {
 public:
    static constexpr std::size_t signature_limit = 10;

    explicit DkimVerifier(const mail::Header& header, BareLineEnds bare_line_ends = BareLineEnds::converted)
        : DkimVerifier(header, std::make_shared<BodyHashes>(bare_line_ends)) {}
    // `bodies` are fed by the caller, in place of update(), after all verifiers that share them were built.
    DkimVerifier(const mail::Header& header, std::shared_ptr<BodyHashes> bodies);
    void update(std::string_view body) { bodies_->update(body); }
    // No signature to check needs the body: update() may be left out.
    [[nodiscard]] bool needs_body() const { return !bodies_->is_empty(); }

    // Before finish(): keys are asked for in the order of nearness to these domains, so that those that can matter to
    // DMARC come first. The others are a stranger's choice, whose DNS may use up all the time there is.
    void judge_first(const std::vector<std::string>& author_domains);

    // Once, after the last update(). One verdict for each signature in the order of the message; signatures beyond the
    // tenth share one more, which says how many they are; none for a message without any. The verifier must outlive the
    // inquiry.
    [[nodiscard]] dns::Inquiry<std::vector<DkimVerdict>> finish(std::chrono::system_clock::time_point now);

 private:
    struct Candidate {
        DkimSignature signature;
        std::string header_digest;
        std::size_t body = 0;  // in bodies_
    };

    void add(const mail::Field& field, const SignedFields& fields, std::string& scratch);
    [[nodiscard]] dns::Inquiry<DkimVerdict> judge(const Candidate& candidate,
                                                  std::chrono::system_clock::time_point now) const;

    std::vector<Candidate> candidates_;
    std::vector<std::size_t> order_;      // in which they are judged
    std::shared_ptr<BodyHashes> bodies_;  // shared with other verifiers of the message
    std::size_t beyond_limit_ = 0;
};

}  // namespace relevo::mailauth
