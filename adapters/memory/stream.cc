#include "adapters/memory/stream.h"

#include "lib/base/octets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

enum class End : std::uint8_t { open, finished, reset };

// One direction. Shared by both ends, as either may go first.
struct Pipe {
    explicit Pipe(Shard& shard) : changed(shard) {}
    std::string octets;
    End end = End::open;
    Wakeup changed;  // something was written, taken, ended
};

// What both ends see; shared by them and by their suspended coroutines.
struct Connection {
    Connection(Shard& shard, MemoryStreamOptions stream_options)
        : options(std::move(stream_options)), pipes{Pipe(shard), Pipe(shard)}, handshake(shard) {}
    MemoryStreamOptions options;
    std::array<Pipe, 2> pipes;
    Wakeup handshake;
    std::array<bool, 2> handshaking{};  // by side
    std::array<bool, 2> closed{};
    std::string server_name;
};

constexpr std::size_t client_side = 0;
constexpr std::size_t server_side = 1;

class MemoryStreamEnd final : public MemoryStream {
 public:
    MemoryStreamEnd(std::shared_ptr<Connection> connection, std::size_t side)
        : connection_(std::move(connection)), side_(side) {}
    ~MemoryStreamEnd() override { close(); }

    Task<Result<std::span<const std::byte>>> read(Deadline deadline) override;
    Task<Result<void>> write(std::string_view octets, Deadline deadline) override;
    bool has_unread_input() override { return !incoming(*connection_, side_).octets.empty(); }
    bool has_ended() override {
        const Pipe& pipe = incoming(*connection_, side_);
        return connection_->closed[side_] || (pipe.octets.empty() && pipe.end != End::open);
    }
    Task<Result<std::string>> peek(std::size_t limit, std::size_t known, Deadline deadline) override;
    void skip(std::size_t count) override { incoming(*connection_, side_).octets.erase(0, count); }
    Task<Result<TlsInfo>> start_tls_server(Deadline deadline) override;
    Task<Result<TlsInfo>> start_tls_client(TlsClientOptions options, Deadline deadline) override;
    const TlsInfo* tls() const override { return tls_ ? &*tls_ : nullptr; }
    TlsFault tls_fault() const override { return fault_; }
    Endpoint peer() const override {
        return side_ == client_side ? connection_->options.server : connection_->options.client;
    }
    Endpoint local() const override {
        return side_ == client_side ? connection_->options.client : connection_->options.server;
    }
    void close() override { end(End::finished); }
    void reset() override { end(End::reset); }

 private:
    static Pipe& incoming(Connection& connection, std::size_t side) { return connection.pipes[side]; }
    static Pipe& outgoing(Connection& connection, std::size_t side) { return connection.pipes[1 - side]; }
    void end(End how);
    Task<Result<TlsInfo>> shake_hands(Deadline deadline);

    std::shared_ptr<Connection> connection_;
    std::size_t side_;
    std::string taken_;  // what the last read gave
    std::optional<TlsInfo> tls_;
    TlsFault fault_ = TlsFault::none;
};

Task<Result<std::string>> MemoryStreamEnd::peek(std::size_t limit, std::size_t known, Deadline deadline) {
    const auto connection = connection_;  // survives this end
    const std::size_t side = side_;
    Pipe& pipe = incoming(*connection, side);
    while (pipe.octets.size() <= known) {
        if (connection->closed[side]) co_return failure(ErrorKind::cancelled, "the connection was closed by us");
        if (pipe.end != End::open) co_return failure(ErrorKind::closed, "the peer ended the connection");
        if (deadline <= Clock::now()) co_return failure(ErrorKind::timeout, "the peer sent nothing in time");
        co_await pipe.changed.wait(deadline);
    }
    co_return pipe.octets.substr(0, limit);
}

Task<Result<std::span<const std::byte>>> MemoryStreamEnd::read(Deadline deadline) {
    const auto connection = connection_;  // survives this end
    const std::size_t side = side_;
    Pipe& pipe = incoming(*connection, side);
    for (;;) {
        if (connection->closed[side]) co_return failure(ErrorKind::cancelled, "the connection was closed by us");
        if (!pipe.octets.empty()) break;
        if (pipe.end == End::finished) co_return failure(ErrorKind::closed, "the peer ended the connection");
        if (pipe.end == End::reset) co_return failure(ErrorKind::io, "connection reset by peer");
        if (deadline <= Clock::now()) co_return failure(ErrorKind::timeout, "the peer sent nothing in time");
        co_await pipe.changed.wait(deadline);
    }
    const std::size_t length = std::min(pipe.octets.size(), connection->options.read_limit);
    taken_ = pipe.octets.substr(0, length);
    pipe.octets.erase(0, length);
    pipe.changed.notify_all();
    co_return as_octets(taken_);
}

Task<Result<void>> MemoryStreamEnd::write(std::string_view octets, Deadline deadline) {
    const auto connection = connection_;
    const std::size_t side = side_;
    Pipe& pipe = outgoing(*connection, side);
    while (!octets.empty()) {
        if (connection->closed[side]) co_return failure(ErrorKind::cancelled, "the connection was closed by us");
        if (connection->closed[1 - side]) co_return failure(ErrorKind::closed, "the peer ended the connection");
        const std::size_t room =
            connection->options.capacity - std::min(connection->options.capacity, pipe.octets.size());
        if (room == 0) {
            if (deadline <= Clock::now()) co_return failure(ErrorKind::timeout, "the peer did not take it in time");
            co_await pipe.changed.wait(deadline);
            continue;
        }
        pipe.octets += octets.substr(0, room);
        octets.remove_prefix(std::min(room, octets.size()));
        pipe.changed.notify_all();
    }
    co_return Result<void>();
}

