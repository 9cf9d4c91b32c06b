// For tests and fuzz targets: servers that seal what they pass on, and a DNS that knows their keys.
#pragma once

#include "lib/base/base64.h"
#include "lib/mailauth/arc_sealer.h"
#include "lib/mailauth/arc_verifier.h"

#include <map>
#include <string>
#include <string_view>

namespace relevo::mailauth {

class ArcTestPeer {
 public:
    static std::chrono::system_clock::time_point now() {
        return std::chrono::sys_days{std::chrono::November / 25 / 2026} + std::chrono::hours(12);
    }
    // Selector "s" of every domain has this key: RFC 8463 appendix A.2.
    static const SigningKey& key() {
        static const SigningKey made =
            SigningKey::from_der(std::string("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16) +
                                 decode_base64("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").value())
                .value();
        return made;
    }

    std::map<std::string, unsigned> questions;  // how often each name was asked for
    std::string silent_domain;                  // whose key the DNS does not give now

    Result<dns::Answer> answer(const dns::Question& question) {
        ++questions[question.name];
        if (!silent_domain.empty() && question.name.ends_with("." + silent_domain))
            return failure(ErrorKind::timeout, "no answer");
        dns::Answer answer;
        answer.name_exists = question.name.starts_with("s._domainkey.");
        if (answer.name_exists) answer.texts.push_back(key().record());
        return answer;
    }

    ArcVerdict verify(std::string_view content, std::size_t piece_octets = std::string::npos) {
        const mail::Header header = mail::Header::parse(content).value();
        ArcVerifier verifier(header);
        for (std::string_view rest = content.substr(header.body_offset()); !rest.empty();) {
            verifier.update(rest.substr(0, piece_octets));
            rest.remove_prefix(std::min(rest.size(), piece_octets));
        }
        return dns::run(verifier.finish(now()), [this](const dns::Question& question) { return answer(question); });
    }

    // The content with one more set in front, from a server that checked it and says that DMARC passed.
    Result<std::string> pass_on(const std::string& content, std::string_view domain,
                                std::string_view author_domain = "author.example") {
        return seal(content, domain, author_domain, verify(content).result);
    }
    static Result<std::string> seal(const std::string& content, std::string_view domain, std::string_view author_domain,
                                    ArcResult chain) {
        MessageVerdicts verdicts;
        verdicts.dmarc =
            DmarcVerdict{.result = DmarcResult::pass, .author_domain = std::string(author_domain), .reason = {}};
        verdicts.arc = ArcVerdict{.result = chain, .reason = {}};
        ArcSealRequest request{.chain = chain, .results = reported_results(domain, verdicts)};
        request.time = now();
        const mail::Header header = mail::Header::parse(content).value();
        ArcSealer sealer;
        sealer.update(std::string_view(content).substr(header.body_offset()));
        RELEVO_TRY(const std::string fields, sealer.seal(header.fields(), request, {std::string(domain), "s", key()}));
        return fields + content;
    }
};

}  // namespace relevo::mailauth
