#include "adapters/net/listener.h"

#include "adapters/net/port_holder.h"
#include "adapters/net/socket.h"
#include "adapters/net/socket_stream.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

namespace relevo::net {
namespace {

constexpr int backlog = 4096;
constexpr int accepts_in_a_row = 16;  // then other connections have their turn
constexpr std::chrono::milliseconds exhausted_pause{100};
constexpr std::chrono::minutes exhausted_log_interval{1};

Error error_of_binding(const Endpoint& endpoint, int number) {
    const std::string address = endpoint.text();
    if (number == EADDRINUSE) {
        const std::string holder = holder_of(endpoint);
        return {ErrorKind::conflict, holder.empty() ? fmt::format("{} is in use", address)
                                                    : fmt::format("{} is in use by {}", address, holder)};
    }
    if (number == EACCES)
        return {ErrorKind::refused,
                fmt::format("no right to listen on {}: ports below 1024 need CAP_NET_BIND_SERVICE", address)};
    if (number == EADDRNOTAVAIL)
        return {ErrorKind::io, fmt::format("{}: this address does not belong to this machine", address)};
    return {ErrorKind::io, fmt::format("cannot listen on {}: {}", address, text_of_errno(number))};
}

enum class Sharing : std::uint8_t { exclusive, with_other_shards };

Result<FileDescriptor> bind_to(const Endpoint& endpoint, Sharing sharing) {
    const SocketAddress address(endpoint);
    FileDescriptor descriptor(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    const int number = descriptor.get();
    RELEVO_CHECK(set_option(number, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
    if (sharing == Sharing::with_other_shards)
        RELEVO_CHECK(set_option(number, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
    if (address.family() == AF_INET6) RELEVO_CHECK(set_option(number, IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
    RELEVO_CHECK(set_option(number, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));  // accepted sockets inherit it
    if (::bind(number, address.data(), address.size()) != 0) return std::unexpected(error_of_binding(endpoint, errno));
    return descriptor;
}

Result<std::vector<FileDescriptor>> bind_sockets(Endpoint& endpoint, std::size_t count) {
    {
        // SO_REUSEPORT alone would let a second relay of the same user bind as well, and take half of the mail.
        RELEVO_TRY(const FileDescriptor probe, bind_to(endpoint, Sharing::exclusive));
        if (endpoint.port == 0) endpoint = local_endpoint(probe.get());
    }
    std::vector<FileDescriptor> sockets;
    for (std::size_t index = 0; index < count; ++index) {
        RELEVO_TRY(FileDescriptor socket, bind_to(endpoint, Sharing::with_other_shards));
        sockets.push_back(std::move(socket));
    }
    for (const FileDescriptor& socket : sockets)
        if (::listen(socket.get(), backlog) != 0) return std::unexpected(error_of_binding(endpoint, errno));
    return sockets;
}

// At least `count`: where there are fewer sockets than shards, shards wait on copies of them.
Result<std::vector<FileDescriptor>> inherit_sockets(std::vector<FileDescriptor> sockets, std::size_t count) {
    for (const FileDescriptor& socket : sockets) {
        int is_listening = 0;
        socklen_t length = sizeof is_listening;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0 || is_listening == 0)
            return failure(ErrorKind::invalid, fmt::format("descriptor {} is not a listening socket", socket.get()));
        if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0 || ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0)
            return std::unexpected(error_of_errno(errno, "prepare the inherited socket"));
        RELEVO_CHECK(set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
    }
    for (std::size_t index = 0; sockets.size() < count; ++index) {
        FileDescriptor copy(::fcntl(sockets[index].get(), F_DUPFD_CLOEXEC, 0));
        if (!copy) return std::unexpected(error_of_errno(errno, "prepare the inherited socket"));
        sockets.push_back(std::move(copy));
    }
    return sockets;
}

// Descriptors are given out lowest first, so a high number means that few are left. Those are for deliveries, the store
// and the control socket: clients must not be able to take them all (security row R7).
int first_reserved_descriptor() {
    constexpr rlim_t least_reserve = 16, most_reserve = 256;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > std::numeric_limits<int>::max())
        return std::numeric_limits<int>::max();
    const rlim_t reserve = std::clamp(limit.rlim_cur / 4, least_reserve, most_reserve);
    return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur, reserve));
}

}  // namespace

// One shard that serves. The sockets may go before what is still posted to their shard.
struct Listener::Place {
    Shard* shard;
    std::weak_ptr<ShardSockets> sockets;
    ConnectionCount open = std::make_shared<std::atomic<unsigned>>(0);
};

struct Listener::Shared {
    ListenerOptions options;
    Accept accept;
    std::vector<Place> places;
    int descriptor_ceiling = first_reserved_descriptor();

    [[nodiscard]] unsigned open() const {
        unsigned sum = 0;
        for (const Place& place : places) sum += place.open->load(std::memory_order_relaxed);
        return sum;
    }
    // Which place has the fewest connections; `home` unless another has fewer.
    [[nodiscard]] std::size_t emptiest(std::size_t home) const {
        std::size_t best = home;
        unsigned fewest = places[home].open->load(std::memory_order_relaxed);
        for (std::size_t index = 0; index < places.size(); ++index)
            if (const unsigned count = places[index].open->load(std::memory_order_relaxed); count < fewest) {
                best = index;
                fewest = count;
            }
        return best;
    }
};

// Accepts on one shard.
class Listener::Acceptor {
 public:
    // `home`: its place among the shards.
    Acceptor(std::shared_ptr<ShardSockets> sockets, std::size_t home, FileDescriptor socket,
             std::shared_ptr<Shared> shared)
        : sockets_(std::move(sockets)),
          home_(home),
          socket_(sockets_->shard().executor(), socket.release()),
          reserve_(open_reserve()),
          shared_(std::move(shared)) {}

    static Task<> run(std::shared_ptr<Acceptor> self);
    void stop() {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }
    [[nodiscard]] Shard& shard() { return sockets_->shard(); }
    [[nodiscard]] int descriptor() { return socket_.native_handle(); }

 private:
    enum class Next : std::uint8_t { accept, wait, pause };

    static FileDescriptor open_reserve() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
    Next accept_one();
    void serve(FileDescriptor connection, const SocketAddress& peer);
    void turn_away(FileDescriptor connection);
    Next turn_away_with_reserve();
    void log_exhausted();

    std::shared_ptr<ShardSockets> sockets_;
    std::size_t home_;
    boost::asio::posix::basic_stream_descriptor<Executor> socket_;
    FileDescriptor reserve_;  // given up to accept, and refuse, one connection when there is no other left
    std::shared_ptr<Shared> shared_;
    Clock::time_point next_log_{};
};

Task<> Listener::Acceptor::run(std::shared_ptr<Acceptor> self) {
    while (self->socket_.is_open()) {
        Next next = Next::accept;
        for (int count = 0; count < accepts_in_a_row && next == Next::accept; ++count) next = self->accept_one();
        if (next == Next::pause) {
            co_await self->sockets_->wait_for_room(Clock::now() + exhausted_pause);
            continue;
        }
        if (!self->socket_.is_open()) break;
        boost::system::error_code ignored;
        co_await self->socket_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                          boost::asio::redirect_error(use_task, ignored));
    }
}

Listener::Acceptor::Next Listener::Acceptor::accept_one() {
    if (!socket_.is_open()) return Next::wait;
    SocketAddress peer;
    FileDescriptor connection(
        ::accept4(socket_.native_handle(), peer.data(), peer.length(), SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection) {
        const bool is_reserved = connection.get() >= shared_->descriptor_ceiling;
        if (is_reserved) log_exhausted();
        if (is_reserved || shared_->open() >= shared_->options.connection_limit)
            turn_away(std::move(connection));
        else
            serve(std::move(connection), peer);
        return Next::accept;
    }
    switch (errno) {
        case EAGAIN: return Next::wait;
        case EMFILE:
        case ENFILE: return turn_away_with_reserve();
        case ENOBUFS:
        case ENOMEM: return Next::pause;
        default: return Next::accept;  // this one went away while it waited
    }
}

void Listener::Acceptor::serve(FileDescriptor connection, const SocketAddress& peer) {
    SocketStreamOptions options;
    options.peer = peer.endpoint();
    options.local = local_endpoint(connection.get());
    options.tls_server = shared_->options.tls;
    const Place& place = shared_->places[shared_->emptiest(home_)];
    options.count = place.open;
    place.open->fetch_add(1, std::memory_order_relaxed);
    if (shared_->options.accepted != nullptr) shared_->options.accepted->add();
    if (place.shard == &shard())
        return shared_->accept(shard(),
                               std::make_unique<SocketStream>(sockets_, std::move(connection), std::move(options)));
    // If that shard ends first, the connection is closed with the posted work.
    place.shard->post(
        [shared = shared_, &place, connection = std::move(connection), options = std::move(options)]() mutable {
            if (const auto sockets = place.sockets.lock())
                shared->accept(*place.shard,
                               std::make_unique<SocketStream>(sockets, std::move(connection), std::move(options)));
        });
}

void Listener::Acceptor::turn_away(FileDescriptor connection) {
    const std::string& refusal = shared_->options.refusal;
    (void)::send(connection.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (shared_->options.refused != nullptr) shared_->options.refused->add();
}

void Listener::Acceptor::log_exhausted() {
    if (shared_->options.log == nullptr || Clock::now() < next_log_) return;
    next_log_ = Clock::now() + exhausted_log_interval;
    shared_->options.log->error("listener.descriptors_exhausted", {{"address", shared_->options.endpoint.text()}});
}

Listener::Acceptor::Next Listener::Acceptor::turn_away_with_reserve() {
    log_exhausted();
    if (!reserve_) reserve_ = open_reserve();
    if (!reserve_) return Next::pause;
    reserve_.reset();
    FileDescriptor connection(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const bool accepted = static_cast<bool>(connection);
    if (accepted) turn_away(std::move(connection));
    reserve_ = open_reserve();
    return accepted ? Next::accept : Next::pause;
}

Result<std::unique_ptr<Listener>> Listener::open(std::vector<std::shared_ptr<ShardSockets>> shards,
                                                 ListenerOptions options) {
    std::unique_ptr<Listener> listener(new Listener());
    std::vector<FileDescriptor> sockets;
    if (options.inherited.empty()) {
        RELEVO_TRY(sockets, bind_sockets(options.endpoint, shards.size()));
    } else {
        RELEVO_TRY(sockets, inherit_sockets(std::exchange(options.inherited, {}), shards.size()));
        options.endpoint = local_endpoint(sockets.front().get());
    }
    listener->endpoint_ = options.endpoint;
    listener->shared_ = std::make_shared<Shared>();
    listener->shared_->options = std::move(options);
    for (const auto& shard : shards) listener->shared_->places.push_back({.shard = &shard->shard(), .sockets = shard});
    for (std::size_t index = 0; index < sockets.size(); ++index) {
        const std::size_t home = index % shards.size();
        listener->acceptors_.push_back(
            std::make_shared<Acceptor>(shards[home], home, std::move(sockets[index]), listener->shared_));
    }
    return listener;
}

Listener::~Listener() { stop(); }

void Listener::start(Accept accept) {
    shared_->accept = std::move(accept);
    for (const auto& acceptor : acceptors_) acceptor->shard().spawn(Acceptor::run(acceptor));
}

void Listener::stop() {
    for (const auto& acceptor : acceptors_) acceptor->shard().post([acceptor] { acceptor->stop(); });
    acceptors_.clear();
}

std::vector<int> Listener::descriptors() const {
    std::vector<int> descriptors;
    for (const auto& acceptor : acceptors_) descriptors.push_back(acceptor->descriptor());
    return descriptors;
}

unsigned Listener::connections() const { return shared_->open(); }

}  // namespace relevo::net
