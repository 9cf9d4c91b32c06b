#include "lib/mail/address.h"

#include "lib/base/text.h"
#include "lib/mail/address_literal.h"
#include "lib/mail/local_part.h"

namespace relevo::mail {
namespace {

constexpr std::size_t address_limit_octets = 254;  // a path has 256 with its brackets (RFC 5321 §4.5.3.1.3)

Error too_long() { return {ErrorKind::limit, "address longer than 254 octets"}; }

Result<std::string> parse_domain_or_literal(std::string_view text, Utf8 utf8) {
    if (text.starts_with('[')) return parse_address_literal(text);
    if (text.find('@') != std::string_view::npos)
        return failure(ErrorKind::invalid, "two \"@\" outside quotes in an address");
    if (text.ends_with('.')) return failure(ErrorKind::invalid, "dot at the end of an address");
    return parse_domain(text, utf8);
}

}  // namespace

Result<Address> Address::parse(std::string_view text, Utf8 utf8) {
    if (text.size() > address_limit_octets) return std::unexpected(too_long());
    if (!is_utf8(text)) return failure(ErrorKind::invalid, "address that is not UTF-8");
    RELEVO_TRY(LocalPart local_part, parse_local_part(text, utf8));
    if (local_part.octets == text.size()) return failure(ErrorKind::invalid, "address without a domain");
    if (text[local_part.octets] != '@')
        return failure(ErrorKind::invalid, "text between the quoted local part and the \"@\"");
    RELEVO_TRY(const std::string domain, parse_domain_or_literal(text.substr(local_part.octets + 1), utf8));
    const std::size_t at = local_part.canonical.size();
    std::string canonical = std::move(local_part.canonical);
    canonical.append(1, '@').append(domain);
    if (canonical.size() > address_limit_octets) return std::unexpected(too_long());
    return Address(std::move(canonical), at);
}

bool Address::needs_smtputf8() const { return !is_ascii(text_); }

Result<ReversePath> ReversePath::parse(std::string_view text, Utf8 utf8) {
    if (text.size() < 2 || !text.starts_with('<') || !text.ends_with('>'))
        return failure(ErrorKind::invalid, "path without angle brackets");
    if (text == "<>") return ReversePath();
    RELEVO_TRY(Address address, Address::parse(text.substr(1, text.size() - 2), utf8));
    return ReversePath(std::move(address));
}

}  // namespace relevo::mail
