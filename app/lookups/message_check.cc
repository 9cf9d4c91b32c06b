#include "app/lookups/message_check.h"

#include "app/lookups/verdict_json.h"
#include "lib/base/text.h"
#include "lib/mailauth/arc_verifier.h"
#include "lib/mailauth/authentication_results.h"
#include "lib/mailauth/dkim_verifier.h"
#include "lib/mailauth/dmarc.h"
#include "lib/mailauth/iprev.h"
#include "lib/mailauth/spf_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;
using mailauth::ExplanationStatus;

std::string_view word_for(ExplanationStatus status, mail::Language language) {
    const bool spanish = language == mail::Language::spanish;
    switch (status) {
        case ExplanationStatus::good: return spanish ? "bien" : "good";
        case ExplanationStatus::notice: return spanish ? "aviso" : "notice";
        case ExplanationStatus::problem: return spanish ? "problema" : "problem";
        case ExplanationStatus::unknown: return spanish ? "no se sabe" : "unknown";
    }
    return "";
}

std::string_view in(mail::Language language, std::string_view english, std::string_view spanish) {
    return language == mail::Language::spanish ? spanish : english;
}

std::string without_brackets(std::string_view path) {
    if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
    return std::string(path);
}

MessageParts parts_of(cli::Lookup lookup) {
    switch (lookup) {
        case cli::Lookup::dkim: return {.spf = false, .arc = false, .dmarc = false};
        case cli::Lookup::arc: return {.spf = false, .dkim = false, .dmarc = false};
        default: return {};
    }
}

// Of SPF: the envelope sender if it is known, the HELO name beside it.
void check_spf(mailauth::MessageVerdicts& verdicts, const EnvelopeFacts& facts, DnsSource& source,
               std::chrono::system_clock::time_point now) {
    if (!facts.client) return;
    verdicts.client_address = facts.client->text();
    verdicts.iprev = source.run(mailauth::check_iprev(*facts.client));
    mailauth::SpfQuery query{.client = *facts.client,
                             .mail_from = without_brackets(facts.from.value_or("")),
                             .helo = facts.helo.value_or(""),
                             .receiver = {},
                             .time = std::chrono::floor<std::chrono::seconds>(now)};
    const bool has_sender = facts.from && !query.mail_from.empty();
    if (has_sender || (facts.from && facts.helo)) verdicts.spf.push_back(source.run(mailauth::check_spf(query)));
    if (!facts.helo || (facts.from && !has_sender)) return;
    query.identity = mailauth::SpfIdentity::helo;
    verdicts.spf.push_back(source.run(mailauth::check_spf(query)));
}

std::vector<std::string> from_fields(const mail::Header& header) {
    std::vector<std::string> values;
    for (const mail::Field& field : header.fields())
        if (equals_ignoring_case(field.name, "From")) values.emplace_back(field.value);
    return values;
}

mailauth::SpfVerdict spf_for_dmarc(const mailauth::MessageVerdicts& verdicts) {
    for (const mailauth::SpfVerdict& spf : verdicts.spf)
        if (spf.identity == mailauth::SpfIdentity::mail_from) return spf;
    return {};
}

array texts(const std::vector<std::string>& lines) {
    array list;
    for (const std::string& line : lines) list.emplace_back(plain(line));
    return list;
}

// What was done to the file, and what the checks were told.
std::vector<std::string> notes_on(const MessageFile& file, const EnvelopeFacts& facts, const MessageParts& parts,
                                  const mailauth::MessageVerdicts& verdicts, mail::Language language) {
    std::vector<std::string> notes;
    if (file.had_mbox_line)
        notes.emplace_back(in(language, "The first line, \"From …\" of a mailbox file, was left out.",
                              "Se omitió la primera línea, «From …», propia de un fichero de buzón."));
    if (file.had_bare_line_feeds)
        notes.emplace_back(in(language,
                              "The lines of the file end with LF; they are checked as they travel, with CRLF.",
                              "Las líneas del fichero acaban en LF; se comprueban como viajan, con CRLF."));
    if (parts.spf) notes.insert(notes.end(), facts.notes.begin(), facts.notes.end());
    if (parts.spf && !facts.client)
        notes.emplace_back(in(language, "SPF was not checked: the address of the sender is not known.",
                              "No se comprobó SPF: no se conoce la dirección de quien envió."));
    else if (parts.spf && spf_for_dmarc(verdicts).domain.empty())
        notes.emplace_back(in(language, "SPF of the envelope sender was not checked: the sender is not known.",
                              "No se comprobó SPF del remitente del sobre: no se conoce."));
    return notes;
}

}  // namespace

