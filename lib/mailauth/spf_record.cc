#include "lib/mailauth/spf_record.h"

#include "lib/base/text.h"
#include "lib/mailauth/spf_macro.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::string_view version = "v=spf1";

std::unexpected<Error> invalid(std::string_view term, std::string_view why) {
    return failure(ErrorKind::invalid, fmt::format("\"{}\": {}", printable(term, 120), why));
}

struct KindName {
    std::string_view name;
    SpfMechanismKind kind;
};
constexpr KindName kinds[] = {
    {"all", SpfMechanismKind::all}, {"include", SpfMechanismKind::include}, {"a", SpfMechanismKind::a},
    {"mx", SpfMechanismKind::mx},   {"ptr", SpfMechanismKind::ptr},         {"ip4", SpfMechanismKind::ip4},
    {"ip6", SpfMechanismKind::ip6}, {"exists", SpfMechanismKind::exists},
};

std::optional<SpfResult> qualifier_of(char c) {
    switch (c) {
        case '+': return SpfResult::pass;
        case '-': return SpfResult::fail;
        case '~': return SpfResult::softfail;
        case '?': return SpfResult::neutral;
        default: return std::nullopt;
    }
}

bool is_modifier_name(std::string_view name) {
    return !name.empty() && is_alpha(name.front()) && std::ranges::all_of(name, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

// "0" or digits that do not begin with 0 (§5.6), at most `most`.
std::optional<unsigned> prefix_length(std::string_view digits, unsigned most) {
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
    const auto length = parse_decimal<unsigned>(digits);
    return length && *length <= most ? length : std::nullopt;
}

// Where digits begin that run to the end behind a slash; npos if it does not end so.
std::size_t trailing_length(std::string_view text) {
    const std::size_t slash = text.find_last_not_of("0123456789");
    if (slash == std::string_view::npos || text[slash] != '/' || slash + 1 == text.size())
        return std::string_view::npos;
    return slash + 1;
}

// Takes dual-cidr-length off the end (§5.3): "/24", "//64", "/24//64".
Result<void> take_dual_length(std::string_view& rest, SpfMechanism& mechanism) {
    std::size_t digits = trailing_length(rest);
    if (digits == std::string_view::npos) return {};
    if (digits >= 2 && rest[digits - 2] == '/') {
        const auto length = prefix_length(rest.substr(digits), 128);
        if (!length) return invalid(mechanism.text, "the IPv6 prefix must be 0 to 128, without leading zeros");
        mechanism.prefix_v6 = *length;
        rest = rest.substr(0, digits - 2);
        digits = trailing_length(rest);
        if (digits == std::string_view::npos) return {};
    }
    const auto length = prefix_length(rest.substr(digits), 32);
    if (!length) return invalid(mechanism.text, "the IPv4 prefix must be 0 to 32, without leading zeros");
    mechanism.prefix_v4 = *length;
    rest = rest.substr(0, digits - 1);
    return {};
}

Result<void> take_domain(std::string_view rest, SpfMechanism& mechanism) {
    if (!rest.starts_with(':')) return invalid(mechanism.text, "nothing may follow here but \":\" and a domain");
    const auto checked = check_domain_spec(rest.substr(1));
    if (!checked) return invalid(mechanism.text, checked.error().detail);
    mechanism.domain = rest.substr(1);
    return {};
}

Result<void> take_network(std::string_view rest, SpfMechanism& mechanism) {
    const bool is_v4 = mechanism.kind == SpfMechanismKind::ip4;
    if (!rest.starts_with(':')) return invalid(mechanism.text, "an address must follow");
    rest.remove_prefix(1);
    const std::size_t slash = rest.find('/');
    const std::string_view address_text = rest.substr(0, slash);
    const auto address = dns::IpAddress::parse(address_text);
    if (!address || (address_text.find(':') == std::string_view::npos) != is_v4)
        return invalid(mechanism.text, is_v4 ? "not an IPv4 address" : "not an IPv6 address");
    auto* at = mechanism.network.data();
    if (!is_v4 && address->is_v4()) {
        // IPv4-mapped: as written it is an IPv6 network, which no IPv4 client matches (§5).
        mechanism.network[10] = mechanism.network[11] = 0xff;
        at += 12;
    }
    std::ranges::copy(address->octets(), at);
    if (slash == std::string_view::npos) return {};
    const auto length = prefix_length(rest.substr(slash + 1), is_v4 ? 32 : 128);
    if (!length)
        return invalid(mechanism.text,
                       fmt::format("the prefix must be 0 to {}, without leading zeros", is_v4 ? 32 : 128));
    (is_v4 ? mechanism.prefix_v4 : mechanism.prefix_v6) = *length;
    return {};
}

Result<void> take_arguments(std::string_view rest, SpfMechanism& mechanism) {
    switch (mechanism.kind) {
        case SpfMechanismKind::all:
            if (!rest.empty()) return invalid(mechanism.text, "nothing may follow \"all\"");
            return {};
        case SpfMechanismKind::ip4:
        case SpfMechanismKind::ip6: return take_network(rest, mechanism);
        case SpfMechanismKind::include:
        case SpfMechanismKind::exists:
            if (rest.empty()) return invalid(mechanism.text, "a domain must follow");
            return take_domain(rest, mechanism);
        case SpfMechanismKind::a:
        case SpfMechanismKind::mx: RELEVO_CHECK(take_dual_length(rest, mechanism)); break;
        case SpfMechanismKind::ptr: break;
    }
    if (rest.empty()) return {};
    return take_domain(rest, mechanism);
}

// Both of them "MUST NOT appear in a record more than once each" (§6).
Result<void> take_once(std::optional<std::string>& slot, std::string_view term, std::string_view value) {
    if (slot) return invalid(term, "stands twice in the record");
    const auto checked = check_domain_spec(value);
    if (!checked) return invalid(term, checked.error().detail);
    slot = value;
    return {};
}

Result<void> take_modifier(SpfRecord& record, std::string_view term, std::size_t equals) {
    const std::string_view name = term.substr(0, equals);
    const std::string_view value = term.substr(equals + 1);
    if (!is_modifier_name(name)) return invalid(term, "the name of a modifier begins with a letter");
    if (equals_ignoring_case(name, "redirect")) return take_once(record.redirect, term, value);
    if (equals_ignoring_case(name, "exp")) return take_once(record.explanation, term, value);
    // "Unrecognized modifiers MUST be ignored" (§6), but they must be of the grammar.
    const auto checked = check_macros(value, SpfMacroPlace::explanation);
    if (!checked) return invalid(term, checked.error().detail);
    return {};
}

Result<void> check_octets(std::string_view text) {
    const auto bad = std::ranges::find_if(text, [](char c) { return c < 0x20 || c > 0x7e; });
    if (bad == text.end()) return {};
    return failure(ErrorKind::invalid, fmt::format("octet {} of the record is not printable ASCII (RFC 7208 §3.1)",
                                                   bad - text.begin() + 1));
}

bool all_bits_same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, unsigned bits) {
    for (std::size_t index = 0; index < a.size() && bits > 0; ++index) {
        const unsigned here = std::min(bits, 8U);
        if (((a[index] ^ b[index]) >> (8 - here)) != 0) return false;
        bits -= here;
    }
    return true;
}

}  // namespace

