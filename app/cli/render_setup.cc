// Plans of DNS records and findings of checks, for people.
#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"
#include "core/setup/check_item.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo::cli {
namespace {

using boost::json::value;
using setup::Words;

// Words of the protocol as people read them.
struct Translation {
    std::string_view word;
    std::string_view english;
    std::string_view spanish;
};
constexpr std::array translations = {
    Translation{"ok", "ok", "bien"},
    Translation{"warn", "warn", "aviso"},
    Translation{"fail", "FAIL", "FALLO"},
    Translation{"skipped", "skipped", "omitido"},
    Translation{"required", "required", "obligatorio"},
    Translation{"recommended", "recommended", "recomendado"},
    Translation{"optional", "optional", "opcional"},
    Translation{"found", "published", "publicado"},
    Translation{"differs", "differs", "distinto"},
    Translation{"missing", "missing", "falta"},
    Translation{"ownership", "Proof of ownership", "Prueba de propiedad"},
    Translation{"dkim", "DKIM key", "Clave DKIM"},
    Translation{"spf", "SPF", "SPF"},
    Translation{"return-path", "Return path", "Dirección de rebotes"},
    Translation{"dmarc", "DMARC policy", "Política DMARC"},
    Translation{"mx", "Incoming mail", "Correo entrante"},
    Translation{"mta-sts", "MTA-STS", "MTA-STS"},
    Translation{"tls-rpt", "TLS reports", "Informes TLS"},
    Translation{"tracking", "Links and pictures", "Enlaces e imágenes"},
    Translation{"service", "Of this service", "De este servicio"},
    Translation{"Name", "Name", "Nombre"},
    Translation{"Type", "Type", "Tipo"},
    Translation{"Value", "Value", "Valor"},
    Translation{"Instead", "Or", "O bien"},
    Translation{"Found", "Found", "Ahora hay"},
    Translation{"Expected", "Expected", "Debería"},
    Translation{"Note", "Note", "Nota"},
    Translation{"Why", "Why", "Motivo"},
    Translation{"Do", "Do", "Qué hacer"},
};

std::string say(std::string_view word, mail::Language language) {
    const auto found = std::ranges::find(translations, word, &Translation::word);
    if (found == translations.end()) return std::string(word);
    return std::string(language == mail::Language::spanish ? found->spanish : found->english);
}

// "  Name      " with the label in its language; one width for both.
std::string lead(std::string_view label, mail::Language language) {
    const std::string word = say(label, language);
    constexpr std::size_t width = 10;
    std::size_t characters = 0;
    for (const char c : word) characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return "   " + word + std::string(characters < width ? width - characters : 1, ' ');
}

// Values are to be copied, so they stand whole on one line, whatever its length.
std::string copied(std::string_view label, std::string_view value, mail::Language language) {
    return lead(label, language) + printable(value, 8192) + "\n";
}

std::string optional_paragraph(std::string_view label, const value& row, std::string_view member,
                               mail::Language language) {
    const std::string content = text(row, member, "");
    return content.empty() ? std::string() : paragraph(lead(label, language), content);
}

std::string record_text(const value& record, int number, mail::Language language) {
    const std::string status = text(record, "status");
    std::string title =
        fmt::format("{}. {} ({})", number, say(text(record, "purpose"), language), say(text(record, "need"), language));
    if (status != "unknown") title += ": " + say(status, language);
    std::string page = title + "\n";
    page += copied("Name", text(record, "name"), language);
    page += copied("Type", fmt::format("{}, TTL {}", text(record, "type"), text(record, "ttl")), language);
    page += copied("Value", text(record, "value"), language);
    if (const std::string target = text(record, "cname_instead", ""); !target.empty())
        page += copied("Instead", "CNAME " + target, language);
    if (status == "differs")
        for (const value& found : elements(record, "found"))
            if (found.is_string()) page += copied("Found", std::string_view(found.get_string()), language);
    page += optional_paragraph("Note", record, "remark", language);
    if (status != "found") page += optional_paragraph("Why", record, "why", language);
    page += optional_paragraph("Do", record, "action", language);
    return page + "\n";
}

std::string records_of(const value& plan, std::string_view zone, mail::Language language) {
    std::string page;
    int number = 0;
    for (const value& record : elements(plan, "records"))
        if (text(record, "zone") == zone) page += record_text(record, ++number, language);
    return page;
}

std::string bullets(const value& plan, std::string_view member) {
    std::string page;
    for (const value& one : elements(plan, member))
        if (one.is_string()) page += paragraph(" - ", std::string_view(one.get_string()));
    return page;
}

mail::Language language_of(const value& result) {
    return text(result, "language", "en") == "es" ? mail::Language::spanish : mail::Language::english;
}

std::string item_text(const value& item, mail::Language language) {
    const std::string status = text(item, "status");
    std::string mark = say(status, language);
    mark.resize(std::max<std::size_t>(mark.size(), 8), ' ');
    const std::string subject = text(item, "subject", "");
    std::string line = text(item, "title", text(item, "id"));
    if (!subject.empty()) line += fmt::format(" · {}", subject);
    if (const std::string found = text(item, "found", ""); !found.empty()) line += ": " + found;
    std::string page = paragraph(" " + mark + " ", line);
    if (status == "ok" || status == "skipped") return page;
    const std::string indent(10, ' ');
    if (const std::string expected = text(item, "expected", ""); !expected.empty())
        page += fmt::format("{}{}: {}\n", indent, say("Expected", language), printable(expected, 4096));
    if (const std::string why = text(item, "why", ""); !why.empty()) page += paragraph(indent, why);
    if (const std::string action = text(item, "action", ""); !action.empty()) page += paragraph(indent + "→ ", action);
    return page;
}

}  // namespace

