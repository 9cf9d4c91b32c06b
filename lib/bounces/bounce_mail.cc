#include "lib/bounces/bounce_mail.h"

#include "lib/authreports/feedback_report.h"
#include "lib/authreports/report_extraction.h"
#include "lib/base/text.h"
#include "lib/bounces/delivery_status_reader.h"
#include "lib/bounces/report_prose.h"
#include "lib/mail/message.h"

#include <algorithm>
#include <array>
#include <optional>

namespace relevo::bounces {
namespace {

constexpr std::size_t reason_limit_octets = 1'000;
constexpr std::size_t mention_limit = 400;
constexpr std::size_t subject_limit_octets = 500;

// Who writes reports: such an address is never the one that a report is about.
constexpr auto daemons =
    std::to_array<std::string_view>({"mailer-daemon", "mail-daemon", "maildaemon", "postmaster", "mailerdaemon",
                                     "mail-deliverysystem", "no-reply", "noreply", "abuse"});
constexpr auto report_subjects = std::to_array<std::string_view>({"undeliver",
                                                                  "delivery status",
                                                                  "delivery fail",
                                                                  "delivery notification",
                                                                  "delivery report",
                                                                  "failure notice",
                                                                  "returned mail",
                                                                  "mail delivery",
                                                                  "delivery has failed",
                                                                  "non-deliver",
                                                                  "nondeliver",
                                                                  "non remis",
                                                                  "delivery error",
                                                                  "delivery problem",
                                                                  "could not be delivered",
                                                                  "could not send",
                                                                  "couldn't be delivered",
                                                                  "not delivered",
                                                                  "message delayed",
                                                                  "delayed mail",
                                                                  "delivery delay",
                                                                  "mail system error",
                                                                  "mail error",
                                                                  "mail failure",
                                                                  "message status",
                                                                  "failed mail",
                                                                  "failure delivery",
                                                                  "delivery unsuccessful",
                                                                  "rejected mail",
                                                                  "bounce",
                                                                  "no entregado",
                                                                  "no se pudo entregar",
                                                                  "no se puede entregar",
                                                                  "error de entrega",
                                                                  "fallo en la entrega",
                                                                  "devuelto",
                                                                  "unzustellbar",
                                                                  "error notification"});
constexpr auto delay_words = std::to_array<std::string_view>(
    {"has not yet been delivered", "not yet been delivered", "will be retried", "will keep trying", "will continue to",
     "still trying", "warning message only", "this is a warning", "no need to resend", "do not need to resend",
     "delivery is delayed", "delivery is delay", "has been delayed", "message delayed", "delivery incomplete",
     "se seguir"});

bool contains_any(std::string_view small, auto const& words) {
    return std::ranges::any_of(words,
                               [small](std::string_view word) { return small.find(word) != std::string_view::npos; });
}

std::string without_brackets(std::string_view value) {
    value = trimmed(value);
    const auto open = value.find('<');
    const auto close = value.find('>', open == std::string_view::npos ? 0 : open);
    if (open != std::string_view::npos && close != std::string_view::npos)
        value = value.substr(open + 1, close - open - 1);
    return printable(value, reason_limit_octets);
}

std::string value_of(const mail::Header& header, std::string_view name) {
    const mail::Field* field = header.find(name);
    return field != nullptr ? printable(mail::unfolded(field->value), reason_limit_octets) : std::string();
}

// The first address in a field, however badly it is written.
std::string address_in(std::string_view value) {
    const auto mentions = addresses_in(value, 1);
    return mentions.empty() ? std::string() : mentions.front().address;
}

bool is_daemon(std::string_view address) {
    std::string local = to_lower(address.substr(0, address.rfind('@')));
    return std::ranges::find(daemons, local) != daemons.end();
}

bool is_status(const MailPart& part) {
    return part.type == "message/delivery-status" || part.type == "message/global-delivery-status";
}

class Reading {
 public:
    Reading(const mail::Header& header, std::vector<MailPart> parts, const PatternTable& patterns,
            const BounceMailBounds& bounds)
        : header_(header), patterns_(patterns), bounds_(bounds), parts_(std::move(parts)) {
        subject_ = to_lower(value_of(header, "Subject").substr(0, subject_limit_octets));
    }

    BounceMail read(std::string_view body) && {
        add_raw_body(body);
        if (read_feedback()) return std::move(mail_);
        find_prose();
        read_original();
        if (read_junk_report()) return std::move(mail_);
        if (read_statuses()) return std::move(mail_);
        if (is_automatic_answer()) return std::move(mail_);
        if (is_report_by_its_looks())
            read_prose();
        else
            read_plain_mail();
        return std::move(mail_);
    }

