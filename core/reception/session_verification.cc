// Mail from outside: checked while it arrives, marked or refused at its end.
#include "core/policy/sending.h"
#include "core/reception/replies.h"
#include "core/reception/session.h"

#include <algorithm>

namespace relevo {

void ReceptionSession::begin_verification() {
    verification_.reset();
    if (identity_.is_known() || listener_.role != ListenerRole::relay) return;
    verification_ = reception_.ports_.verifier.begin({.client = client_.address,
                                                      .client_name = session_->client_name(),
                                                      .sender = session_->envelope().reverse_path,
                                                      .body = session_->envelope().body});
}

// `piece` has just been added to the message.
void ReceptionSession::follow_content(std::string_view piece) {
    if (!verification_) return;
    if (is_in_body_) return verification_->body(piece);
    header_end_.take(piece);
    if (!header_end_.is_found()) return;
    if (const auto header = mail::Header::parse(message_.arrived()); header.has_value())
        begin_body(*header);
    else
        verification_.reset();  // refused at the end, whatever else is in it
}

void ReceptionSession::begin_body(const mail::Header& header) {
    verification_->header(header);
    verification_->body(message_.arrived().substr(header.body_offset()));
    is_in_body_ = true;
}

namespace {

mailauth::DmarcPolicy applied(const AuthenticityDecision& judged) {
    if (!judged.decision.is_accepted()) return mailauth::DmarcPolicy::reject;
    return judged.marked ? mailauth::DmarcPolicy::quarantine : mailauth::DmarcPolicy::none;
}

}  // namespace

// Puts the results on top of the content. The reply of a refusal, or nothing.
Task<std::optional<smtp::Reply>> ReceptionSession::verify_content(const mail::Header& header) {
    if (!verification_) co_return std::nullopt;
    if (!is_in_body_) begin_body(header);
    const Findings findings = co_await verification_->finish();
    reception_.ports_.metrics.count(findings);
    std::string found = findings_as_json(findings);
    const auto options = reception_.ports_.verifier.options();
    const AuthenticityDecision judged = judge_authenticity(
        findings, handling_for(*reception_.ports_.shared.directory.load(), session_->envelope(), options->handling));
    if (const auto& tell = reception_.ports_.shared.message_checked)
        tell(findings, client_.address, session_->envelope(), applied(judged));
    if (!judged.decision.is_accepted()) co_return judged.decision.reply;
    if (judged.marked) log_marked(*judged.marked, found);
    message_.set_authentication(std::move(found));
    const mail::SubmissionFixes fixes =
        fixes_for_arrival(header, message_.arrived(), *options, findings, utf8_of_message(), judged.marked);
    message_.apply(seal_of(header, fixes, *options, findings), fixes);
    co_return std::nullopt;
}

// The fields to put in front of all others; our Received field is not sealed. Empty: no seal.
std::string ReceptionSession::seal_of(const mail::Header& header, const mail::SubmissionFixes& fixes,
                                      const VerificationOptions& options, const Findings& findings) {
    auto sealer = verification_->take_sealer();
    if (!sealer || reception_.ports_.shared.signer == nullptr) return {};
    MessageSigner::Signed made = reception_.ports_.shared.signer->seal(
        mail::fields_after(header, message_.arrived(), fixes),
        seal_request(options, findings, utf8_of_message(), WallClock::now()), *std::move(sealer));
    message_.set_sealed_by(std::move(made.by));
    return std::move(made.fields);
}

mail::Utf8 ReceptionSession::utf8_of_message() const {
    return session_->envelope().smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused;
}

// The refusal is logged as any other; what was found about it, here.
void ReceptionSession::log_marked(std::string_view mark, std::string_view findings) {
    reception_.ports_.log.info("smtp.marked", {{"message", message_.id().text()},
                                               {"listener", listener_.name},
                                               {"client", client_.text()},
                                               {"from", session_->envelope().reverse_path.text()},
                                               {"mark", mark},
                                               {"authentication", findings}});
}

}  // namespace relevo