std::string render_items(const boost::json::array& items, mail::Language language) {
    std::string page;
    std::array<std::size_t, 4> counts{};
    constexpr std::array<std::string_view, 4> statuses = {"ok", "warn", "fail", "skipped"};
    for (const setup::CheckGroup group :
         {setup::CheckGroup::machine, setup::CheckGroup::names, setup::CheckGroup::ports, setup::CheckGroup::tls,
          setup::CheckGroup::dns, setup::CheckGroup::relaying, setup::CheckGroup::domain,
          setup::CheckGroup::blocklists}) {
        std::string part;
        for (const value& item : items) {
            if (text(item, "group") != setup::name_of(group)) continue;
            part += item_text(item, language);
            const auto status = std::ranges::find(statuses, text(item, "status"));
            if (status != statuses.end()) ++counts[static_cast<std::size_t>(status - statuses.begin())];
        }
        if (!part.empty()) page += setup::title_of(group).in(language) + "\n" + part + "\n";
    }
    const auto ending = [](std::size_t count) { return count == 1 ? "" : "s"; };
    const Words sum = {fmt::format("{} check{}: {} ok, {} warning{}, {} failed, {} skipped\n", items.size(),
                                   ending(items.size()), counts[0], counts[1], ending(counts[1]), counts[2], counts[3]),
                       fmt::format("{0} {1}: {2} bien, {3} aviso{4}, {5} fallo{6}, {7} omitida{8}\n", items.size(),
                                   items.size() == 1 ? "comprobación" : "comprobaciones", counts[0], counts[1],
                                   ending(counts[1]), counts[2], ending(counts[2]), counts[3], ending(counts[3]))};
    return page + sum.in(language);
}

std::string render_plan(const value& plan) {
    const mail::Language language = language_of(plan);
    const bool spanish = language == mail::Language::spanish;
    const std::string domain = printable(text(plan, "domain"));
    std::string page =
        spanish ? fmt::format("Registros DNS de {}\n", domain) : fmt::format("DNS records of {}\n", domain);
    if (const std::string servers = text(plan, "name_servers", ""); !servers.empty()) {
        const std::string provider = text(plan, "provider", "");
        page += paragraph(spanish ? "Servidores de nombres: " : "Name servers: ",
                          servers + (provider.empty() ? "" : " (" + provider + ")"));
    }
    page += "\n" + records_of(plan, "domain", language);
    if (const std::string ours = records_of(plan, "service", language); !ours.empty())
        page += (spanish ? "En la zona de este servicio, no en la del dominio:\n\n"
                         : "In the zone of this service, not in the domain's:\n\n") +
                ours;
    page += (spanish ? "Para tener en cuenta\n" : "Keep in mind\n") + bullets(plan, "hints") + bullets(plan, "advice");
    page += spanish ? fmt::format(
                          "\nComo archivo de zona: relevo domain dns {0} --zone\nPara comprobarlo: relevo check "
                          "{0}\n",
                          domain)
                    : fmt::format("\nAs a zone file: relevo domain dns {0} --zone\nTo check it: relevo check {0}\n",
                                  domain);
    return page;
}

std::string render_submission(const value& submission) {
    std::string page = fmt::format("Server:    {}\n", printable(text(submission, "host_name")));
    for (const value& port : elements(submission, "ports")) {
        const std::string security = text(port, "security");
        page += fmt::format("Port:      {}{}{}\n", text(port, "port"),
                            security == "starttls" ? " with STARTTLS"
                            : security == "tls"    ? " with TLS"
                                                   : " without encryption",
                            text(port, "login") == "no" ? ", for known networks without a login" : "");
    }
    if (elements(submission, "ports").empty()) page += "Port:      none; add a [[listener]] to the configuration\n";
    if (member(submission, "settings_url").is_string())
        page += fmt::format("Settings:  {}\n", printable(text(submission, "settings_url")));
    return page;
}

}  // namespace relevo::cli
