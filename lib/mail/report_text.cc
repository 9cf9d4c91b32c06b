#include "lib/mail/report_text.h"

#include "lib/base/text.h"
#include "lib/mail/delivery_advice.h"
#include "lib/mail/delivery_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo::mail {
namespace {

constexpr std::size_t line_limit_characters = 76;
constexpr std::size_t reply_limit_octets = 500;    // as much of a server's words as helps
constexpr std::size_t subject_limit_octets = 200;  // of the original
constexpr std::size_t address_in_subject_limit_octets = 40;

// Most important first: a report about several outcomes is named after the worst.
constexpr std::array actions_by_weight = {DeliveryAction::failed, DeliveryAction::delayed, DeliveryAction::relayed,
                                          DeliveryAction::expanded, DeliveryAction::delivered};

struct Phrases {
    std::string_view greeting;
    std::string_view what_happened;
    std::string_view server_said;  // {0}: name of the server
    std::string_view server_said_unnamed;
    std::string_view details;
    std::string_view what_to_do;
    std::string_view original;
    std::string_view subject;
    std::string_view received;
    std::string_view reference;
    std::string_view retry_until;  // {0}: date
};

constexpr Phrases english = {
    .greeting = "This is the mail server {0}, about a message that you sent.",
    .what_happened = "What happened: ",
    .server_said = "The server {0} said: ",
    .server_said_unnamed = "The server said: ",
    .details = "Details: ",
    .what_to_do = "What you can do: ",
    .original = "The message:",
    .subject = "Subject: ",
    .received = "Received for sending: ",
    .reference = "Reference: ",
    .retry_until = "We keep trying until {0}.",
};

constexpr Phrases spanish = {
    .greeting = "Le escribe el servidor de correo {0} acerca de un mensaje que usted envió.",
    .what_happened = "Qué ha pasado: ",
    .server_said = "El servidor {0} respondió: ",
    .server_said_unnamed = "El servidor respondió: ",
    .details = "Detalles: ",
    .what_to_do = "Qué puede hacer: ",
    .original = "El mensaje:",
    .subject = "Asunto: ",
    .received = "Recibido para su envío: ",
    .reference = "Referencia: ",
    .retry_until = "Seguiremos intentándolo hasta: {0}.",
};

const Phrases& phrases(Language language) { return language == Language::spanish ? spanish : english; }

std::string_view subject_for(DeliveryAction action, Language language) {
    const bool is_spanish = language == Language::spanish;
    switch (action) {
        case DeliveryAction::failed:
            return is_spanish ? "No se pudo entregar su mensaje" : "Your message could not be delivered";
        case DeliveryAction::delayed:
            return is_spanish ? "Su mensaje aún no se ha entregado" : "Your message has not been delivered yet";
        case DeliveryAction::relayed:
            return is_spanish ? "Su mensaje pasó a otro servidor" : "Your message was passed on";
        case DeliveryAction::expanded:
            return is_spanish ? "Su mensaje se repartió a una lista" : "Your message was passed on to a list";
        case DeliveryAction::delivered: return is_spanish ? "Su mensaje se entregó" : "Your message was delivered";
    }
    return {};
}

std::string_view summary_for(DeliveryAction action, Language language) {
    const bool is_spanish = language == Language::spanish;
    switch (action) {
        case DeliveryAction::failed:
            return is_spanish ? "No se pudo entregar, y no se intentará más, a:"
                              : "It could not be delivered, and will not be tried again, to:";
        case DeliveryAction::delayed:
            return is_spanish
                       ? "Todavía no se ha podido entregar a las direcciones siguientes. No tiene que hacer nada: "
                         "lo seguimos intentando y le avisaremos si al final no es posible."
                       : "It has not been possible yet to deliver it to the addresses below. You need not do "
                         "anything: we keep trying, and will tell you if it fails in the end.";
        case DeliveryAction::relayed:
            return is_spanish
                       ? "Lo aceptó un servidor que no confirma las entregas. No recibirá más confirmaciones para:"
                       : "It was accepted by a server that does not confirm deliveries. No further confirmation "
                         "will follow for:";
        case DeliveryAction::expanded:
            return is_spanish ? "Llegó a una lista, que lo reparte a sus miembros:"
                              : "It reached a list, which passes it on to its members:";
        case DeliveryAction::delivered: return is_spanish ? "Se entregó correctamente a:" : "It was delivered to:";
    }
    return {};
}

std::size_t characters_in(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Appends `text`, wrapped at spaces, each line behind `indent`.
void add_wrapped(std::string& out, std::string_view indent, std::string_view text) {
    std::size_t column = 0;
    for (const std::string_view word : split(text, ' ')) {
        const std::size_t width = characters_in(word);
        if (column == 0 || column + 1 + width > line_limit_characters) {
            out.append(column == 0 ? "" : "\r\n").append(indent).append(word);
            column = indent.size() + width;
        } else {
            out.append(" ").append(word);
            column += 1 + width;
        }
    }
    out.append("\r\n");
}

std::string readable(std::string_view text, std::size_t limit_octets) {
    return one_line(text, Utf8::allowed, limit_octets);
}

// "2026-11-23 12:00 UTC": read the same in every country.
std::string readable(std::chrono::system_clock::time_point time) {
    const auto midnight = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::minutes>(time - midnight));
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count());
}

