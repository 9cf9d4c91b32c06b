#include "lib/dns/zone_text.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"

#include <fmt/format.h>

namespace relevo::dns {
namespace {

constexpr std::size_t string_limit_octets = 255;  // RFC 1035 §3.3
constexpr std::size_t rdata_limit_octets = 65'535;
constexpr std::chrono::seconds ttl_limit{0x7fffffff};  // RFC 2181 §8

std::unexpected<Error> invalid(std::string detail) { return failure(ErrorKind::invalid, std::move(detail)); }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool ends_plain(char c) { return is_blank(c) || c == '\n' || c == ';' || c == '"' || c == '(' || c == ')'; }

std::string big_endian(std::uint64_t value, unsigned octets) {
    std::string wire;
    while (octets-- > 0) wire += static_cast<char>(value >> (8 * octets) & 0xff);
    return wire;
}

// A string as the zone file means it: "\DDD" is an octet, "\X" is X.
Result<std::string> unescaped(std::string_view text) {
    std::string octets;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '\\') {
            octets += c;
            continue;
        }
        if (text.empty()) return invalid("a backslash without what it escapes");
        if (!is_digit(text.front())) {
            octets += text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto octet = parse_decimal<std::uint8_t>(text.substr(0, 3));
        if (text.size() < 3 || !octet) return invalid("a backslash and digits that are no octet (\\000 to \\255)");
        octets += static_cast<char>(*octet);
        text.remove_prefix(3);
    }
    return octets;
}

Result<std::string> encode_strings(std::span<const ZoneField> fields) {
    std::string wire;
    for (const ZoneField& field : fields) {
        RELEVO_TRY(const std::string octets, unescaped(field.text));
        if (octets.size() > string_limit_octets)
            return invalid(fmt::format("a string of {} octets: split it into strings of at most 255", octets.size()));
        wire += static_cast<char>(octets.size());
        wire += octets;
    }
    if (wire.size() > rdata_limit_octets) return invalid("a record longer than 65,535 octets");
    return wire;
}

Result<std::string> encode_address(RecordType type, std::string_view text) {
    RELEVO_TRY(const IpAddress address, IpAddress::parse(text));
    // A mapped address counts as IPv4 everywhere else; in an AAAA record it has to stay sixteen octets.
    const std::string octets(address.octets().begin(), address.octets().end());
    if (type == RecordType::a) {
        if (address.is_v4() && text.find(':') == std::string_view::npos) return octets;
        return invalid(fmt::format("\"{}\" is not an IPv4 address: use AAAA", printable(text, 80)));
    }
    if (text.find(':') == std::string_view::npos)
        return invalid(fmt::format("\"{}\" is not an IPv6 address: use A", printable(text, 80)));
    return address.is_v4() ? std::string(10, '\0') + "\xff\xff" + octets : octets;
}

Result<std::string> encode_number(std::string_view text, unsigned octets) {
    const auto value = parse_decimal<std::uint64_t>(text);
    if (!value || *value >> (8 * octets) != 0)
        return invalid(fmt::format("\"{}\" is not a number from 0 to {}", printable(text, 80),
                                   (std::uint64_t{1} << (8 * octets)) - 1));
    return big_endian(*value, octets);
}

Result<std::string> encode_hex(std::span<const ZoneField> fields) {
    std::string digits;
    for (const ZoneField& field : fields) digits += field.text;
    std::string octets;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
        std::uint8_t octet = 0;
        const auto [end, problem] = std::from_chars(digits.data() + at, digits.data() + at + 2, octet, 16);
        if (problem != std::errc{} || end != digits.data() + at + 2) return invalid("data that is not hexadecimal");
        octets += static_cast<char>(octet);
    }
    if (digits.empty() || digits.size() % 2 != 0) return invalid("hexadecimal data must be pairs of digits");
    return octets;
}

Result<std::string> encode_target(const ZoneField& field, std::string_view origin) {
    RELEVO_TRY(const std::string name, zone_name(field, origin));
    return encode_name(name);
}

Result<std::string> encode_soa(std::span<const ZoneField> fields, std::string_view origin) {
    RELEVO_TRY(std::string wire, encode_target(fields[0], origin));
    RELEVO_TRY(const std::string contact, encode_target(fields[1], origin));
    RELEVO_TRY(const std::string serial, encode_number(fields[2].text, 4));
    wire += contact + serial;
    for (const ZoneField& field : fields.subspan(3)) {
        const auto interval = zone_ttl(field.text);
        if (!interval) return invalid(fmt::format("\"{}\" is not a time in seconds", printable(field.text, 80)));
        wire += big_endian(static_cast<std::uint64_t>(interval->count()), 4);
    }
    return wire;
}

struct FieldCount {
    std::size_t least;
    std::size_t most;
    std::string_view form;
};

constexpr std::size_t any_number = 1'000;

FieldCount fields_of(RecordType type) {
    switch (type) {
        case RecordType::a: return {1, 1, "an IPv4 address"};
        case RecordType::aaaa: return {1, 1, "an IPv6 address"};
        case RecordType::mx: return {2, 2, "a preference and a name"};
        case RecordType::txt: return {1, any_number, "one or more strings"};
        case RecordType::soa: return {7, 7, "two names, a serial number and four times"};
        case RecordType::tlsa: return {4, any_number, "three numbers and hexadecimal data"};
        case RecordType::ns:
        case RecordType::cname:
        case RecordType::ptr: break;
    }
    return {1, 1, "one name"};
}

}  // namespace

void ZoneReader::skip_comment() { text_.remove_prefix(std::min(text_.find('\n'), text_.size())); }

