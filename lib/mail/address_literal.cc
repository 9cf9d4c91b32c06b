#include "lib/mail/address_literal.h"

#include "lib/base/text.h"

#include <arpa/inet.h>
#include <array>

namespace relevo::mail {
namespace {

constexpr std::string_view ipv6_tag = "IPv6:";

// One decimal octet without leading zeros, which some read as octal.
bool is_ipv4_octet(std::string_view text) {
    if (text.size() > 3 || (text.size() > 1 && text.front() == '0')) return false;
    const auto value = parse_decimal<unsigned>(text);
    return value && *value <= 255;
}

bool is_ipv4(std::string_view text) {
    const auto octets = split(text, '.');
    if (octets.size() != 4) return false;
    for (const std::string_view octet : octets)
        if (!is_ipv4_octet(octet)) return false;
    return true;
}

Result<std::string> canonical_ipv6(std::string_view text) {
    const std::string terminated(text);
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> printed{};
    if (text.find('\0') != std::string_view::npos || inet_pton(AF_INET6, terminated.c_str(), &address) != 1 ||
        inet_ntop(AF_INET6, &address, printed.data(), printed.size()) == nullptr)
        return failure(ErrorKind::invalid, "not an IPv6 address in an address literal");
    return std::string(printed.data());
}

}  // namespace

Result<std::string> parse_address_literal(std::string_view text) {
    if (text.size() < 2 || !text.starts_with('[') || !text.ends_with(']'))
        return failure(ErrorKind::invalid, "address literal without its closing bracket at the end");
    const std::string_view content = text.substr(1, text.size() - 2);
    if (is_ipv4(content)) return std::string(text);
    if (!starts_with_ignoring_case(content, ipv6_tag))
        return failure(ErrorKind::invalid, "address literal is neither IPv4 nor \"IPv6:\" and an address");
    RELEVO_TRY(const std::string address, canonical_ipv6(content.substr(ipv6_tag.size())));
    return "[" + std::string(ipv6_tag) + address + "]";
}

}  // namespace relevo::mail