 private:
    // RFC 5965. The report itself, and what is left of the message behind it.
    bool read_feedback() {
        const auto part = std::ranges::find(parts_, "message/feedback-report", &MailPart::type);
        if (part == parts_.end()) return false;
        const auto returned = std::ranges::find_if(part, parts_.end(), &MailPart::is_returned);
        const auto report = authreports::parse_feedback_report(
            part->content, returned != parts_.end() ? std::string_view(returned->content) : std::string_view(), false,
            authreports::read_mail_date);
        if (!report) return false;
        mail_.kind = BounceMailKind::complaint;
        mail_.reporting_mta = report->reporting_mta;
        mail_.original_envelope_id = report->original_envelope_id;
        read_original();
        const bool leaves =
            report->type == "opt-out" || report->type == "opt-out-list" || report->type == "unsubscribe";
        const BounceClass kind = leaves                           ? BounceClass::unsubscribe
                                 : report->type == "not-spam"     ? BounceClass::delivered
                                 : report->type == "auth-failure" ? BounceClass::authentication_required
                                                                  : BounceClass::complaint;
        auto recipients = report->original_recipients;
        if (recipients.empty()) recipients.push_back(original_recipient_);
        for (const std::string& recipient : recipients) {
            if (mail_.recipients.size() >= bounds_.recipients) break;
            mail_.recipients.push_back({.recipient = address_of_field(recipient),
                                        .reason = "Feedback-Type: " + report->type,
                                        .kind = kind,
                                        .nature = nature_of(kind),
                                        .rule = "feedback report (RFC 5965)"});
        }
        return true;
    }

    // Microsoft's Junk Mail Reporting Program sends the message alone, with a field in it that names who complains.
    bool read_junk_report() {
        const auto returned = std::ranges::find_if(parts_, &MailPart::is_returned);
        if (returned == parts_.end()) return false;
        const auto original = mail::Header::parse(returned->content);
        if (!original || original->find("X-HmXmrOriginalRecipient") == nullptr) return false;
        mail_.kind = BounceMailKind::complaint;
        add_plain(address_in(value_of(*original, "X-HmXmrOriginalRecipient")), BounceClass::complaint,
                  "X-HmXmrOriginalRecipient (JMRP)");
        return true;
    }

    void find_prose() {
        for (const MailPart& part : parts_) {
            if (part.is_returned) break;
            // Some call a text for people message/delivery-status.
            const bool is_text = part.type == "text/plain" || part.type == "text/html" ||
                                 (is_status(part) && read_delivery_status(part.content, 1).recipients.empty());
            if (!is_text) continue;
            if (part.type == "text/html" && !prose_.empty()) continue;  // says the same again
            const SplitProse split = split_returned(part.content);
            prose_.append(split.report).append(1, '\n');
            if (!split.returned.empty() && quoted_.empty()) quoted_ = split.returned;
        }
        small_prose_ = to_lower(prose_.substr(0, PatternTable::text_limit_octets));
    }

    // A mail whose structure is broken (a boundary that never comes) has no parts: its body is read as it is.
    void add_raw_body(std::string_view body) {
        const bool has_text =
            std::ranges::any_of(parts_, [](const MailPart& part) { return !trimmed(part.content).empty(); });
        if (!has_text)
            parts_.assign(1, {.type = "text/plain", .content = std::string(body.substr(0, bounds_.parts.part))});
    }

    void read_original() {
        const auto returned = std::ranges::find_if(parts_, &MailPart::is_returned);
        std::string_view text =
            returned != parts_.end() ? std::string_view(returned->content) : std::string_view(quoted_);
        while (!text.empty() && (text[0] == '\n' || text[0] == '\r' || text[0] == ' ')) text.remove_prefix(1);
        if (text.starts_with("From ")) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        const auto original = mail::Header::parse(text);
        if (!original) return;
        mail_.original_message_id = without_brackets(value_of(*original, "Message-ID"));
        mail_.original_sender = address_in(value_of(*original, "From"));
        original_recipient_ = address_in(value_of(*original, "To"));
    }

