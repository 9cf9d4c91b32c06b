#include "lib/base/json_writer.h"

#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {
namespace {

bool passes_unescaped(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet >= 0x20 && octet != '"' && octet != '\\' && octet != 0x7F;
}

void append_escaped(std::string& json, char c) {
    switch (c) {
        case '"': json += "\\\""; break;
        case '\\': json += "\\\\"; break;
        case '\n': json += "\\n"; break;
        case '\r': json += "\\r"; break;
        case '\t': json += "\\t"; break;
        default: fmt::format_to(std::back_inserter(json), "\\u{:04x}", static_cast<unsigned char>(c));
    }
}

}  // namespace

void append_json_string(std::string& json, std::string_view text) {
    json += '"';
    if (is_plain_ascii(text)) {
        json.append(text) += '"';
        return;
    }
    const bool valid = is_ascii(text) || is_utf8(text);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool broken = !valid && static_cast<unsigned char>(text[i]) >= 0x80;
        if (passes_unescaped(text[i]) && !broken) continue;
        json.append(text, begin, i - begin);
        if (broken)
            json += "\xEF\xBF\xBD";
        else
            append_escaped(json, text[i]);
        begin = i + 1;
    }
    json.append(text, begin);
    json += '"';
}

void JsonWriter::name(std::string_view name) {
    if (json_.size() > 1) json_ += ',';
    append_json_string(json_, name);
    json_ += ':';
}

JsonWriter& JsonWriter::field(std::string_view field_name, std::string_view value) {
    name(field_name);
    append_json_string(json_, value);
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view field_name, std::string_view value) {
    name(field_name);
    json_ += value;
    return *this;
}

}  // namespace relevo
