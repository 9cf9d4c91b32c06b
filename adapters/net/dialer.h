// Connects to other mail servers.
#pragma once

#include "adapters/net/shard_sockets.h"
#include "adapters/net/tls_context.h"
#include "core/ports/stream.h"

#include <memory>

namespace relevo::net {

// Threads: the shard's.
class SocketDialer final : public Dialer {
 public:
    // `tls` may be null: then start_tls_client() is unsupported.
    SocketDialer(std::shared_ptr<ShardSockets> sockets, std::shared_ptr<TlsClientContext> tls);
    Task<Result<std::unique_ptr<Stream>>> connect(DialOptions options) override;

 private:
    std::shared_ptr<ShardSockets> sockets_;
    std::shared_ptr<TlsClientContext> tls_;
};

}  // namespace relevo::net
