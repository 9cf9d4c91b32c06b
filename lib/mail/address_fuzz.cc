// Fuzz target F4: what parses prints to something that parses to the same.
#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>
#include <cstdlib>

namespace {

using relevo::Result;
using relevo::mail::Address;
using relevo::mail::ReversePath;
using relevo::mail::Utf8;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_canonical(const Address& address) {
    const auto again = Address::parse(address.text(), Utf8::allowed);
    require(again.has_value() && *again == address);
    require(std::ranges::none_of(address.text(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; }));
    require(address.local_part().size() <= 64 && address.domain().size() <= 255 && address.text().size() <= 254);
    require(relevo::is_utf8(address.text()));
    if (!address.has_address_literal()) require(address.domain().find_first_of("@()<>,;: \"") == std::string::npos);
}

void check_address(std::string_view text) {
    const auto allowed = Address::parse(text, Utf8::allowed);
    if (allowed) require_canonical(*allowed);
    const auto refused = Address::parse(text, Utf8::refused);
    if (refused) require(allowed.has_value() && *allowed == *refused && !refused->needs_smtputf8());
    const auto path = ReversePath::parse("<" + std::string(text) + ">", Utf8::allowed);
    require(text.empty() || path.has_value() == allowed.has_value());
}

void check_domain(std::string_view text) {
    const auto domain = relevo::mail::parse_domain(text, Utf8::allowed);
    const auto ascii = relevo::mail::to_ascii_domain(text);
    if (domain) require(relevo::mail::parse_domain(*domain, Utf8::allowed).value() == *domain);
    if (!ascii) return;
    require(domain.has_value() && relevo::is_ascii(*ascii));
    require(relevo::mail::to_ascii_domain(*domain).value() == *ascii);
    require(relevo::mail::to_ascii_domain(*ascii).value() == *ascii);
}

void check_list(std::string_view text) {
    const auto list = relevo::mail::parse_address_list(text);
    if (!list || list->empty()) return;
    std::string printed;
    for (const Address& address : *list) {
        require_canonical(address);
        printed.append(printed.empty() ? "<" : ",\r\n <").append(address.text()).append(">");
    }
    require(relevo::mail::parse_address_list(printed).value() == *list);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_address(text);
    check_domain(text);
    check_list(text);
    return 0;
}
