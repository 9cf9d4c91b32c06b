// A connection to a peer, plain or TLS. Implemented by adapters/net and, in memory, by adapters/memory.
#pragma once

#include "core/ports/task.h"
#include "lib/dns/record.h"
#include "lib/tlspolicy/tlsa.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct Endpoint {
    dns::IpAddress address{};
    std::uint16_t port = 0;
    [[nodiscard]] std::string text() const;  // "192.0.2.1:25", "[2001:db8::1]:25"
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Why a server's certificate proves nothing, or a handshake came to nothing.
enum class TlsFault : std::uint8_t {
    none,
    certificate_expired,        // or not valid yet
    certificate_host_mismatch,  // it is for other names
    certificate_not_trusted,    // its issuer is unknown, or no TLSA record names it
    version_too_old,            // the peer knows no version of TLS that we allow
    certificate_refused,        // the peer did not like ours
    other,
};

// What the handshake agreed on.
struct TlsInfo {
    std::string protocol{};                  // "TLSv1.3"
    std::string cipher{};                    // "TLS_AES_256_GCM_SHA384"
    std::string server_name{};               // SNI
    bool verified = false;                   // as a client: as the options asked, or else against the trust store
    std::string verified_by{};               // "TLSA record 3 1 1"; "" for the trust store
    std::string verify_error{};              // why not
    TlsFault fault = TlsFault::none;         // the same in a word
    std::string exporter_binding{};          // tls-exporter (RFC 9266), raw; "" if it would not be unique
    std::string server_end_point_binding{};  // tls-server-end-point (RFC 5929 §4), raw
};

struct TlsClientOptions {
    std::string server_name{};  // SNI and the name to verify; ASCII
    bool verify = false;        // true: fail the handshake unless verified
    // DANE (RFC 7672): not empty means that these verify the certificate instead of the trust store, whatever `verify`
    // says. With usage 2 it must be for `server_name` or one of `names`; with usage 3 name and dates do not matter.
    std::vector<tlspolicy::TlsaRecord> tlsa{};
    std::vector<std::string> names{};
};

// Threads: one shard's. One read and one write may be under way at once. Destroying a stream closes it; while a read,
// write or handshake is under way it must not be destroyed: close() ends them first.
class Stream {
 public:
    virtual ~Stream() = default;

    // Waits until the peer has sent something. The octets live in the shard's buffer: use them before the next
    // suspension. Errors: closed – the peer ended the stream. timeout – nothing by the deadline. io, cancelled.
    virtual Task<Result<std::span<const std::byte>>> read(Deadline deadline) = 0;
    // Writes all of `octets`, which must live until then. Errors: timeout – the peer did not take them by the deadline.
    // closed, io, cancelled.
    virtual Task<Result<void>> write(std::string_view octets, Deadline deadline) = 0;
    // Writes parts one after the other as if they were one text, without a copy of them where that is possible.
    using Parts = std::array<std::string_view, 3>;
    virtual Task<Result<void>> write_parts(Parts parts, Deadline deadline);
    // True if something from the peer waits unread (an early talker, octets pipelined behind STARTTLS).
    [[nodiscard]] virtual bool has_unread_input() = 0;
    // True if the peer has ended the connection: what is written now will not be answered.
    [[nodiscard]] virtual bool has_ended() = 0;
    // True if neither of both.
    [[nodiscard]] virtual bool is_silent() { return !has_ended() && !has_unread_input(); }
    // Waits until the peer has sent more than `known` octets and shows up to `limit`, which is more, of them without
    // taking them; only before TLS. For a header in front of the conversation (PROXY), behind which TLS may begin.
    // Errors: as read().
    virtual Task<Result<std::string>> peek(std::size_t limit, std::size_t known, Deadline deadline) = 0;
    // Takes away `count` octets that peek() has shown.
    virtual void skip(std::size_t count) = 0;

    // TLS handshake over the open connection. Errors: refused – the peer's certificate does not verify. invalid – not
    // TLS, or no common protocol; the detail says what the peer sent. timeout, closed.
    virtual Task<Result<TlsInfo>> start_tls_server(Deadline deadline) = 0;
    virtual Task<Result<TlsInfo>> start_tls_client(TlsClientOptions options, Deadline deadline) = 0;
    [[nodiscard]] virtual const TlsInfo* tls() const = 0;  // nullptr: plain
    // Why the last handshake failed; none if it did not.
    [[nodiscard]] virtual TlsFault tls_fault() const = 0;

    [[nodiscard]] virtual Endpoint peer() const = 0;
    [[nodiscard]] virtual Endpoint local() const = 0;
    // Sends TLS close_notify if it can be sent at once, ends the connection; a pending read or write fails with
    // cancelled.
    virtual void close() = 0;
};

// A server that connects in our name.
enum class ProxyProtocol : std::uint8_t {
    socks5,   // RFC 1928, with user and password (RFC 1929) where there are any; it chooses the address it sends from
    haproxy,  // told by a PROXY v2 header from which of its addresses to connect whereto
};
[[nodiscard]] std::string_view name_of(ProxyProtocol protocol);
struct EgressProxy {
    ProxyProtocol protocol = ProxyProtocol::socks5;
    Endpoint endpoint{};
    std::string user{}, password{};  // socks5, of 1..255 octets each; both empty: none
    friend bool operator==(const EgressProxy&, const EgressProxy&) = default;
};

struct DialOptions {
    Endpoint target{};
    dns::IpAddress source{};  // local address to bind; unset (0.0.0.0) lets the system choose
    bool has_source = false;  // required for a haproxy, which binds `source` in our place; nothing for socks5
    Deadline deadline = no_deadline;
    std::optional<EgressProxy> proxy{};
};

// The error of a connection that failed on our side of the destination: the source address is not this machine's, or
// the proxy cannot be reached or refuses us. Other destinations would hardly be reached from there either.
[[nodiscard]] Error source_error(ErrorKind kind, std::string_view why);
[[nodiscard]] bool is_source_error(const Error& error);

class Dialer {
 public:
    virtual ~Dialer() = default;
    // Errors: refused, timeout, io (unreachable…): detail as people say it ("connection refused by 192.0.2.1:25").
    //         is_source_error() tells trouble with the source or its proxy from trouble with the target. A haproxy
    //         never says why it cannot connect: the stream ends before the target has said anything.
    virtual Task<Result<std::unique_ptr<Stream>>> connect(DialOptions options) = 0;
};

}  // namespace relevo
