// Domain names of addresses: parse_domain, to_ascii_domain, is_same_or_subdomain.
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <idn2.h>
#include <memory>

namespace relevo::mail {
namespace {

constexpr std::size_t domain_limit_octets = 255;  // RFC 5321 §4.5.3.1.2
constexpr std::size_t label_limit_octets = 63;    // RFC 1035 §2.3.4

struct FreeIdn {
    void operator()(char* text) const { idn2_free(text); }
};
using IdnText = std::unique_ptr<char, FreeIdn>;

bool is_label_character(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

Result<void> check_label(std::string_view label) {
    if (label.empty()) return failure(ErrorKind::invalid, "empty label in a domain");
    if (label.size() > label_limit_octets) return failure(ErrorKind::limit, "label of a domain longer than 63 octets");
    if (!std::ranges::all_of(label, is_label_character))
        return failure(ErrorKind::invalid, "character that no domain holds: \"" + printable(label, 80) + "\"");
    if (label.front() == '-' || label.back() == '-')
        return failure(ErrorKind::invalid, "label of a domain begins or ends with a hyphen");
    return {};
}

// A-label of a label with UTF-8. What UTS 46 maps to plain ASCII or to several labels (full-width letters, U+3002 and
// other dots, soft hyphens) is refused: one reader would see another domain than the next (security row A11).
Result<std::string> a_label(std::string_view label) {
    std::uint8_t* converted = nullptr;
    const int problem = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(std::string(label).c_str()), &converted,
                                       IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const IdnText owned(reinterpret_cast<char*>(converted));
    if (problem != IDN2_OK)
        return failure(ErrorKind::invalid, std::string("not an internationalised domain: ") + idn2_strerror(problem));
    const std::string_view ascii(owned.get());
    if (!ascii.starts_with("xn--") || ascii.find('.') != std::string_view::npos)
        return failure(ErrorKind::invalid, "label of a domain that turns into other ASCII text");
    return std::string(ascii);
}

// The U-label in its one valid spelling: lower case, NFC.
Result<std::string> u_label(std::string_view label) {
    RELEVO_TRY(const std::string ascii, a_label(label));
    char* converted = nullptr;
    const int problem = idn2_to_unicode_8z8z(ascii.c_str(), &converted, 0);
    const IdnText owned(converted);
    if (problem != IDN2_OK)
        return failure(ErrorKind::invalid, std::string("not an internationalised domain: ") + idn2_strerror(problem));
    return std::string(converted);
}

Result<std::string> canonical_label(std::string_view label) {
    RELEVO_CHECK(check_label(label));
    if (is_ascii(label)) return to_lower(label);
    RELEVO_TRY(std::string canonical, u_label(label));
    RELEVO_CHECK(check_label(canonical));  // NFC and lower case may have made it longer
    return canonical;
}

// Several times a message: without a copy of each label.
Result<void> check_labels(std::string_view domain) {
    for (;;) {
        const auto dot = domain.find('.');
        RELEVO_CHECK(check_label(domain.substr(0, dot)));
        if (dot == std::string_view::npos) return {};
        domain.remove_prefix(dot + 1);
    }
}

// Applies `convert` to each label and joins the results with dots.
template <class Convert>
Result<std::string> for_each_label(std::string_view domain, Convert convert) {
    std::string joined;
    joined.reserve(domain.size() + 8);
    for (const std::string_view label : split(domain, '.')) {
        RELEVO_TRY(const std::string converted, convert(label));
        if (!joined.empty()) joined += '.';
        joined += converted;
    }
    if (joined.size() > domain_limit_octets) return failure(ErrorKind::limit, "domain longer than 255 octets");
    return joined;
}

// "There is an additional rule that essentially requires that top-level domain names not be all-numeric" (RFC 3696
// §2): 192.0.2.1 without brackets is an address to one reader and a domain to the next.
bool ends_in_number(std::string_view domain) {
    return std::ranges::all_of(domain.substr(domain.rfind('.') + 1), is_digit);
}

}  // namespace

Result<std::string> parse_domain(std::string_view text, Utf8 utf8) {
    if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
    if (text.empty()) return failure(ErrorKind::invalid, "empty domain");
    if (text.size() > domain_limit_octets) return failure(ErrorKind::limit, "domain longer than 255 octets");
    if (!is_ascii(text)) {
        if (utf8 == Utf8::refused) return failure(ErrorKind::invalid, "domain with 8-bit octets, but no SMTPUTF8");
        if (!is_utf8(text)) return failure(ErrorKind::invalid, "domain that is not UTF-8");
    }
    if (ends_in_number(text)) return failure(ErrorKind::invalid, "domain whose last label is a number");
    if (!is_ascii(text)) return for_each_label(text, canonical_label);
    RELEVO_CHECK(check_labels(text));
    return to_lower(text);
}

Result<std::string> to_ascii_domain(std::string_view domain) {
    RELEVO_TRY(const std::string canonical, parse_domain(domain, Utf8::allowed));
    if (is_ascii(canonical)) return canonical;
    auto ascii = for_each_label(canonical, [](std::string_view label) {
        return is_ascii(label) ? Result<std::string>(label) : a_label(label);
    });
    if (!ascii) return failure(ErrorKind::invalid, std::move(ascii).error().detail);
    return ascii;
}

bool is_same_or_subdomain(std::string_view domain, std::string_view parent) {
    if (parent.empty() || !domain.ends_with(parent)) return false;
    return domain.size() == parent.size() || domain[domain.size() - parent.size() - 1] == '.';
}

}  // namespace relevo::mail