void add_reply(std::string& text, const RecipientReport& report, const Phrases& words) {
    constexpr std::string_view indent = "    ";
    if (!report.diagnostic.empty()) {
        const std::string host = readable(report.remote_mta, address_in_subject_limit_octets * 2);
        const std::string label =
            host.empty() ? std::string(words.server_said_unnamed) : fmt::format(fmt::runtime(words.server_said), host);
        add_wrapped(text, indent, label + readable(report.diagnostic, reply_limit_octets));
    } else if (!report.explanation.empty()) {
        add_wrapped(text, indent, std::string(words.details) + readable(report.explanation, reply_limit_octets));
    }
}

void add_recipient(std::string& text, const RecipientReport& report, Language language) {
    constexpr std::string_view indent = "    ";
    const Phrases& words = phrases(language);
    text.append("\r\n  ").append(report.recipient.address.text()).append("\r\n");
    const bool has_problem = report.action == DeliveryAction::failed || report.action == DeliveryAction::delayed;
    const Advice advice = advice_for(status_code(report), language);
    if (has_problem) add_wrapped(text, indent, std::string(words.what_happened).append(advice.reason));
    add_reply(text, report, words);
    if (report.action == DeliveryAction::failed && !advice.what_to.empty())
        add_wrapped(text, indent, std::string(words.what_to_do).append(advice.what_to));
    if (report.action == DeliveryAction::delayed && report.will_retry_until != std::chrono::system_clock::time_point())
        add_wrapped(text, indent, fmt::format(fmt::runtime(words.retry_until), readable(report.will_retry_until)));
}

void add_original(std::string& text, const DeliveryReport& report, std::string_view original_subject) {
    const Phrases& words = phrases(report.language);
    text.append("\r\n").append(words.original).append("\r\n");
    const std::string subject = readable(original_subject, subject_limit_octets);
    const bool legible = !subject.empty() && subject.find("=?") == std::string::npos;
    if (legible) add_wrapped(text, "    ", std::string(words.subject) + subject);
    if (report.arrival != std::chrono::system_clock::time_point())
        add_wrapped(text, "    ", std::string(words.received) + readable(report.arrival));
    if (!report.queue_id.empty())
        add_wrapped(text, "    ", std::string(words.reference) + readable(report.queue_id, subject_limit_octets));
}

bool has_action(const DeliveryReport& report, DeliveryAction action) {
    return std::ranges::find(report.recipients, action, &RecipientReport::action) != report.recipients.end();
}

}  // namespace

std::string report_subject(const DeliveryReport& report) {
    const auto* const worst =
        std::ranges::find_if(actions_by_weight, [&](DeliveryAction action) { return has_action(report, action); });
    const DeliveryAction action = worst == actions_by_weight.end() ? DeliveryAction::failed : *worst;
    std::string subject(subject_for(action, report.language));
    if (report.recipients.size() != 1) return subject;
    const std::string& address = report.recipients.front().recipient.address.text();
    if (address.size() <= address_in_subject_limit_octets) subject.append(": ").append(address);
    return subject;
}

std::string report_text(const DeliveryReport& report, std::string_view original_subject) {
    std::string text;
    add_wrapped(text, "",
                fmt::format(fmt::runtime(phrases(report.language).greeting),
                            readable(report.reporting_mta, subject_limit_octets)));
    for (const DeliveryAction action : actions_by_weight) {
        if (!has_action(report, action)) continue;
        text.append("\r\n");
        add_wrapped(text, "", summary_for(action, report.language));
        for (const RecipientReport& recipient : report.recipients)
            if (recipient.action == action) add_recipient(text, recipient, report.language);
    }
    add_original(text, report, original_subject);
    return text;
}

Result<Language> parse_language(std::string_view text) {
    if (equals_ignoring_case(text, "en")) return Language::english;
    if (equals_ignoring_case(text, "es")) return Language::spanish;
    return failure(ErrorKind::invalid, "\"" + printable(text, 40) + "\" is not a language of reports: use es or en");
}

}  // namespace relevo::mail