Task<Result<TlsInfo>> MemoryStreamEnd::start_tls_server(Deadline deadline) {
    const TlsFault fault = connection_->options.tls_fault;
    auto info = co_await shake_hands(deadline);
    if (!info.has_value()) fault_ = fault == TlsFault::none ? TlsFault::other : fault;
    co_return info;
}

Task<Result<TlsInfo>> MemoryStreamEnd::start_tls_client(TlsClientOptions options, Deadline deadline) {
    const TlsFault fault = connection_->options.tls_fault;
    connection_->server_name = std::move(options.server_name);
    auto info = co_await shake_hands(deadline);
    // As a socket does it: a fault of the certificate ends only handshakes that verify it.
    if (info.has_value() && !info->verified && fault != TlsFault::none && (options.verify || !options.tlsa.empty()))
        info = failure(ErrorKind::refused, tls_->verify_error);
    if (!info.has_value()) fault_ = fault == TlsFault::none ? TlsFault::other : fault;
    if (!info.has_value()) tls_.reset();
    co_return info;
}

Task<Result<TlsInfo>> MemoryStreamEnd::shake_hands(Deadline deadline) {
    const auto connection = connection_;
    const std::size_t side = side_;
    Pipe& pipe = incoming(*connection, side);
    if (connection->closed[side]) co_return failure(ErrorKind::cancelled, "the connection was closed by us");
    if (!pipe.octets.empty())
        co_return failure(ErrorKind::invalid, "the peer spoke plain text where TLS was due: " + pipe.octets);
    connection->handshaking[side] = true;
    connection->handshake.notify_all();
    pipe.changed.notify_all();
    while (!connection->handshaking[1 - side]) {
        if (connection->closed[side]) co_return failure(ErrorKind::cancelled, "the connection was closed by us");
        if (!pipe.octets.empty())
            co_return failure(ErrorKind::invalid, "the peer spoke plain text where TLS was due: " + pipe.octets);
        if (pipe.end != End::open) co_return failure(ErrorKind::closed, "the peer ended the connection");
        if (deadline <= Clock::now()) co_return failure(ErrorKind::timeout, "the handshake took too long");
        co_await connection->handshake.wait(deadline);
    }
    if (connection->options.tls_failure) co_return std::unexpected(*connection->options.tls_failure);
    TlsInfo info = connection->options.tls;
    if (!info.verified) info.fault = connection->options.tls_fault;
    if (info.server_name.empty()) info.server_name = connection->server_name;
    if (info.exporter_binding.empty()) info.exporter_binding = std::string(32, 'x');
    if (info.server_end_point_binding.empty()) info.server_end_point_binding = std::string(32, 'e');
    tls_ = info;
    co_return info;
}

void MemoryStreamEnd::end(End how) {
    if (connection_->closed[side_]) return;
    connection_->closed[side_] = true;
    outgoing(*connection_, side_).end = how;
    for (Pipe& pipe : connection_->pipes) pipe.changed.notify_all();
    connection_->handshake.notify_all();
}

}  // namespace

MemoryStreamPair make_memory_streams(Shard& shard, MemoryStreamOptions options) {
    auto connection = std::make_shared<Connection>(shard, std::move(options));
    return {std::make_unique<MemoryStreamEnd>(connection, client_side),
            std::make_unique<MemoryStreamEnd>(connection, server_side)};
}

void MemoryDialer::listen(const Endpoint& endpoint, Acceptor acceptor, MemoryStreamOptions options) {
    targets_[endpoint.text()] = {std::move(acceptor), std::move(options), std::nullopt};
}

void MemoryDialer::refuse(const Endpoint& endpoint, Error error) {
    targets_[endpoint.text()] = {nullptr, {}, std::move(error)};
}

void MemoryDialer::fall_silent(const Endpoint& endpoint) { targets_[endpoint.text()] = {nullptr, {}, std::nullopt}; }

Task<Result<std::unique_ptr<Stream>>> MemoryDialer::connect(DialOptions options) {
    dialed_.push_back(options);
    if (options.has_source && broken_sources_.contains(options.source))
        co_return std::unexpected(source_error(ErrorKind::io, "address not available"));
    const std::string name = options.target.text();
    const auto found = targets_.find(name);
    if (found == targets_.end()) co_return failure(ErrorKind::refused, fmt::format("connection refused by {}", name));
    const Target target = found->second;
    if (target.error) co_return std::unexpected(*target.error);
    if (!target.acceptor) {
        co_await sleep_until(options.deadline);
        co_return failure(ErrorKind::timeout, fmt::format("no answer from {} in time", name));
    }
    MemoryStreamOptions stream_options = target.options;
    stream_options.server = options.target;
    if (options.has_source) stream_options.client.address = options.source;
    MemoryStreamPair pair = make_memory_streams(shard_, std::move(stream_options));
    target.acceptor(std::move(pair.server));
    co_return std::unique_ptr<Stream>(std::move(pair.client));
}

}  // namespace relevo
