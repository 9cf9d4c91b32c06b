// One TLS connection over a socket that does not block: OpenSSL's calls as outcomes.
#pragma once

#include "core/ports/stream.h"
#include "lib/base/result.h"

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace relevo::net {

struct SslDeleter {
    void operator()(SSL* ssl) const;
    std::shared_ptr<const void> context;  // what its callbacks use: a reload must not take it away
};
using SslPointer = std::unique_ptr<SSL, SslDeleter>;

// What came of one attempt to move octets.
struct Transfer {
    enum class State : std::uint8_t {
        done,        // `octets` were moved
        want_read,   // try again when the socket is readable
        want_write,  // … writable
        ended,       // the peer ended the connection
        failed,      // see `detail`
    };
    State state = State::done;
    std::size_t octets = 0;
    std::string detail{};
    TlsFault fault = TlsFault::none;  // of a handshake that failed by what the peer offers or says
    bool was_plain_text = false;      // a handshake failed as what came was no TLS, and is gone
};

[[nodiscard]] Transfer tls_read(SSL& ssl, std::span<std::byte> into);
[[nodiscard]] Transfer tls_write(SSL& ssl, std::string_view octets);
// One step of the handshake; done when it is complete.
[[nodiscard]] Transfer tls_handshake(SSL& ssl);
// The handshake failed, as a client, because the certificate did not verify.
[[nodiscard]] bool tls_was_unverified(const SSL& ssl);
// Of a client: what is wrong with the server's certificate; none if it verified.
[[nodiscard]] TlsFault tls_fault_of(const SSL& ssl);
// Octets that OpenSSL has taken from the socket, and nobody from OpenSSL.
[[nodiscard]] bool tls_has_pending(const SSL& ssl);
// Sends close_notify if it can be sent at once.
void tls_shutdown(SSL& ssl);

// If what waits unread on the socket is not TLS: what it looks like, else nothing.
[[nodiscard]] std::optional<std::string> plain_text_instead_of_tls(int descriptor);

[[nodiscard]] TlsInfo tls_info_of_server(const SSL& ssl);
[[nodiscard]] TlsInfo tls_info_of_client(const SSL& ssl);

// Takes what OpenSSL has queued about the last failure of this thread, as one text.
[[nodiscard]] std::string take_tls_errors();

}  // namespace relevo::net
