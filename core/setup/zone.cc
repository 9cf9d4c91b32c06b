#include "core/setup/zone.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"

#include <fmt/format.h>

namespace relevo::setup {
namespace {

constexpr std::size_t string_octets_in_file = 80;  // so that lines stay readable; any length up to 255 is the same

std::string record_line(const PlannedRecord& record) {
    std::string line = fmt::format("{}. {} IN {} ", record.name, record.ttl.count(), dns::name_of(record.type));
    if (record.type != dns::RecordType::txt) return line + record.value + ".\n";
    const std::vector<std::string> strings = quoted_strings(record.value, string_octets_in_file);
    if (strings.size() == 1) return line + strings.front() + "\n";
    line += "(\n";
    for (const std::string& string : strings) line += "    " + string + "\n";
    return line + "    )\n";
}

void append_comment(std::string& text, std::string_view comment) {
    for (const std::string_view line : split(comment, '\n'))
        if (!line.empty()) text += fmt::format("; {}\n", line);
}

std::string title_of(const PlannedRecord& record, mail::Language language) {
    const bool spanish = language == mail::Language::spanish;
    std::string_view need = name_of(record.need);
    if (spanish)
        need = record.need == Need::required      ? "obligatorio"
               : record.need == Need::recommended ? "recomendado"
                                                  : "opcional";
    return fmt::format("{}: {}", name_of(record.purpose), need);
}

}  // namespace

std::vector<std::string> quoted_strings(std::string_view text, std::size_t limit) {
    std::vector<std::string> strings;
    do {
        const std::string_view piece = text.substr(0, limit);
        std::string quoted = "\"";
        for (const char c : piece) {
            if (c == '"' || c == '\\')
                quoted += fmt::format("\\{}", c);
            else if (c < ' ' || c > '~')
                quoted += fmt::format("\\{:03}", static_cast<unsigned>(static_cast<unsigned char>(c)));
            else
                quoted += c;
        }
        strings.push_back(quoted + "\"");
        text.remove_prefix(piece.size());
    } while (!text.empty());
    return strings;
}

std::string zone_text(const DnsPlan& plan, Zone zone, mail::Language language) {
    const bool spanish = language == mail::Language::spanish;
    std::string text;
    for (const PlannedRecord& record : plan.records) {
        if (record.zone != zone) continue;
        text += text.empty() ? "" : "\n";
        append_comment(text, title_of(record, language));
        const bool is_there = record.status == RecordStatus::found;
        if (is_there) append_comment(text, spanish ? "ya está publicado" : "published already");
        for (const std::string& found :
             record.status == RecordStatus::differs ? record.found : std::vector<std::string>()) {
            append_comment(text, spanish ? "en lugar de:" : "in place of:");
            append_comment(text, "  " + printable(found, 4096));
        }
        if (is_there)
            append_comment(text, record_line(record));
        else
            text += record_line(record);
    }
    if (text.empty()) return text;
    return fmt::format("; {}\n\n", spanish ? fmt::format("Registros DNS de {}", plan.domain)
                                           : fmt::format("DNS records of {}", plan.domain)) +
           text;
}

}  // namespace relevo::setup
