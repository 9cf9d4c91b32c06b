// What a peer speaks, told by its first octets: HTTP and TLS at a plain SMTP port, plain SMTP at a TLS port (security
// row A5). For refusals that name the wrong setting, and to never act on a browser's POST.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace relevo::smtp {

enum class FirstOctets : std::uint8_t {
    smtp,              // an SMTP command word
    tls_client_hello,  // a TLS record of type handshake (RFC 8446 §5.1)
    http,              // a request method (RFC 9110 §9) or the HTTP/2 preface
    unknown            // something else, or too few octets to tell
};

[[nodiscard]] FirstOctets classify(std::span<const std::byte> octets);

// At a port that expects TLS at once: octets that cannot begin a TLS record, so the peer speaks plain text and is set
// to STARTTLS or to no encryption. False while too few octets are there to tell.
[[nodiscard]] bool is_plain_text_at_tls_port(std::span<const std::byte> octets);

// A method name of HTTP, in capitals as HTTP requires (RFC 9110 §9.1). None is a command of SMTP.
[[nodiscard]] bool is_http_method(std::string_view word);

}  // namespace relevo::smtp
