#include "adapters/net/control_listener.h"

#include "adapters/net/socket_stream.h"
#include "adapters/net/unix_socket.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relevo::net {
namespace {

constexpr int backlog = 16;
constexpr std::chrono::milliseconds pause_after_failure{100};
constexpr std::chrono::seconds answer_limit{30};

// Makes room for the socket, if what is there is one without a process behind it.
Result<void> remove_stale(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode))
        return failure(ErrorKind::conflict, fmt::format("{} is there already and is no socket", path));
    if (connect_unix(path)) return failure(ErrorKind::conflict, fmt::format("another relay answers at {}", path));
    if (::unlink(path.c_str()) == 0) return {};
    return std::unexpected(error_of_errno(errno, fmt::format("remove {}", path)));
}

Result<FileDescriptor> listen_at(const ControlOptions& options) {
    RELEVO_TRY(const sockaddr_un address, unix_address(options.path));
    RELEVO_CHECK(remove_stale(options.path));
    FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    // Before bind(), so that at no moment others may connect.
    ::fchmod(descriptor.get(), 0600);
    if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(options.path.c_str(), options.mode) != 0 || ::listen(descriptor.get(), backlog) != 0)
        return std::unexpected(error_of_errno(errno, fmt::format("listen at {}", options.path)));
    return descriptor;
}

ControlPeer peer_of(int descriptor) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    // Without an answer it is nobody.
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return {static_cast<uid_t>(-1), static_cast<gid_t>(-1), 0};
    return {credentials.uid, credentials.gid, credentials.pid};
}

struct ControlConnection {
    std::shared_ptr<const ControlOptions> options;
    std::unique_ptr<Stream> stream;
    ControlPeer peer;
};

Task<> serve_control(ControlConnection connection) {
    const ControlOptions& options = *connection.options;
    std::string pending;
    for (;;) {
        const std::size_t end = pending.find('\n');
        if (end == std::string::npos) {
            if (pending.size() > options.request_limit_octets) co_return;
            const auto octets = co_await connection.stream->read(Clock::now() + options.idle_limit);
            if (!octets) co_return;
            pending += as_text(*octets);
            continue;
        }
        if (end > options.request_limit_octets) co_return;
        std::string request = pending.substr(0, end);
        pending.erase(0, end + 1);
        std::string answer = co_await options.handler(connection.peer, std::move(request));
        answer += '\n';
        const auto written = co_await connection.stream->write(answer, Clock::now() + answer_limit);
        if (!written) co_return;
    }
}

// False when the deadline has passed.
bool wait_readable(int descriptor, Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
        pollfd waiting{descriptor, POLLIN, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

}  // namespace

class ControlListener::Acceptor {
 public:
    Acceptor(std::shared_ptr<ShardSockets> sockets, FileDescriptor socket, ControlOptions options)
        : sockets_(std::move(sockets)),
          socket_(sockets_->shard().executor(), socket.release()),
          options_(std::make_shared<const ControlOptions>(std::move(options))) {}

    static Task<> run(std::shared_ptr<Acceptor> self);
    [[nodiscard]] Shard& shard() { return sockets_->shard(); }
    [[nodiscard]] const std::string& path() const { return options_->path; }
    void stop() {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

 private:
    void serve(FileDescriptor descriptor);

    std::shared_ptr<ShardSockets> sockets_;
    boost::asio::posix::basic_stream_descriptor<Executor> socket_;
    std::shared_ptr<const ControlOptions> options_;  // with the connections
    ConnectionCount open_ = std::make_shared<std::atomic<unsigned>>(0);
};

Task<> ControlListener::Acceptor::run(std::shared_ptr<Acceptor> self) {
    while (self->socket_.is_open()) {
        FileDescriptor connection(
            ::accept4(self->socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection) {
            self->serve(std::move(connection));
        } else if (errno == EAGAIN) {
            boost::system::error_code ignored;
            co_await self->socket_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                              boost::asio::redirect_error(use_task, ignored));
        } else {
            co_await self->sockets_->wait_for_room(Clock::now() + pause_after_failure);
        }
    }
}

void ControlListener::Acceptor::serve(FileDescriptor descriptor) {
    if (open_->load(std::memory_order_relaxed) >= options_->connection_limit) return;
    const ControlPeer peer = peer_of(descriptor.get());
    SocketStreamOptions stream_options;
    stream_options.count = open_;
    open_->fetch_add(1, std::memory_order_relaxed);
    ControlConnection connection{
        options_, std::make_unique<SocketStream>(sockets_, std::move(descriptor), std::move(stream_options)), peer};
    shard().spawn(serve_control(std::move(connection)));
}

Result<std::unique_ptr<ControlListener>> ControlListener::open(std::shared_ptr<ShardSockets> sockets,
                                                               ControlOptions options) {
    RELEVO_TRY(FileDescriptor socket, listen_at(options));
    auto acceptor = std::make_shared<Acceptor>(std::move(sockets), std::move(socket), std::move(options));
    return std::unique_ptr<ControlListener>(new ControlListener(std::move(acceptor)));
}

ControlListener::ControlListener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}

ControlListener::~ControlListener() {
    ::unlink(acceptor_->path().c_str());
    acceptor_->shard().post([acceptor = acceptor_] { acceptor->stop(); });
}

void ControlListener::start() { acceptor_->shard().spawn(Acceptor::run(acceptor_)); }

Result<std::string> ask_control(const std::string& path, std::string_view request, std::chrono::seconds patience) {
    const Deadline deadline = Clock::now() + patience;
    RELEVO_TRY(const FileDescriptor socket, connect_unix(path));
    const std::string line = std::string(request) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t count = ::send(socket.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) return std::unexpected(error_of_errno(errno, "write to " + path));
        if (count > 0) sent += static_cast<std::size_t>(count);
    }
    std::string answer;
    while (!answer.ends_with('\n')) {
        if (!wait_readable(socket.get(), deadline))
            return failure(ErrorKind::timeout, fmt::format("no answer at {} within {} s", path, patience.count()));
        std::array<char, 16384> part{};
        const ssize_t count = ::recv(socket.get(), part.data(), part.size(), 0);
        if (count == 0) return failure(ErrorKind::closed, fmt::format("the relay at {} hung up", path));
        if (count < 0 && errno != EINTR) return std::unexpected(error_of_errno(errno, "read from " + path));
        if (count > 0) answer.append(part.data(), static_cast<std::size_t>(count));
    }
    answer.pop_back();
    return answer;
}

}  // namespace relevo::net
