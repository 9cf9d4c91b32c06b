// Two ends of a connection inside one shard, for tests and simulations: a Stream each, without a socket.
#pragma once

#include "core/ports/stream.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relevo {

struct MemoryStreamOptions {
    Endpoint client{dns::IpAddress::v4({192, 0, 2, 1}), 40000};
    Endpoint server{dns::IpAddress::v4({192, 0, 2, 25}), 25};
    std::size_t read_limit = 65536;  // most octets that one read gives: 1 tests every split
    std::size_t capacity = 65536;    // octets under way before a write waits
    // What the pretended handshake does on either end: both get `tls` with their fields filled in, or both this error.
    TlsInfo tls{.protocol = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"};
    std::optional<Error> tls_failure{};
    // Of the certificate, unless `tls` is verified: fails handshakes that verify. What either end tells of a failure.
    TlsFault tls_fault = TlsFault::none;
};

// Also a Stream: what tests can do to it.
class MemoryStream : public Stream {
 public:
    // The peer's reads fail with io ("connection reset by peer") once what was written before is read.
    virtual void reset() = 0;
};

struct MemoryStreamPair {
    std::unique_ptr<MemoryStream> client;
    std::unique_ptr<MemoryStream> server;
};

// A handshake needs both ends: start_tls_server() on one and start_tls_client() on the other; plain text that waits
// unread, or comes instead of it, makes it fail as on a socket. Threads: `shard`'s.
[[nodiscard]] MemoryStreamPair make_memory_streams(Shard& shard, MemoryStreamOptions options = {});

// Gives connections to acceptors by address; an address without one refuses.
class MemoryDialer final : public Dialer {
 public:
    using Acceptor = std::function<void(std::unique_ptr<Stream>)>;

    explicit MemoryDialer(Shard& shard) : shard_(shard) {}

    // `options`: of the streams; the endpoints are set by the dialer.
    void listen(const Endpoint& endpoint, Acceptor acceptor, MemoryStreamOptions options = {});
    void refuse(const Endpoint& endpoint, Error error);
    // Connecting waits until the deadline.
    void fall_silent(const Endpoint& endpoint);
    // Connections from there fail, as from an address that this machine does not have.
    void break_source(const dns::IpAddress& source) { broken_sources_.insert(source); }
    // Every call so far, in order.
    [[nodiscard]] const std::vector<DialOptions>& dialed() const { return dialed_; }

    Task<Result<std::unique_ptr<Stream>>> connect(DialOptions options) override;

 private:
    struct Target {
        Acceptor acceptor;
        MemoryStreamOptions options;
        std::optional<Error> error;
    };
    Shard& shard_;
    std::map<std::string, Target> targets_;  // by Endpoint::text()
    std::vector<DialOptions> dialed_;
    std::set<dns::IpAddress> broken_sources_;
};

}  // namespace relevo
