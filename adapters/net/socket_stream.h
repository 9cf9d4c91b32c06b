// A Stream over a socket that does not block, plain first, TLS once asked for.
#pragma once

#include "adapters/net/readiness.h"
#include "adapters/net/shard_sockets.h"
#include "adapters/net/socket.h"
#include "adapters/net/tls_session.h"
#include "core/ports/stream.h"

#include <atomic>
#include <memory>
#include <optional>

namespace relevo::net {

class TlsServerContext;
class TlsClientContext;

// Counts one connection while it lives.
using ConnectionCount = std::shared_ptr<std::atomic<unsigned>>;

struct SocketStreamOptions {
    Endpoint peer{};
    Endpoint local{};
    std::shared_ptr<TlsServerContext> tls_server{};  // null: start_tls_server() is unsupported
    std::shared_ptr<TlsClientContext> tls_client{};
    ConnectionCount count{};  // already counted; counted down at the end; may be null
};

// Costs little more than its system calls: recv() and send() are tried first, waiting comes after EAGAIN or a short
// read. While idle it holds no buffer. Must not be destroyed during a read or write: close() ends them.
// Threads: the shard's.
class SocketStream final : public Stream, private Swept {
 public:
    SocketStream(std::shared_ptr<ShardSockets> sockets, FileDescriptor descriptor, SocketStreamOptions options);
    ~SocketStream() override;

    Task<Result<std::span<const std::byte>>> read(Deadline deadline) override;
    Task<Result<void>> write(std::string_view octets, Deadline deadline) override;
    Task<Result<void>> write_parts(Parts parts, Deadline deadline) override;
    bool has_unread_input() override;
    bool has_ended() override;
    bool is_silent() override;
    Task<Result<std::string>> peek(std::size_t limit, std::size_t known, Deadline deadline) override;
    void skip(std::size_t count) override;
    Task<Result<TlsInfo>> start_tls_server(Deadline deadline) override;
    Task<Result<TlsInfo>> start_tls_client(TlsClientOptions options, Deadline deadline) override;
    const TlsInfo* tls() const override { return tls_info_.get(); }
    TlsFault tls_fault() const override { return tls_fault_; }
    Endpoint peer() const override { return options_.peer; }
    Endpoint local() const override { return options_.local; }
    void close() override;

    // Waits for the outcome of a connect() under way. Errors: as Dialer::connect().
    Task<Result<void>> finish_connecting(Deadline deadline);
    // A proxy has connected us: from now on the ends of the whole way are told. `local` absent: the address stays.
    void set_far_ends(Endpoint peer, const std::optional<dns::IpAddress>& local);

 private:
    struct Wait {
        Deadline deadline = no_deadline;
        bool pending = false;
        bool timed_out = false;
    };

    void sweep(Deadline now) override;
    Transfer receive();
    Transfer send(std::string_view octets);
    Transfer receive_plain();
    [[nodiscard]] bool is_known_to_be_dry() const { return is_drained_ && has_sent_; }
    Transfer send_plain(std::string_view octets);
    Transfer send_parts(const Parts& parts);
    Task<Result<void>> wait(Wait& wait, Direction direction, Deadline deadline);
    Task<Result<void>> wait_for(const Transfer& transfer, Wait& wait, Deadline deadline);
    Task<Result<void>> shake_hands(Deadline deadline);

    std::shared_ptr<ShardSockets> sockets_;
    Readiness readiness_;
    SocketStreamOptions options_;
    Wait reading_;
    Wait writing_;
    bool is_closed_ = false;
    bool is_drained_ = false;            // the last read left nothing behind, not even the end
    bool tells_rest_ = false;            // the kernel says with each read what it leaves behind
    bool has_sent_ = false;              // since the last read
    std::uint8_t reads_in_a_row_ = 0;    // without giving way to other connections
    SslPointer ssl_;                     // set when a handshake begins
    std::unique_ptr<TlsInfo> tls_info_;  // set when it is done
    TlsFault tls_fault_ = TlsFault::none;
};

}  // namespace relevo::net