bool SpfMechanism::costs_lookup() const {
    return kind != SpfMechanismKind::all && kind != SpfMechanismKind::ip4 && kind != SpfMechanismKind::ip6;
}

bool SpfMechanism::network_contains(const dns::IpAddress& client) const {
    const bool is_v4 = kind == SpfMechanismKind::ip4;
    return client.is_v4() == is_v4 && all_bits_same(client.octets(), network, is_v4 ? prefix_v4 : prefix_v6);
}

bool shares_prefix(const dns::IpAddress& a, const dns::IpAddress& b, unsigned bits) {
    return a.is_v4() == b.is_v4() && all_bits_same(a.octets(), b.octets(), bits);
}

bool is_spf_record(std::string_view text) {
    return starts_with_ignoring_case(text, version) && (text.size() == version.size() || text[version.size()] == ' ');
}

Result<SpfMechanism> parse_spf_mechanism(std::string_view text) {
    RELEVO_CHECK(check_octets(text));
    SpfMechanism mechanism;
    mechanism.text = text;
    std::string_view rest = text;
    if (const auto qualifier = rest.empty() ? std::nullopt : qualifier_of(rest.front())) {
        mechanism.qualifier = *qualifier;
        rest.remove_prefix(1);
    }
    const std::string_view name = rest.substr(0, rest.find_first_of(":/"));
    rest.remove_prefix(name.size());
    const auto* known =
        std::ranges::find_if(kinds, [&](const KindName& kind) { return equals_ignoring_case(kind.name, name); });
    if (known == std::end(kinds)) {
        if (equals_ignoring_case(name, "redirect") || equals_ignoring_case(name, "exp"))
            return invalid(text, fmt::format("\"{}\" is a modifier: write \"{}=\"", name, to_lower(name)));
        return invalid(text, "not a mechanism");
    }
    mechanism.kind = known->kind;
    RELEVO_CHECK(take_arguments(rest, mechanism));
    return mechanism;
}

Result<SpfRecord> parse_spf_record(std::string_view text) {
    if (!is_spf_record(text)) return failure(ErrorKind::invalid, "an SPF record begins with \"v=spf1\" and a space");
    RELEVO_CHECK(check_octets(text));
    SpfRecord record;
    std::size_t count = 0;
    for (const std::string_view term : split(text.substr(version.size()), ' ')) {
        if (term.empty()) continue;
        if (++count > spf_term_limit)
            return failure(ErrorKind::limit, fmt::format("more than {} terms", spf_term_limit));
        const std::size_t mark = term.find_first_of("=:/");
        if (mark != std::string_view::npos && term[mark] == '=') {
            RELEVO_CHECK(take_modifier(record, term, mark));
            continue;
        }
        RELEVO_TRY(SpfMechanism mechanism, parse_spf_mechanism(term));
        record.mechanisms.push_back(std::move(mechanism));
    }
    return record;
}

}  // namespace relevo::mailauth
