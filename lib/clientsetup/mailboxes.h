// Where the mailboxes of a domain are, on servers of somebody else: mail clients want to know before they make an
// account.
#pragma once

#include "lib/base/result.h"
#include "lib/clientsetup/offer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::clientsetup {

enum class MailboxProtocol : std::uint8_t { imap, pop3 };

// Encrypted always: TLS from the start or STARTTLS. The login there is taken to be the address.
struct MailboxServer {
    MailboxProtocol protocol = MailboxProtocol::imap;
    PortSecurity security = PortSecurity::tls;
    std::string host;
    std::uint16_t port = 993;
    friend bool operator==(const MailboxServer&, const MailboxServer&) = default;
};

// "imaps://imap.example.com", with TLS from the start; "imap://…" with STARTTLS; likewise "pop3s" and "pop3". A port
// may follow, ":1993". Errors: invalid, with the text for who wrote it; whether there is such a host, nobody looks.
[[nodiscard]] Result<MailboxServer> parse_mailbox_server(std::string_view text);
// The same, with the port only where it is not the usual one.
[[nodiscard]] std::string text_of(const MailboxServer& server);

}  // namespace relevo::clientsetup