    // The best part of the mail, if there is one; else the same fields in the text for people.
    bool read_statuses() {
        for (const MailPart& part : parts_) {
            if (is_status(part) && add(read_delivery_status(part.content, bounds_.recipients))) return true;
        }
        if (small_prose_.find("\nfinal-recipient:") == std::string::npos) return false;
        ReadDeliveryStatus in_prose = read_delivery_status(prose_, bounds_.recipients);
        std::erase_if(in_prose.recipients, [](const StatusOfRecipient& recipient) {
            return recipient.action.empty() || recipient.recipient.empty();
        });
        return add(in_prose);
    }

    bool add(const ReadDeliveryStatus& report) {
        if (report.recipients.empty()) return false;
        mail_.kind = BounceMailKind::delivery_report;
        mail_.reporting_mta = report.reporting_mta;
        mail_.original_envelope_id = report.envelope_id;
        const auto mentions = addresses_in(prose_, mention_limit);
        for (const StatusOfRecipient& recipient : report.recipients) add(recipient, report.reporting_mta, mentions);
        return true;
    }

    void add(const StatusOfRecipient& reported, const std::string& reporting_mta,
             const std::vector<Mention>& mentions) {
        BouncedRecipient recipient{.recipient = reported.recipient, .action = reported.action};
        if (recipient.recipient.find('@') == std::string::npos)
            recipient.recipient = fitting_recipient(reported, mentions);
        if (!equals_ignoring_case(recipient.recipient, reported.original_recipient))
            recipient.original_recipient = reported.original_recipient;
        recipient.status = reported.status;
        recipient.remote_mta = reported.remote_mta;
        const std::string_view host = !reported.remote_mta.empty() ? reported.remote_mta : reporting_mta;
        const std::string section = prose_about(recipient.recipient, reported.original_recipient, mentions);
        judge(recipient, reported.diagnostic, section, host);
        mail_.recipients.push_back(std::move(recipient));
    }

    std::string fitting_recipient(const StatusOfRecipient& reported, const std::vector<Mention>& mentions) const {
        if (reported.original_recipient.find('@') != std::string::npos) return reported.original_recipient;
        for (const Mention& mention : mentions)
            if (mention.leads && !is_excluded(mention.address)) return mention.address;
        return !original_recipient_.empty() ? original_recipient_ : reported.recipient;
    }

    std::string prose_about(std::string_view recipient, std::string_view other,
                            const std::vector<Mention>& mentions) const {
        for (const std::string_view name : {recipient, other})
            for (const Mention& mention : mentions)
                if (!name.empty() && equals_ignoring_case(mention.address, name))
                    return section_of(prose_, mention, mentions);
        return prose_;
    }

    // From what the server said; if that tells little, from what the report says beside it.
    void judge(BouncedRecipient& recipient, std::string_view diagnostic, std::string_view prose,
               std::string_view host) const {
        diagnostic = unwrapped(diagnostic);
        const ReplyFacts said = read_reply(diagnostic);
        const ReplyFacts told = read_reply(prose);
        recipient.code = said.code != 0 ? said.code : told.code;
        // What the server replied outweighs what the reporting one made of it.
        if (!said.status.empty()) recipient.status = said.status;
        if (recipient.status.empty()) recipient.status = told.status;
        if (recipient.action.empty()) recipient.action = action_by_words(recipient);
        const std::string_view domain =
            std::string_view(recipient.recipient).substr(recipient.recipient.rfind('@') + 1);
        ReplyFacts facts{.code = recipient.code,
                         .status = recipient.status,
                         .text = diagnostic,
                         .host = patterns_.provider_of(host).empty() ? domain : host,
                         .stage = said.stage != ReplyStage::unknown ? said.stage : told.stage};
        ReplyVerdict verdict = classify_reply(facts, patterns_);
        const std::string_view line = told.text.substr(0, told.text.find('\n'));
        for (const std::string_view text : {line, told.text, prose}) {
            if (verdict.basis < VerdictBasis::general_status) break;
            facts.text = text;
            ReplyVerdict next = classify_reply(facts, patterns_);
            // That the time ran out is no reason while there is one.
            const bool is_better = next.basis < verdict.basis &&
                                   (next.kind != BounceClass::expired || verdict.kind == BounceClass::unknown);
            if (is_better) verdict = std::move(next);
        }
        if (recipient.action.starts_with("deliver") || recipient.action == "relayed" ||
            recipient.action == "expanded") {
            verdict.kind = BounceClass::delivered;
            verdict.nature = BounceNature::not_a_bounce;
            verdict.rule = "action " + recipient.action;
        }
        recipient.kind = verdict.kind;
        recipient.nature = nature_in_report(verdict, recipient.action);
        recipient.rule = verdict.rule;
        recipient.reason = shown_reply(!trimmed(diagnostic).empty() ? diagnostic : prose);
    }

