#include "app/cli/control_client.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

constexpr std::size_t answer_limit_octets = std::size_t{64} * 1024 * 1024;

class Socket {
 public:
    Socket() : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
    ~Socket() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int get() const { return descriptor_; }

 private:
    int descriptor_;
};

using Clock = std::chrono::steady_clock;

Result<void> wait_for(const Socket& socket, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return failure(ErrorKind::timeout, "the server did not answer in time");
        pollfd entry{socket.get(), events, 0};
        const int ready = poll(&entry, 1, static_cast<int>(left));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return failure(ErrorKind::io, std::strerror(errno));
    }
}

Result<void> open_connection(const Socket& socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return failure(ErrorKind::invalid, fmt::format("{} is too long a name for a socket", path));
    path.copy(address.sun_path, path.size());
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return {};
    const std::string detail = fmt::format("{}: {}", path, std::strerror(errno));
    switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED: return failure(ErrorKind::closed, detail);
        case EACCES:
        case EPERM: return failure(ErrorKind::refused, detail);
        default: return failure(ErrorKind::io, detail);
    }
}

Result<void> send_all(const Socket& socket, std::string_view octets, Clock::time_point deadline) {
    while (!octets.empty()) {
        const ssize_t sent = send(socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent > 0)
            octets.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno != EAGAIN && errno != EINTR)
            return failure(ErrorKind::io, std::strerror(errno));
        else
            RELEVO_CHECK(wait_for(socket, POLLOUT, deadline));
    }
    return {};
}

Result<std::string> receive_line(const Socket& socket, Clock::time_point deadline) {
    std::string line;
    char buffer[65536];
    while (!line.ends_with('\n')) {
        const ssize_t received = recv(socket.get(), buffer, sizeof(buffer), 0);
        if (received > 0)
            line.append(buffer, static_cast<std::size_t>(received));
        else if (received == 0)
            return failure(ErrorKind::invalid, "the server ended the connection without an answer");
        else if (errno != EAGAIN && errno != EINTR)
            return failure(ErrorKind::io, std::strerror(errno));
        else
            RELEVO_CHECK(wait_for(socket, POLLIN, deadline));
        if (line.size() > answer_limit_octets) return failure(ErrorKind::invalid, "the answer is larger than 64 MiB");
    }
    return line;
}

}  // namespace

Result<boost::json::object> ask_server(const std::string& socket_path, const boost::json::object& request,
                                       std::chrono::milliseconds timeout) {
    const Clock::time_point deadline = Clock::now() + timeout;
    const Socket socket;
    if (socket.get() < 0) return failure(ErrorKind::io, std::strerror(errno));
    RELEVO_CHECK(open_connection(socket, socket_path));
    RELEVO_CHECK(send_all(socket, boost::json::serialize(request) + "\n", deadline));
    RELEVO_TRY(const std::string line, receive_line(socket, deadline));
    boost::system::error_code problem;
    boost::json::value answer = boost::json::parse(line, problem);
    if (problem || !answer.is_object() || !answer.as_object().contains("ok"))
        return failure(ErrorKind::invalid,
                       "the server's answer is not of the control protocol: is it another version?");
    return std::move(answer.as_object());
}

}  // namespace relevo::cli
