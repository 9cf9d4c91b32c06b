#include "lib/clientsetup/mailboxes.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace relevo::clientsetup {
namespace {

struct Scheme {
    std::string_view name;
    MailboxProtocol protocol;
    PortSecurity security;
    std::uint16_t port;
};
constexpr auto schemes = std::to_array<Scheme>({{"imaps", MailboxProtocol::imap, PortSecurity::tls, 993},
                                                {"imap", MailboxProtocol::imap, PortSecurity::starttls, 143},
                                                {"pop3s", MailboxProtocol::pop3, PortSecurity::tls, 995},
                                                {"pop3", MailboxProtocol::pop3, PortSecurity::starttls, 110}});
constexpr std::size_t longest_host = 253;

const Scheme& scheme_of(const MailboxServer& server) {
    return *std::ranges::find_if(schemes, [&](const Scheme& scheme) {
        return scheme.protocol == server.protocol && scheme.security == server.security;
    });
}

std::unexpected<Error> no_server(std::string_view text) {
    return failure(ErrorKind::invalid,
                   fmt::format("\"{}\" is no server of mailboxes: write imaps://HOST (TLS), imap://HOST (STARTTLS), "
                               "pop3s://HOST or pop3://HOST, with :PORT if it is not the usual one",
                               printable(text, 100)));
}

bool is_host_octet(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.'; }

}  // namespace

Result<MailboxServer> parse_mailbox_server(std::string_view text) {
    const std::size_t mark = text.find("://");
    if (mark == std::string_view::npos) return no_server(text);
    const std::string name = to_lower(text.substr(0, mark));
    const auto* const scheme = std::ranges::find(schemes, name, &Scheme::name);
    if (scheme == schemes.end()) return no_server(text);
    std::string_view place = text.substr(mark + 3);
    if (place.ends_with('/')) place.remove_suffix(1);
    MailboxServer server{.protocol = scheme->protocol, .security = scheme->security, .host = {}, .port = scheme->port};
    if (const std::size_t colon = place.rfind(':'); colon != std::string_view::npos) {
        const std::string_view digits = place.substr(colon + 1);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), server.port);
        if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() || server.port == 0)
            return no_server(text);
        place = place.substr(0, colon);
    }
    server.host = to_lower(place);
    const bool is_name = !server.host.empty() && server.host.size() <= longest_host &&
                         std::ranges::all_of(server.host, is_host_octet) && server.host.front() != '.' &&
                         server.host.front() != '-' && server.host.find("..") == std::string::npos;
    if (!is_name) return no_server(text);
    return server;
}

std::string text_of(const MailboxServer& server) {
    const Scheme& scheme = scheme_of(server);
    if (server.port == scheme.port) return fmt::format("{}://{}", scheme.name, server.host);
    return fmt::format("{}://{}:{}", scheme.name, server.host, server.port);
}

}  // namespace relevo::clientsetup
