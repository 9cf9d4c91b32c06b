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

// `fresh` octets have just been added to content_.
void ReceptionSession::follow_content(std::size_t fresh) {
    if (!verification_) return;
    const std::string_view arrived = std::string_view(content_).substr(received_field_octets_);
    if (is_in_body_) return verification_->body(arrived.substr(arrived.size() - fresh));
    if (arriving_.end_of_header(arrived)) begin_body(arrived);
}

void ReceptionSession::begin_body(std::string_view arrived) {
    const auto header = mail::Header::parse(arrived);
    if (!header.has_value()) {  // refused at the end, whatever else is in it
        verification_.reset();
        return;
    }
    verification_->header(*header);
    verification_->body(arrived.substr(header->body_offset()));
    is_in_body_ = true;
}

namespace {

mailauth::DmarcPolicy applied(const AuthenticityDecision& judged) {
    if (!judged.decision.is_accepted()) return mailauth::DmarcPolicy::reject;
    return judged.marked ? mailauth::DmarcPolicy::quarantine : mailauth::DmarcPolicy::none;
}

}  // namespace

// Puts the results on top of the content. The reply of a refusal, or nothing.
Task<std::optional<smtp::Reply>> ReceptionSession::verify_content() {
    if (!verification_) co_return std::nullopt;
    if (!is_in_body_) begin_body(std::string_view(content_).substr(received_field_octets_));
    if (!verification_) co_return std::nullopt;
    const Findings findings = co_await verification_->finish();
    reception_.ports_.metrics.count(findings);
    authentication_ = findings_as_json(findings);
    const AuthenticityDecision judged =
        judge_authenticity(findings, handling_for(*reception_.ports_.shared.directory.load(), session_->envelope(),
                                                  reception_.ports_.verifier.options()->handling));
    if (const auto& tell = reception_.ports_.shared.message_checked)
        tell(findings, client_.address, session_->envelope(), applied(judged));
    if (!judged.decision.is_accepted()) co_return judged.decision.reply;
    if (judged.marked) log_marked(*judged.marked);
    const std::string_view arrived = std::string_view(content_).substr(received_field_octets_);
    const auto header = mail::Header::parse(arrived);
    const mail::SubmissionFixes fixes =
        fixes_for_arrival(*header, arrived, *reception_.ports_.verifier.options(), findings,
                          session_->envelope().smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused, judged.marked);
    content_ = mail::apply_fixes(std::string_view(content_).substr(0, received_field_octets_), arrived, fixes);
    co_return std::nullopt;
}

// The refusal is logged as any other; what was found about it, here.
void ReceptionSession::log_marked(std::string_view mark) {
    reception_.ports_.log.info("smtp.marked", {{"message", message_.text()},
                                               {"listener", listener_.name},
                                               {"client", client_.text()},
                                               {"from", session_->envelope().reverse_path.text()},
                                               {"mark", mark},
                                               {"authentication", authentication_}});
}

}  // namespace relevo