    // What its last reply called temporary stays soft in a report that gives up: nobody has said that the address is
    // wrong.
    static BounceNature nature_in_report(const ReplyVerdict& verdict, std::string_view action) {
        const bool is_hard = verdict.nature == BounceNature::hard;
        return is_hard && action == "delayed" ? BounceNature::soft : verdict.nature;
    }

    // "5.1.0 - Unknown address error 550-'5.7.1 Access denied'": what AsyncOS puts around a reply says nothing.
    static std::string_view unwrapped(std::string_view diagnostic) {
        const auto quote = diagnostic.find("-'");
        if (quote == std::string_view::npos || quote < 3 || diagnostic.find(" - ") > quote) return diagnostic;
        const std::string_view code = diagnostic.substr(quote - 3, 3);
        return std::ranges::all_of(code, is_digit) ? diagnostic.substr(quote - 3) : diagnostic;
    }

    std::string action_by_words(const BouncedRecipient& recipient) const {
        if (recipient.status.starts_with('2')) return "delivered";
        if (contains_any(small_prose_, delay_words) || subject_.starts_with("warning")) return "delayed";
        return "failed";
    }

    bool is_excluded(std::string_view address) const {
        return is_daemon(address) || equals_ignoring_case(address, address_in(value_of(header_, "From"))) ||
               equals_ignoring_case(address, address_in(value_of(header_, "To")));
    }

    // RFC 3834 §5, and what programs sent before it.
    bool is_automatic_answer() {
        if (is_report_by_its_sender() || header_.find("X-Failed-Recipients") != nullptr ||
            contains_any(subject_, report_subjects))
            return false;
        const std::string submitted = to_lower(value_of(header_, "Auto-Submitted"));
        const std::string precedence = to_lower(value_of(header_, "Precedence"));
        const Pattern* pattern = patterns_.find(PatternKind::subject, subject_, false, {});
        const bool says_so = submitted.starts_with("auto-replied") || precedence == "auto_reply" ||
                             precedence == "auto-reply" || header_.find("X-Autoreply") != nullptr ||
                             header_.find("X-Autorespond") != nullptr || header_.find("X-Autoresponder") != nullptr ||
                             header_.find("X-TMDA-Confirm") != nullptr;
        // People write about holidays, too: without a field that says so the subject must begin as programs do.
        const bool looks_so = pattern != nullptr && pattern->kind_of_bounce != BounceClass::unsubscribe &&
                              (pattern->text.starts_with('^') || has_null_sender() ||
                               pattern->kind_of_bounce == BounceClass::challenge_response);
        if (!says_so && !looks_so) return false;
        BounceClass kind = pattern != nullptr ? pattern->kind_of_bounce : BounceClass::auto_reply;
        std::string rule = pattern != nullptr ? pattern->rule() : "Auto-Submitted (RFC 3834)";
        if (kind == BounceClass::auto_reply) {
            // The body may tell what the subject does not.
            const Pattern* in_body = patterns_.find(PatternKind::subject, small_prose_, false, {});
            if (in_body != nullptr && in_body->kind_of_bounce == BounceClass::vacation) {
                kind = BounceClass::vacation;
                rule = in_body->rule();
            }
        }
        mail_.kind = BounceMailKind::auto_reply;
        add_plain(address_in(value_of(header_, "From")), kind, std::move(rule));
        return true;
    }

    // A mail of a person, or of a mail program that a List-Unsubscribe field sent (RFC 2369 §3.2).
    void read_plain_mail() {
        const Pattern* pattern = patterns_.find(PatternKind::subject, subject_, false, {});
        if (pattern == nullptr || pattern->kind_of_bounce != BounceClass::unsubscribe) return;
        mail_.kind = BounceMailKind::unsubscribe;
        add_plain(address_in(value_of(header_, "From")), BounceClass::unsubscribe, pattern->rule());
    }

    void add_plain(std::string recipient, BounceClass kind, std::string rule) {
        mail_.recipients.push_back({.recipient = std::move(recipient),
                                    .reason = "Subject: " + value_of(header_, "Subject"),
                                    .kind = kind,
                                    .nature = nature_of(kind),
                                    .rule = std::move(rule)});
    }