Result<mailauth::MessageVerdicts> check_message(std::string_view content, const mail::Header& header,
                                                const EnvelopeFacts& facts, MessageParts parts, DnsSource& source,
                                                std::chrono::system_clock::time_point now) {
    mailauth::MessageVerdicts verdicts;
    const std::string_view body = content.substr(header.body_offset());
    if (parts.spf) check_spf(verdicts, facts, source, now);
    if (parts.dkim) {
        mailauth::DkimVerifier verifier(header);
        if (verifier.needs_body()) verifier.update(body);
        verdicts.dkim = source.run(verifier.finish(now));
    }
    if (parts.arc) {
        mailauth::ArcVerifier verifier(header);
        if (verifier.needs_body()) verifier.update(body);
        verdicts.arc = source.run(verifier.finish(now));
    }
    if (parts.dmarc) {
        mailauth::DmarcQuery query{.from_fields = from_fields(header),
                                   .spf = spf_for_dmarc(verdicts),
                                   .dkim = verdicts.dkim.value_or(std::vector<mailauth::DkimVerdict>{}),
                                   .arc = verdicts.arc.value_or(mailauth::ArcVerdict{}),
                                   .trusted_sealers = {}};
        verdicts.dmarc = source.run(mailauth::check_dmarc(std::move(query)));
    }
    return verdicts;
}

void append_items(Page& page, Report& report, const std::vector<mailauth::ExplanationItem>& items,
                  mail::Language language) {
    for (const mailauth::ExplanationItem& item : items) {
        page.blank_line();
        page.paragraph(fmt::format("{}: {}", word_for(item.status, language), item.title), 0, 4);
        page.paragraph(item.text, 4);
        for (const std::string& detail : item.details) page.paragraph("  " + detail, 4, 4);
        if (item.status == ExplanationStatus::problem || item.status == ExplanationStatus::unknown)
            report.has_problem = true;
    }
}

Result<Report> report_on_message(const MessageFile& file, EnvelopeFacts facts, cli::Lookup lookup,
                                 mail::Language language, DnsSource& source,
                                 std::chrono::system_clock::time_point now) {
    RELEVO_TRY(const mail::Header header, mail::Header::parse(file.content));
    const MessageParts parts = parts_of(lookup);
    if (parts.spf) facts = with_facts_of(std::move(facts), header, language);
    RELEVO_TRY(const auto verdicts, check_message(file.content, header, facts, parts, source, now));
    const auto items = mailauth::explain(verdicts, language);
    const std::vector<std::string> notes = notes_on(file, facts, parts, verdicts, language);

    Report report;
    Page page;
    page.heading(fmt::format(fmt::runtime(in(language, "{} header fields, {} octets of body",
                                             "{} campos de cabecera, {} octetos de cuerpo")),
                             header.fields().size(), file.content.size() - header.body_offset()));
    for (const std::string& note : notes) page.paragraph(note, 0, 2);
    append_items(page, report, items, language);
    if (lookup == cli::Lookup::arc && items.empty()) {
        page.blank_line();
        page.paragraph(in(language, "The message has no ARC chain: nobody sealed it on its way.",
                          "El mensaje no tiene cadena ARC: nadie lo selló por el camino."));
    }
    // Beside other checks a broken chain is worth a notice: receivers pass it over. Whoever asks about it wants to
    // know.
    if (lookup == cli::Lookup::arc && verdicts.arc->result != mailauth::ArcResult::none &&
        verdicts.arc->result != mailauth::ArcResult::pass)
        report.has_problem = true;
    report.json = object{{"notes", texts(notes)}, {"items", as_json(items)}};
    if (!verdicts.client_address.empty()) report.json["client"] = verdicts.client_address;
    if (parts.spf) {
        array list;
        for (const auto& spf : verdicts.spf) list.push_back(as_json(spf));
        report.json["spf"] = std::move(list);
    }
    if (verdicts.dkim) {
        array list;
        for (const auto& dkim : *verdicts.dkim) list.push_back(as_json(dkim));
        report.json["dkim"] = std::move(list);
    }
    if (verdicts.arc) report.json["arc"] = as_json(*verdicts.arc);
    if (verdicts.dmarc) report.json["dmarc"] = as_json(*verdicts.dmarc);
    if (lookup == cli::Lookup::message) {
        std::string results = mail::unfolded(mailauth::authentication_results_payload(
            mailauth::reported_results("receiver.example", verdicts), mail::Utf8::refused));
        std::ranges::replace(results, '\t', ' ');
        report.json["authentication_results"] = plain(results);
        page.blank_line();
        page.heading(in(language,
                        "A receiver would write on top of the message:", "Un receptor escribiría encima del mensaje:"));
        page.paragraph("Authentication-Results: " + results, 2, 4);
    }
    report.json["problem_found"] = report.has_problem;
    report.text = std::move(page).take();
    return report;
}

}  // namespace relevo::lookups
