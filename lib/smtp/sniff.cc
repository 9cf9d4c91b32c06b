#include "lib/smtp/sniff.h"

#include "lib/base/octets.h"
#include "lib/smtp/command.h"

#include <algorithm>
#include <array>

namespace relevo::smtp {
namespace {

constexpr char handshake_record = 0x16;
constexpr char major_version = 0x03;

constexpr std::array<std::string_view, 10> http_methods = {"GET",   "POST",    "HEAD",    "PUT",   "DELETE",
                                                           "TRACE", "OPTIONS", "CONNECT", "PATCH", "PRI"};

}  // namespace

bool is_http_method(std::string_view word) { return std::ranges::find(http_methods, word) != http_methods.end(); }

FirstOctets classify(std::span<const std::byte> octets) {
    const std::string_view text = as_text(octets);
    if (text.size() >= 2 && text[0] == handshake_record && text[1] == major_version)
        return FirstOctets::tls_client_hello;
    const std::size_t end = text.find_first_of(" \r\n");
    if (end == std::string_view::npos) return FirstOctets::unknown;
    const std::string_view word = text.substr(0, end);
    if (is_http_method(word)) return FirstOctets::http;
    return find_verb(word) == Verb::unknown ? FirstOctets::unknown : FirstOctets::smtp;
}

bool is_plain_text_at_tls_port(std::span<const std::byte> octets) {
    const std::string_view text = as_text(octets);
    if (text.empty()) return false;
    return text[0] != handshake_record || (text.size() >= 2 && text[1] != major_version);
}

}  // namespace relevo::smtp
