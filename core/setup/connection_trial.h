// What a program that sends mail meets at one port with one kind of encryption, and whether it can log in there.
#pragma once

#include "core/ports/stream.h"
#include "core/setup/words.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

enum class ConnectionSecurity : std::uint8_t { starttls, tls, none };
[[nodiscard]] std::string_view name_of(ConnectionSecurity security);  // "starttls"
[[nodiscard]] Words words_of(ConnectionSecurity security);            // as programs call it

enum class ConnectionState : std::uint8_t {
    works,               // encrypted, and logins are taken
    works_in_clear,      // logins are taken without encryption
    certificate_faulty,  // works but for the certificate: most programs hang up
    no_login,            // nobody can log in there
    encryption_first,    // without encryption nobody can log in there
    no_starttls,
    plain_port,   // TLS was begun at once, and the port speaks plain text
    tls_port,     // nothing is said in plain text: the port expects TLS, or something swallows the conversation
    tls_failed,   // no version or cipher in common, or the connection ended
    turned_away,  // by a reply
    refused,      // nobody listens
    silent,       // no answer at all: most often a provider or a firewall keeps the port closed
    unreachable,
    not_smtp,
};
[[nodiscard]] std::string_view name_of(ConnectionState state);
[[nodiscard]] bool is_usable(ConnectionState state);

struct ConnectionFinding {
    std::uint16_t port = 0;
    ConnectionSecurity security = ConnectionSecurity::starttls;
    ConnectionState state = ConnectionState::unreachable;
    TlsFault certificate = TlsFault::none;
    std::string tls{};                      // "TLSv1.3"
    std::vector<std::string> mechanisms{};  // of logins
    std::string detail{};                   // the peer's or the system's own words
};

// One conversation up to the offer of logins; nothing is sent that the server would keep. `host_name` is what the
// certificate must be for. Threads: the dialer's shard.
Task<ConnectionFinding> try_connection(Dialer& dialer, Endpoint endpoint, std::string host_name,
                                       ConnectionSecurity security, Deadline deadline);

// What it means, and what to do where it does not work.
[[nodiscard]] Words meaning_of(const ConnectionFinding& finding);

}  // namespace relevo::setup
