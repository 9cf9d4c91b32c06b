#include "lib/mailauth/spf_macro.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>

namespace relevo::mailauth {
namespace {

constexpr std::string_view letters = "slodiphvcrt";
constexpr std::string_view explanation_letters = "crt";
constexpr std::string_view delimiters = ".-+,/_=";
constexpr std::size_t name_limit_octets = 253;  // §7.3

std::unexpected<Error> invalid(std::string detail) { return failure(ErrorKind::invalid, std::move(detail)); }

struct Macro {
    char letter = 0;              // lower case; 0 for the three that stand for themselves
    bool is_url_escaped = false;  // an upper-case letter
    bool is_reversed = false;
    std::size_t parts = std::numeric_limits<std::size_t>::max();  // of the right-hand side
    std::string_view split_at = ".";
    std::string_view literal;
    std::size_t length = 0;  // of the macro in its text
};

// What begins with the "%" at the front of `text`.
Result<Macro> read_macro(std::string_view text) {
    Macro macro;
    macro.length = 2;
    const char kind = text.size() < 2 ? '\0' : text[1];
    if (kind == '%') macro.literal = "%";
    if (kind == '_') macro.literal = " ";
    if (kind == '-') macro.literal = "%20";
    if (!macro.literal.empty()) return macro;
    if (kind != '{') return invalid("\"%\" must be followed by \"{\", \"%\", \"_\" or \"-\"");

    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return invalid("a macro \"%{\" without its \"}\"");
    macro.length = end + 1;
    std::string_view inside = text.substr(2, end - 2);
    if (inside.empty() || letters.find(to_lower(inside.front())) == std::string_view::npos)
        return invalid(
            fmt::format("no macro is written \"{}\"", printable(text.substr(0, std::min(end + 1, std::size_t{40})))));
    macro.letter = to_lower(inside.front());
    macro.is_url_escaped = macro.letter != inside.front();
    inside.remove_prefix(1);
    const std::size_t digits = std::min(inside.find_first_not_of("0123456789"), inside.size());
    if (digits > 0) {
        // "If a DIGIT is specified, the value MUST be nonzero" (§7.3). More parts than there can be: all of them.
        if (inside.substr(0, digits).find_first_not_of('0') == std::string_view::npos)
            return invalid("a macro that keeps 0 parts");
        macro.parts = parse_decimal<std::size_t>(inside.substr(0, digits)).value_or(macro.parts);
        inside.remove_prefix(digits);
    }
    if (!inside.empty() && to_lower(inside.front()) == 'r') {
        macro.is_reversed = true;
        inside.remove_prefix(1);
    }
    if (inside.find_first_not_of(delimiters) != std::string_view::npos)
        return invalid("a macro with something behind its letter that is no delimiter");
    if (!inside.empty()) macro.split_at = inside;
    return macro;
}

// "toplabel": letters, digits and inner hyphens, not digits alone.
bool is_top_label(std::string_view label) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    return std::ranges::all_of(label, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; }) &&
           !std::ranges::all_of(label, is_digit);
}

// IPv6: "a dot-format address", nibble by nibble (§7.3).
std::string dotted(const dns::IpAddress& address) {
    if (address.is_v4()) return address.text();
    std::string text;
    for (const std::uint8_t octet : address.octets())
        text += fmt::format("{}{:x}.{:x}", text.empty() ? "" : ".", octet >> 4U, octet & 0x0fU);
    return text;
}

std::string value_of(char letter, const SpfMacroValues& values) {
    const std::size_t at = values.sender.rfind('@');
    switch (letter) {
        case 's': return values.sender;
        case 'l': return values.sender.substr(0, at);
        case 'o': return at == std::string::npos ? std::string() : values.sender.substr(at + 1);
        case 'd': return values.domain;
        case 'i': return dotted(values.client);
        case 'p': return values.validated.empty() ? "unknown" : values.validated;
        case 'h': return values.helo;
        case 'v': return values.client.is_v4() ? "in-addr" : "ip6";
        case 'c': return values.client.text();
        case 'r': return values.receiver.empty() ? "unknown" : values.receiver;
        default: return fmt::format("{}", values.time.time_since_epoch().count());  // t
    }
}

