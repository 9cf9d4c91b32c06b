// What the tests of this module share: coroutines run to their end, peers, certificates.
#pragma once

#include "adapters/net/certificate.h"
#include "adapters/net/dialer.h"
#include "adapters/net/listener.h"
#include "adapters/net/socket_stream.h"
#include "lib/base/octets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

namespace relevo::net {

inline Deadline soon() { return Clock::now() + std::chrono::seconds(20); }

inline Task<> then_stop(Task<> task, Shard& shard) {
    co_await std::move(task);
    shard.stop();
}

// Lets the other coroutines of the shard and other threads go on, between two looks at a condition.
inline Task<> short_turn() { co_await sleep_until(Clock::now() + std::chrono::milliseconds(2)); }

// One shard, run on the calling thread until a task has ended.
struct World {
    Shard shard{0};
    std::shared_ptr<ShardSockets> sockets = ShardSockets::make(shard);

    void run(Task<> task) {
        shard.context().restart();
        shard.spawn(then_stop(std::move(task), shard));
        shard.run();
    }
};

struct TemporaryFolder {
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) path = pattern;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
    // A self-signed certificate for `host` in it.
    [[nodiscard]] CertificateFiles certificate(const std::string& host) const {
        CertificateFiles files{file(host + ".pem"), file(host + ".key")};
        const auto made = make_self_signed(host, files);
        EXPECT_TRUE(made) << (made ? "" : made.error().detail);
        return files;
    }
    std::filesystem::path path;
};

struct StreamPair {
    std::unique_ptr<SocketStream> client;
    std::unique_ptr<SocketStream> server;
};

// Two streams over one socketpair().
inline StreamPair make_pair(World& world, std::shared_ptr<TlsServerContext> server_tls = {},
                            std::shared_ptr<TlsClientContext> client_tls = {}) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    SocketStreamOptions client_options;
    client_options.tls_client = std::move(client_tls);
    SocketStreamOptions server_options;
    server_options.tls_server = std::move(server_tls);
    return {std::make_unique<SocketStream>(world.sockets, FileDescriptor(ends[0]), std::move(client_options)),
            std::make_unique<SocketStream>(world.sockets, FileDescriptor(ends[1]), std::move(server_options))};
}

// Everything up to the end of the stream, or `limit` octets; `error` keeps why it ended.
inline Task<> collect(Stream& stream, std::string& seen, Error& error, std::size_t limit = SIZE_MAX) {
    while (seen.size() < limit) {
        auto octets = co_await stream.read(soon());
        if (!octets) {
            error = octets.error();
            co_return;
        }
        seen += as_text(*octets);
    }
}

}  // namespace relevo::net