    bool is_report_by_its_sender() const {
        const std::string from = value_of(header_, "From");
        const std::string small = to_lower(from);
        return is_daemon(address_in(from)) || small.find("mailer-daemon") != std::string::npos ||
               small.find("mail delivery") != std::string::npos || small == "<>" ||
               small.find("postmaster") != std::string::npos;
    }
    bool has_null_sender() const { return value_of(header_, "Return-Path") == "<>"; }
    // What people's mail does not have.
    bool is_certainly_a_report() const {
        return !quoted_.empty() || std::ranges::any_of(parts_, &MailPart::is_returned) ||
               header_.find("X-Failed-Recipients") != nullptr || has_null_sender() ||
               header_.find("Auto-Submitted") != nullptr ||
               to_lower(value_of(header_, "From")).find("mailer-daemon") != std::string::npos ||
               to_lower(value_of(header_, "Content-Type")).find("delivery-status") != std::string::npos;
    }
    bool is_report_by_its_looks() const {
        if (header_.find("X-Failed-Recipients") != nullptr || is_report_by_its_sender()) return true;
        const std::string type = to_lower(value_of(header_, "Content-Type"));
        if (type.find("delivery-status") != std::string::npos) return true;
        return contains_any(subject_, report_subjects);
    }

    void read_prose() {
        mail_.kind = BounceMailKind::delivery_report;
        const auto mentions = addresses_in(prose_, mention_limit);
        std::vector<std::string> recipients = named_recipients(mentions);
        if (recipients.empty()) recipients.push_back(original_recipient_);
        for (const std::string& address : recipients) {
            if (mail_.recipients.size() >= bounds_.recipients) break;
            BouncedRecipient recipient{.recipient = address};
            const std::string section = recipients.size() == 1 ? prose_ : prose_about(address, {}, mentions);
            judge(recipient, {}, section, {});
            mail_.recipients.push_back(std::move(recipient));
        }
        const bool tells_nothing = std::ranges::all_of(mail_.recipients, [](const BouncedRecipient& recipient) {
            return recipient.kind == BounceClass::unknown && recipient.status.empty();
        });
        // Somebody who writes about a bounce, or whose address is postmaster's.
        if (tells_nothing && !is_certainly_a_report()) mail_ = {};
    }

    std::vector<std::string> named_recipients(const std::vector<Mention>& mentions) const {
        std::vector<std::string> recipients;
        if (const mail::Field* failed = header_.find("X-Failed-Recipients")) {
            for (const Mention& mention : addresses_in(mail::unfolded(failed->value), bounds_.recipients))
                recipients.push_back(mention.address);
            if (!recipients.empty()) return recipients;
        }
        const bool any_leads = std::ranges::any_of(
            mentions, [this](const Mention& mention) { return mention.leads && !is_excluded(mention.address); });
        for (const Mention& mention : mentions)
            if (!is_excluded(mention.address) && (mention.leads || !any_leads)) recipients.push_back(mention.address);
        if (any_leads) return recipients;
        // Several addresses in the middle of sentences: the one that the message went to, if it is among them.
        const auto original = std::ranges::find_if(recipients, [this](const std::string& address) {
            return equals_ignoring_case(address, original_recipient_);
        });
        if (original != recipients.end()) return {*original};
        if (recipients.size() > 1) recipients.resize(1);
        return recipients;
    }

    const mail::Header& header_;
    const PatternTable& patterns_;
    const BounceMailBounds& bounds_;
    std::vector<MailPart> parts_;
    std::string subject_;      // lower case
    std::string prose_;        // what the mail tells people
    std::string small_prose_;  // its beginning in lower case
    std::string quoted_;       // the message behind it, if it is not a part of its own
    std::string original_recipient_;
    BounceMail mail_;
};

}  // namespace

std::string_view name_of(BounceMailKind kind) {
    switch (kind) {
        case BounceMailKind::delivery_report: return "delivery_report";
        case BounceMailKind::complaint: return "complaint";
        case BounceMailKind::auto_reply: return "auto_reply";
        case BounceMailKind::unsubscribe: return "unsubscribe";
        case BounceMailKind::other: return "other";
    }
    return "other";
}

Result<BounceMail> read_bounce_mail(std::string_view content, const PatternTable& patterns,
                                    const BounceMailBounds& bounds) {
    // An mbox line is not of the message.
    if (content.starts_with("From ")) content.remove_prefix(std::min(content.find('\n'), content.size() - 1) + 1);
    RELEVO_TRY(const mail::Header header, mail::Header::parse(content));
    return Reading(header, mail_parts(content, bounds.parts), patterns, bounds)
        .read(content.substr(std::min(header.body_offset(), content.size())));
}

}  // namespace relevo::bounces