std::string transformed(std::string_view value, const Macro& macro) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = value.find_first_of(macro.split_at);
        parts.push_back(value.substr(0, end));
        if (end == std::string_view::npos) break;
        value.remove_prefix(end + 1);
    }
    if (macro.is_reversed) std::ranges::reverse(parts);
    const std::size_t dropped = parts.size() - std::min(parts.size(), macro.parts);
    std::string joined;
    for (std::size_t index = dropped; index < parts.size(); ++index) {
        if (index > dropped) joined += '.';
        joined += parts[index];
    }
    return joined;
}

// All but the unreserved characters of RFC 3986 §2.3.
std::string url_escaped(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
            escaped += c;
        else
            escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return escaped;
}

}  // namespace

Result<void> check_macros(std::string_view text, SpfMacroPlace place) {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at)) {
        RELEVO_TRY(const Macro macro, read_macro(text.substr(at)));
        if (place == SpfMacroPlace::domain && macro.letter != 0 &&
            explanation_letters.find(macro.letter) != std::string_view::npos)
            return invalid(fmt::format("the macro letter \"{}\" is for explanations only", macro.letter));
        at += macro.length;
    }
    return {};
}

Result<void> check_domain_spec(std::string_view text) {
    if (text.empty()) return invalid("an empty domain");
    RELEVO_CHECK(check_macros(text, SpfMacroPlace::domain));
    // Where the last macro ends, if there is one.
    std::size_t behind_macro = 0;
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', behind_macro)) {
        RELEVO_TRY(const Macro macro, read_macro(text.substr(at)));
        behind_macro = at + macro.length;
    }
    if (behind_macro == text.size()) return {};
    std::string_view end = text.substr(behind_macro);
    if (end.ends_with('.')) end.remove_suffix(1);
    const std::size_t dot = end.rfind('.');
    if (dot == std::string_view::npos) return invalid("not a full domain name");
    if (is_top_label(end.substr(dot + 1))) return {};
    if (dns::IpAddress::parse(end)) return invalid("an address in place of a domain: use ip4 or ip6");
    return invalid("a domain must end with a top-level domain, which is not a number");
}

bool needs_validated_name(std::string_view text) {
    return text.find("%{p") != std::string_view::npos || text.find("%{P") != std::string_view::npos;
}

std::string expand_macros(std::string_view text, const SpfMacroValues& values, std::size_t limit) {
    std::string expanded;
    while (!text.empty() && expanded.size() <= limit) {
        const std::size_t percent = std::min(text.find('%'), text.size());
        expanded += text.substr(0, percent);
        text.remove_prefix(percent);
        if (text.empty()) break;
        const auto macro = read_macro(text);
        if (!macro) break;
        if (macro->letter == 0) {
            expanded += macro->literal;
        } else {
            const std::string value = transformed(value_of(macro->letter, values), *macro);
            expanded += macro->is_url_escaped ? url_escaped(value) : value;
        }
        text.remove_prefix(macro->length);
    }
    return expanded;
}

std::optional<std::string> spf_target_name(std::string_view expanded) {
    if (expanded.ends_with('.')) expanded.remove_suffix(1);
    while (expanded.size() > name_limit_octets) {
        const std::size_t dot = expanded.find('.');
        if (dot == std::string_view::npos) return std::nullopt;
        expanded.remove_prefix(dot + 1);
    }
    if (expanded.empty() || expanded.ends_with('.')) return std::nullopt;
    // A backslash is an octet here, and an escape to lib/dns.
    std::string escaped;
    for (const char c : expanded) escaped += c == '\\' ? std::string("\\\\") : std::string(1, c);
    auto name = dns::canonical_name(escaped);
    if (!name) return std::nullopt;
    return *std::move(name);
}

}  // namespace relevo::mailauth
