#include "app/lookups/bounce_lookup.h"

#include "app/lookups/message_file.h"
#include "lib/base/text.h"
#include "lib/bounces/bounce_mail.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace relevo::lookups {
namespace {

using bounces::BouncedRecipient;
using bounces::BounceMail;
using bounces::BounceNature;

constexpr std::size_t bounce_limit_octets = 64UL * 1024 * 1024;

struct Words {
    std::string_view reply, report, complaint, auto_reply, unsubscribe, other, of, about, envelope, nobody, hard, soft,
        block, not_a_bounce, status, said, rule;
};
constexpr Words english{.reply = "reply of a server",
                        .report = "delivery report",
                        .complaint = "feedback report",
                        .auto_reply = "automatic answer",
                        .unsubscribe = "wish to be taken off a list",
                        .other = "neither a bounce nor an automatic answer, as far as can be told",
                        .of = "from",
                        .about = "about message",
                        .envelope = "envelope id",
                        .nobody = "(recipient not named)",
                        .hard = "hard: the address will not work",
                        .soft = "soft: may pass another time",
                        .block = "block: the sender or the message is refused, not the address",
                        .not_a_bounce = "not a bounce",
                        .status = "status",
                        .said = "Said: ",
                        .rule = "Rule: "};
constexpr Words spanish{.reply = "respuesta de un servidor",
                        .report = "informe de entrega",
                        .complaint = "informe de queja",
                        .auto_reply = "respuesta automática",
                        .unsubscribe = "petición de baja de una lista",
                        .other = "ni rebote ni respuesta automática, hasta donde puede saberse",
                        .of = "de",
                        .about = "sobre el mensaje",
                        .envelope = "identificador de sobre",
                        .nobody = "(no nombra al destinatario)",
                        .hard = "definitivo: la dirección no funcionará",
                        .soft = "pasajero: puede funcionar en otro momento",
                        .block = "bloqueo: se rechaza al remitente o el mensaje, no la dirección",
                        .not_a_bounce = "no es un rebote",
                        .status = "estado",
                        .said = "Dijo: ",
                        .rule = "Regla: "};

std::string_view words_for(BounceNature nature, const Words& words) {
    switch (nature) {
        case BounceNature::hard: return words.hard;
        case BounceNature::soft: return words.soft;
        case BounceNature::block: return words.block;
        case BounceNature::not_a_bounce: return words.not_a_bounce;
    }
    return words.soft;
}

std::string_view words_for(bounces::BounceMailKind kind, const Words& words) {
    switch (kind) {
        case bounces::BounceMailKind::delivery_report: return words.report;
        case bounces::BounceMailKind::complaint: return words.complaint;
        case bounces::BounceMailKind::auto_reply: return words.auto_reply;
        case bounces::BounceMailKind::unsubscribe: return words.unsubscribe;
        case bounces::BounceMailKind::other: return words.other;
    }
    return words.other;
}

// A reply begins with its code, a mail with header fields.
bool is_reply(std::string_view content) {
    const std::string_view text = trimmed(content);
    if (text.size() < 3 || text[0] < '2' || text[0] > '5' || !is_digit(text[1]) || !is_digit(text[2])) return false;
    return text.size() == 3 || text[3] == ' ' || text[3] == '-' || text[3] == '\r' || text[3] == '\n';
}

BouncedRecipient recipient_of_reply(std::string_view text, const cli::LookupOptions& options,
                                    const bounces::PatternTable& patterns) {
    bounces::ReplyFacts facts = bounces::read_reply(text);
    facts.host = options.host;
    const bounces::ReplyVerdict verdict = bounces::classify_reply(facts, patterns);
    BouncedRecipient recipient;
    recipient.status = verdict.status;
    recipient.code = facts.code;
    recipient.remote_mta = options.host;
    recipient.reason = bounces::shown_reply(text);
    recipient.kind = verdict.kind;
    recipient.nature = verdict.nature;
    recipient.rule = verdict.rule;
    return recipient;
}

boost::json::object as_json(const BouncedRecipient& recipient, mail::Language language) {
    const mail::Advice advice = bounces::explain(recipient.kind, language);
    return {{"recipient", plain(recipient.recipient)},
            {"original_recipient", plain(recipient.original_recipient)},
            {"action", plain(recipient.action)},
            {"status", plain(recipient.status)},
            {"code", recipient.code},
            {"class", name_of(recipient.kind)},
            {"nature", name_of(recipient.nature)},
            {"reason", plain(recipient.reason)},
            {"remote_mta", plain(recipient.remote_mta)},
            {"explanation", boost::json::object{{"reason", advice.reason}, {"what_to_do", advice.what_to}}},
            {"rule", plain(recipient.rule)}};
}

void append(Page& page, const BouncedRecipient& recipient, mail::Language language, const Words& words) {
    std::string line = recipient.recipient.empty() ? std::string(words.nobody) : recipient.recipient;
    line += fmt::format(": {} ({})", name_of(recipient.kind), words_for(recipient.nature, words));
    if (!recipient.status.empty()) line += fmt::format(", {} {}", words.status, recipient.status);
    if (!recipient.action.empty()) line += fmt::format(", {}", recipient.action);
    page.paragraph(line, 2, 2);
    const mail::Advice advice = bounces::explain(recipient.kind, language);
    page.paragraph(fmt::format("{}{}{}", advice.reason, advice.what_to.empty() ? "" : " ", advice.what_to), 4);
    if (!recipient.reason.empty()) page.paragraph(fmt::format("{}{}", words.said, recipient.reason), 4, 2);
    if (!recipient.rule.empty()) page.paragraph(fmt::format("{}{}", words.rule, recipient.rule), 4, 2);
}

void append_head(Page& page, const std::string& file, const BounceMail& mail, const Words& words) {
    std::string head = fmt::format("{}: {}", file, words_for(mail.kind, words));
    if (!mail.reporting_mta.empty()) head += fmt::format(" {} {}", words.of, mail.reporting_mta);
    if (!mail.original_message_id.empty()) head += fmt::format(", {} <{}>", words.about, mail.original_message_id);
    if (!mail.original_envelope_id.empty()) head += fmt::format(", {} {}", words.envelope, mail.original_envelope_id);
    page.paragraph(head, 0, 2);
}

// One file. Errors: as read_file() and read_bounce_mail().
Result<boost::json::object> look_at(const std::string& file, const cli::LookupOptions& options,
                                    const bounces::PatternTable& patterns, Page& page, Report& report) {
    const Words& words = options.language == mail::Language::spanish ? spanish : english;
    RELEVO_TRY(const std::string content, read_file(file, bounce_limit_octets));
    boost::json::object found{{"file", plain(file)}};
    BounceMail mail;
    if (is_reply(content)) {
        mail.recipients.push_back(recipient_of_reply(content, options, patterns));
        found["kind"] = "reply";
        page.paragraph(fmt::format("{}: {}", file, words.reply), 0, 2);
    } else {
        RELEVO_TRY(mail, bounces::read_bounce_mail(content, patterns));
        found["kind"] = name_of(mail.kind);
        found["reporting_mta"] = plain(mail.reporting_mta);
        found["original_message_id"] = plain(mail.original_message_id);
        found["original_envelope_id"] = plain(mail.original_envelope_id);
        found["original_sender"] = plain(mail.original_sender);
        report.has_problem = report.has_problem || mail.kind == bounces::BounceMailKind::other;
        append_head(page, file, mail, words);
    }
    boost::json::array recipients;
    for (const BouncedRecipient& recipient : mail.recipients) {
        append(page, recipient, options.language, words);
        recipients.emplace_back(as_json(recipient, options.language));
    }
    found["recipients"] = std::move(recipients);
    return found;
}

}  // namespace

Result<Report> report_on_bounces(const cli::LookupOptions& options) {
    auto patterns = bounces::PatternTable::built_in();
    if (!options.patterns_file.empty()) {
        RELEVO_TRY(const std::string text, read_file(options.patterns_file, bounces::PatternTable::limit_octets));
        auto read = bounces::PatternTable::parse(text);
        if (!read) return failure(read.error().kind, fmt::format("{}: {}", options.patterns_file, read.error().detail));
        patterns = *std::move(read);
    }
    Report report;
    Page page;
    boost::json::array files;
    for (const std::string& file : options.files) {
        if (!files.empty()) page.blank_line();
        auto found = look_at(file, options, patterns, page, report);
        if (!found) {
            report.has_problem = true;
            page.paragraph(found.error().detail, 0, 2);
            files.emplace_back(boost::json::object{{"file", plain(file)}, {"problem", plain(found.error().detail)}});
            continue;
        }
        files.emplace_back(*std::move(found));
    }
    report.json["files"] = std::move(files);
    report.json["problem_found"] = report.has_problem;
    report.text = std::move(page).take();
    return report;
}

}  // namespace relevo::lookups