// Blanks, comments and, within parentheses or before the first field, ends of lines. True at the end of the entry.
bool ZoneReader::skip_break(ZoneEntry& entry) {
    while (!text_.empty()) {
        const char c = text_.front();
        if (c == ';') {
            skip_comment();
        } else if (is_blank(c)) {
            if (entry.fields.empty() && open_ == 0) entry.has_owner = false;
            text_.remove_prefix(1);
        } else if (c == '\n') {
            text_.remove_prefix(1);
            ++line_;
            if (open_ > 0) continue;
            if (!entry.fields.empty()) return true;
            entry.has_owner = true;
        } else {
            return false;
        }
    }
    return true;
}

Result<ZoneField> ZoneReader::quoted() {
    text_.remove_prefix(1);
    for (std::size_t at = 0; at < text_.size() && text_[at] != '\n'; ++at) {
        if (text_[at] == '\\') {
            ++at;
        } else if (text_[at] == '"') {
            ZoneField field{std::string(text_.substr(0, at)), true};
            text_.remove_prefix(at + 1);
            return field;
        }
    }
    return invalid("a quoted string without its end");
}

ZoneField ZoneReader::plain() {
    std::size_t at = 0;
    while (at < text_.size() && !ends_plain(text_[at])) at += text_[at] == '\\' ? 2 : 1;
    at = std::min(at, text_.size());
    ZoneField field{std::string(text_.substr(0, at)), false};
    text_.remove_prefix(at);
    return field;
}

Result<std::optional<ZoneEntry>> ZoneReader::next() {
    ZoneEntry entry;
    while (!skip_break(entry)) {
        const char c = text_.front();
        if (entry.fields.empty() && open_ == 0) entry.line = line_;
        if (c == '(' || c == ')') {
            if (c == ')' && open_ == 0) return invalid("a \")\" without its \"(\"");
            open_ += c == '(' ? 1U : -1U;
            text_.remove_prefix(1);
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet == 0x7f) return invalid("a control character");
        if (c == '"') {
            RELEVO_TRY(ZoneField field, quoted());
            entry.fields.push_back(std::move(field));
        } else {
            entry.fields.push_back(plain());
        }
    }
    if (open_ > 0) return invalid("a \"(\" without its \")\"");
    if (entry.fields.empty()) return std::optional<ZoneEntry>();
    return std::optional(std::move(entry));
}

Result<std::string> zone_name(const ZoneField& field, std::string_view origin) {
    if (field.text.empty()) return invalid("an empty name: the root is \".\"");
    if (field.text == "@" && !field.is_quoted) return std::string(origin);
    RELEVO_TRY(std::string name, canonical_name(field.text));
    // "\." at the end is a dot inside the last label; canonical_name() has taken off only the one that ends the name.
    const std::size_t backslashes =
        field.text.size() - 1 - (field.text.find_last_not_of('\\', field.text.size() - 2) + 1);
    const bool is_absolute = field.text.ends_with('.') && (field.text.size() == 1 || backslashes % 2 == 0);
    if (is_absolute || origin.empty()) return name;
    return canonical_name(fmt::format("{}.{}", name, origin));
}

std::optional<std::chrono::seconds> zone_ttl(std::string_view text) {
    if (const auto plain = parse_decimal<std::uint32_t>(text)) {
        if (*plain > ttl_limit.count()) return std::nullopt;
        return std::chrono::seconds(*plain);
    }
    std::chrono::seconds sum{0};
    while (!text.empty()) {
        const std::size_t unit = text.find_first_not_of("0123456789");
        if (unit == std::string_view::npos) return std::nullopt;
        const auto count = parse_decimal<std::uint32_t>(text.substr(0, unit));
        constexpr std::string_view units = "smhdw";
        constexpr std::int64_t lengths[] = {1, 60, 3'600, 86'400, 604'800};
        const std::size_t index = units.find(to_lower(text[unit]));
        if (!count || index == std::string_view::npos) return std::nullopt;
        sum += std::chrono::seconds(*count * lengths[index]);
        if (sum > ttl_limit) return std::nullopt;
        text.remove_prefix(unit + 1);
    }
    return sum.count() == 0 ? std::nullopt : std::optional(sum);
}

Result<std::string> encode_record(RecordType type, std::span<const ZoneField> fields, std::string_view origin) {
    const FieldCount expected = fields_of(type);
    if (fields.size() < expected.least || fields.size() > expected.most)
        return invalid(fmt::format("{} needs {}", name_of(type), expected.form));
    switch (type) {
        case RecordType::a:
        case RecordType::aaaa: return encode_address(type, fields[0].text);
        case RecordType::txt: return encode_strings(fields);
        case RecordType::soa: return encode_soa(fields, origin);
        case RecordType::mx: {
            RELEVO_TRY(const std::string preference, encode_number(fields[0].text, 2));
            RELEVO_TRY(const std::string exchange, encode_target(fields[1], origin));
            return preference + exchange;
        }
        case RecordType::tlsa: {
            std::string wire;
            for (const ZoneField& field : fields.first(3)) {
                RELEVO_TRY(const std::string number, encode_number(field.text, 1));
                wire += number;
            }
            RELEVO_TRY(const std::string data, encode_hex(fields.subspan(3)));
            return wire + data;
        }
        case RecordType::ns:
        case RecordType::cname:
        case RecordType::ptr: break;
    }
    return encode_target(fields[0], origin);
}

Result<std::string> encode_text(std::string_view text) {
    std::string wire;
    do {
        const std::string_view piece = text.substr(0, string_limit_octets);
        wire += static_cast<char>(piece.size());
        wire += piece;
        text.remove_prefix(piece.size());
    } while (!text.empty());
    if (wire.size() > rdata_limit_octets) return invalid("a text longer than a record can hold");
    return wire;
}

}  // namespace relevo::dns
