// Fuzz target F9, signatures and key records: the input is a key record, an empty line and a message. Nothing a
// stranger writes passes, takes long or gets control characters into a verdict; what we sign always verifies.
#include "lib/mailauth/dkim_verifier.h"

#include "lib/base/text.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/dkim_signer.h"
#include "lib/mailauth/tag_list.h"

#include <cstdlib>

namespace {

using namespace relevo;
using namespace relevo::mailauth;

constexpr std::chrono::system_clock::time_point now{std::chrono::days(20'000)};

void require(bool holds) {
    if (!holds) std::abort();
}

std::vector<DkimVerdict> verify(const mail::Header& header, std::string_view body, std::string_view record,
                                unsigned* questions) {
    DkimVerifier verifier(header);
    verifier.update(body);
    return dns::run(verifier.finish(now), [&](const dns::Question& question) {
        require(question.name.contains("._domainkey.") && is_ascii(question.name));
        if (questions != nullptr) ++*questions;
        return Result<dns::Answer>(dns::Answer{.texts = {std::string(record)}});
    });
}

// What may go into header fields, logs and reports as it is.
void check_text(std::string_view text) { require(printable(text, text.size()) == text); }

void check_verdict(const DkimVerdict& verdict) {
    require(verdict.result != DkimResult::none);
    require(verdict.result == DkimResult::pass || !verdict.reason.empty());
    require(verdict.result != DkimResult::pass || (verdict.covers_body && !verdict.domain.empty()));
    for (const std::string* text : {&verdict.domain, &verdict.selector, &verdict.identity, &verdict.algorithm,
                                    &verdict.signature, &verdict.reason})
        check_text(*text);
    for (const CheckStep& step : verdict.steps) check_text(step.subject), check_text(step.outcome);
    require(is_ascii(verdict.domain) && is_ascii(verdict.selector));
}

void check_strangers(const mail::Header& header, std::string_view body, std::string_view record) {
    unsigned questions = 0;
    const auto verdicts = verify(header, body, record, &questions);
    const std::size_t signatures = header.count("DKIM-Signature");
    require(verdicts.size() == std::min(signatures, DkimVerifier::signature_limit + 1));
    require(questions <= DkimVerifier::signature_limit);
    for (const DkimVerdict& verdict : verdicts) check_verdict(verdict);
}

// Signing whatever the message is, prepared as submission prepares it, and verifying it with its own key.
void check_our_own(const mail::Header& arrived, std::string_view arrived_content) {
    static const DkimIdentity identity{"example.com", "s",
                                       SigningKey::generate(SigningAlgorithm::ed25519_sha256).value()};
    const std::string content = mail::apply_fixes(
        "", arrived_content, mail::fixes_for_submission(arrived, arrived_content, "1@example.com", now));
    const auto header = mail::Header::parse(content);
    if (!header) return;  // two fields more may cross the limit
    DkimSigner signer;
    signer.update(std::string_view(content).substr(header->body_offset()));
    const auto fields = signer.sign(header->fields(), {&identity, 1}, now);
    if (!fields) return;
    const std::string signed_content = *fields + content;
    const auto again = mail::Header::parse(signed_content);
    if (!again) return;
    require(again->fields().size() == header->fields().size() + 1);
    const auto verdicts =
        verify(*again, std::string_view(signed_content).substr(again->body_offset()), identity.key.record(), nullptr);
    require(verdicts.front().result == DkimResult::pass);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(input.find("\n\n"), size);
    const std::string_view record = input.substr(0, end);
    const std::string_view content = input.substr(std::min(end + 2, size));
    if (const auto parsed = DkimKeyRecord::parse(record); !parsed) check_text(parsed.error().detail);
    const auto header = mail::Header::parse(content);
    if (!header) return 0;
    check_strangers(*header, content.substr(header->body_offset()), record);
    check_our_own(*header, content);
    return 0;
}
