#include "lib/dns/name.h"

#include "lib/base/text.h"
#include "lib/dns/service.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::dns {
namespace {

constexpr std::size_t name_limit_octets = 255;  // RFC 1035 §3.1, with length octets
constexpr std::size_t label_limit_octets = 63;

constexpr std::pair<RecordType, std::string_view> types[] = {
    {RecordType::a, "A"},     {RecordType::ns, "NS"},     {RecordType::cname, "CNAME"},
    {RecordType::soa, "SOA"}, {RecordType::ptr, "PTR"},   {RecordType::mx, "MX"},
    {RecordType::txt, "TXT"}, {RecordType::aaaa, "AAAA"}, {RecordType::tlsa, "TLSA"},
};

std::unexpected<Error> not_a_name(std::string_view text, std::string_view why) {
    return failure(ErrorKind::invalid, fmt::format("\"{}\" is not a domain name: {}", printable(text, 80), why));
}

}  // namespace

Result<std::string> encode_name(std::string_view text) {
    const std::string_view whole = text;
    if (text == ".") text = {};
    std::string wire;
    std::string label;
    const auto end_label = [&] {
        const bool fits = !label.empty() && label.size() <= label_limit_octets;
        wire += static_cast<char>(label.size());
        wire += std::exchange(label, {});
        return fits && wire.size() < name_limit_octets;
    };
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c == '.') {
            if (!end_label()) return not_a_name(whole, "a label must have 1 to 63 octets, and all of it 255");
        } else if (c != '\\') {
            label += c;
        } else if (text.size() >= 3 && is_digit(text[0])) {
            const auto octet = parse_decimal<std::uint8_t>(text.substr(0, 3));
            if (!octet) return not_a_name(whole, "a backslash and digits that are no octet");
            label += static_cast<char>(*octet);
            text.remove_prefix(3);
        } else {
            if (text.empty() || is_digit(text[0])) return not_a_name(whole, "a backslash without what it escapes");
            label += text.front();
            text.remove_prefix(1);
        }
        if (label.size() > label_limit_octets) return not_a_name(whole, "a label longer than 63 octets");
    }
    if (!label.empty() && !end_label()) return not_a_name(whole, "longer than 255 octets");
    return wire + '\0';
}

Result<std::string> canonical_name(std::string_view text) {
    RELEVO_TRY(const std::string wire, encode_name(text));
    return decode_name(wire);
}

std::string_view parent_of(std::string_view name) {
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (name[at] == '\\')
            ++at;  // the dot behind it belongs to the label
        else if (name[at] == '.')
            return name.substr(at + 1);
    }
    return {};
}

std::size_t common_labels(std::string_view one, std::string_view other) {
    const auto labels = split(one, '.');
    const auto others = split(other, '.');
    const auto [end, other_end] = std::ranges::mismatch(labels.rbegin(), labels.rend(), others.rbegin(), others.rend());
    return static_cast<std::size_t>(end - labels.rbegin());
}

std::string_view name_of(RecordType type) {
    for (const auto& [known, name] : types)
        if (known == type) return name;
    return type == service_record ? "SRV" : "?";
}

std::optional<RecordType> record_type_of(std::string_view name) {
    for (const auto& [type, known] : types)
        if (equals_ignoring_case(known, name)) return type;
    return std::nullopt;
}

}  // namespace relevo::dns
