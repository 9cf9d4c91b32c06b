#include "adapters/net/socket_stream.h"

#include "adapters/net/tls_context.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace relevo::net {
namespace {

// A peer that sends as fast as we read must not keep the shard to itself.
constexpr std::uint8_t reads_in_a_row_limit = 16;

Error closed_by_us() { return {ErrorKind::cancelled, "the connection was closed by us"}; }

Error error_of(const Transfer& transfer) {
    if (transfer.state == Transfer::State::ended) return {ErrorKind::closed, "the peer ended the connection"};
    return {ErrorKind::io, transfer.detail};
}

Task<Result<void>> failed(Error error) { co_return std::unexpected(std::move(error)); }

Transfer transfer_of_errno(int number) {
    if (number == EAGAIN || number == EWOULDBLOCK) return {Transfer::State::want_read};
    if (number == ECONNRESET || number == EPIPE) return {Transfer::State::ended};
    return {Transfer::State::failed, 0, text_of_errno(number)};
}

// TCP_INQ (Linux 4.18): with each read comes the number of octets that are left, and 1 for the end of the stream.
bool ask_for_rest(int descriptor) {
    constexpr int on = 1;
    return ::setsockopt(descriptor, IPPROTO_TCP, TCP_INQ, &on, sizeof on) == 0;
}

int rest_of(msghdr& message) {
    int rest = 1;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == IPPROTO_TCP && header->cmsg_type == TCP_CM_INQ)
            std::memcpy(&rest, CMSG_DATA(header), sizeof rest);
    return rest;
}

Transfer transfer_of_sending(ssize_t count) {
    if (count >= 0) return {Transfer::State::done, static_cast<std::size_t>(count)};
    Transfer transfer = errno == EINTR ? Transfer{Transfer::State::done} : transfer_of_errno(errno);
    if (transfer.state == Transfer::State::want_read) transfer.state = Transfer::State::want_write;
    return transfer;
}

std::size_t size_of(const Stream::Parts& parts) {
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    return size;
}

void remove_prefix(Stream::Parts& parts, std::size_t count) {
    for (std::string_view& part : parts) {
        const std::size_t taken = std::min(count, part.size());
        part.remove_prefix(taken);
        count -= taken;
    }
}

}  // namespace

SocketStream::SocketStream(std::shared_ptr<ShardSockets> sockets, FileDescriptor descriptor,
                           SocketStreamOptions options)
    : sockets_(std::move(sockets)),
      readiness_(sockets_->shard().executor(), std::move(descriptor)),
      options_(std::move(options)),
      tells_rest_(ask_for_rest(readiness_.descriptor())) {
    sockets_->add(*this);
}

SocketStream::~SocketStream() {
    close();
    sockets_->remove(*this);
    if (options_.count) options_.count->fetch_sub(1, std::memory_order_relaxed);
}

Task<Result<std::span<const std::byte>>> SocketStream::read(Deadline deadline) {
    if (++reads_in_a_row_ > reads_in_a_row_limit) {
        reads_in_a_row_ = 0;
        co_await boost::asio::post(sockets_->shard().executor(), use_task);
    }
    for (;;) {
        if (is_closed_) co_return std::unexpected(closed_by_us());
        const Transfer transfer = is_known_to_be_dry() ? Transfer{Transfer::State::want_read} : receive();
        has_sent_ = false;
        if (transfer.state == Transfer::State::done) co_return sockets_->scratch().first(transfer.octets);
        RELEVO_CO_CHECK(co_await wait_for(transfer, reading_, deadline));
        is_drained_ = false;
        reads_in_a_row_ = 0;
    }
}

Task<Result<void>> SocketStream::write(std::string_view octets, Deadline deadline) {
    while (!octets.empty()) {
        if (is_closed_) co_return std::unexpected(closed_by_us());
        const Transfer transfer = send(octets);
        has_sent_ = true;
        if (transfer.state == Transfer::State::done)
            octets.remove_prefix(transfer.octets);
        else
            RELEVO_CO_CHECK(co_await wait_for(transfer, writing_, deadline));
    }
    co_return Result<void>();
}

Task<Result<void>> SocketStream::write_parts(Parts parts, Deadline deadline) {
    if (ssl_) {  // as few records as possible
        std::string joined;
        joined.reserve(size_of(parts));
        for (const std::string_view part : parts) joined += part;
        co_return co_await write(joined, deadline);
    }
    while (size_of(parts) > 0) {
        if (is_closed_) co_return std::unexpected(closed_by_us());
        const Transfer transfer = send_parts(parts);
        has_sent_ = true;
        if (transfer.state == Transfer::State::done)
            remove_prefix(parts, transfer.octets);
        else
            RELEVO_CO_CHECK(co_await wait_for(transfer, writing_, deadline));
    }
    co_return Result<void>();
}

Transfer SocketStream::receive() { return ssl_ ? tls_read(*ssl_, sockets_->scratch()) : receive_plain(); }
Transfer SocketStream::send(std::string_view octets) { return ssl_ ? tls_write(*ssl_, octets) : send_plain(octets); }

Transfer SocketStream::receive_plain() {
    const std::span<std::byte> scratch = sockets_->scratch();
    iovec vector{scratch.data(), scratch.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (tells_rest_) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    const ssize_t count = ::recvmsg(readiness_.descriptor(), &message, 0);
    if (count == 0) return {Transfer::State::ended};
    if (count < 0) return errno == EINTR ? Transfer{Transfer::State::want_read} : transfer_of_errno(errno);
    is_drained_ = tells_rest_ && rest_of(message) == 0;
    return {Transfer::State::done, static_cast<std::size_t>(count)};
}

Transfer SocketStream::send_plain(std::string_view octets) {
    return transfer_of_sending(::send(readiness_.descriptor(), octets.data(), octets.size(), MSG_NOSIGNAL));
}

Transfer SocketStream::send_parts(const Parts& parts) {
    std::array<iovec, std::tuple_size_v<Parts>> vectors{};
    for (std::size_t i = 0; i < parts.size(); ++i)
        vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};  // sendmsg() does not write there
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    return transfer_of_sending(::sendmsg(readiness_.descriptor(), &message, MSG_NOSIGNAL));
}

bool SocketStream::has_unread_input() {
    if (is_closed_) return false;
    if (ssl_ && tls_has_pending(*ssl_)) return true;
    char octet = 0;
    return ::recv(readiness_.descriptor(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool SocketStream::has_ended() {
    if (is_closed_) return true;
    char octet = 0;
    const ssize_t count = ::recv(readiness_.descriptor(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool SocketStream::is_silent() {
    if (is_closed_ || ssl_) return Stream::is_silent();
    char octet = 0;
    return ::recv(readiness_.descriptor(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

Task<Result<std::string>> SocketStream::peek(std::size_t limit, std::size_t known, Deadline deadline) {
    for (;;) {
        if (is_closed_) co_return std::unexpected(closed_by_us());
        std::string octets(limit, '\0');
        const ssize_t count = ::recv(readiness_.descriptor(), octets.data(), octets.size(), MSG_PEEK | MSG_DONTWAIT);
        if (count > 0 && static_cast<std::size_t>(count) > known) {
            octets.resize(static_cast<std::size_t>(count));
            co_return octets;
        }
        Transfer transfer = count < 0 ? transfer_of_errno(errno) : Transfer{Transfer::State::ended};
        // What is known still lies there; behind it only poll() shows an end.
        if (pollfd socket{readiness_.descriptor(), POLLRDHUP, 0}; count > 0 && ::poll(&socket, 1, 0) == 0)
            transfer.state = Transfer::State::want_read;
        RELEVO_CO_CHECK(co_await wait_for(transfer, reading_, deadline));
    }
}

void SocketStream::skip(std::size_t count) {
    std::array<char, 4096> dropped{};
    while (count > 0) {
        const ssize_t taken =
            ::recv(readiness_.descriptor(), dropped.data(), std::min(count, dropped.size()), MSG_DONTWAIT);
        if (taken <= 0) return;
        count -= static_cast<std::size_t>(taken);
    }
}

Task<Result<void>> SocketStream::wait_for(const Transfer& transfer, Wait& wait_slot, Deadline deadline) {
    switch (transfer.state) {
        case Transfer::State::want_read: return wait(wait_slot, Direction::readable, deadline);
        case Transfer::State::want_write: return wait(wait_slot, Direction::writable, deadline);
        case Transfer::State::done:
        case Transfer::State::ended:
        case Transfer::State::failed: break;
    }
    return failed(error_of(transfer));
}

Task<Result<void>> SocketStream::wait(Wait& wait, Direction direction, Deadline deadline) {
    if (deadline <= Clock::now()) co_return failure(ErrorKind::timeout, "the peer was silent for too long");
    if (readiness_.descriptor() < 0) co_return failure(ErrorKind::io, "the event loop cannot take more connections");
    wait = {deadline, true, false};
    co_await readiness_.wait(direction);  // may end for nothing, as when the other direction timed out
    wait.pending = false;
    if (is_closed_) co_return std::unexpected(closed_by_us());
    if (wait.timed_out) co_return failure(ErrorKind::timeout, "the peer was silent for too long");
    co_return Result<void>();
}

void SocketStream::sweep(Deadline now) {
    bool expired = false;
    for (Wait* wait : {&reading_, &writing_}) {
        if (!wait->pending || wait->timed_out || wait->deadline > now) continue;
        wait->timed_out = expired = true;
    }
    if (expired) readiness_.cancel();
}

void SocketStream::close() {
    if (is_closed_) return;
    is_closed_ = true;
    if (ssl_ && tls_info_) tls_shutdown(*ssl_);
    // Unread input would make the kernel send a reset, and the peer might lose our last reply to it.
    // It is thrown away unseen: the shard's buffer may hold what another stream has read.
    if (!is_drained_) (void)::recv(readiness_.descriptor(), nullptr, scratch_octets, MSG_DONTWAIT | MSG_TRUNC);
    readiness_.close();
}

Task<Result<void>> SocketStream::finish_connecting(Deadline deadline) {
    for (pollfd socket{readiness_.descriptor(), POLLOUT, 0}; ::poll(&socket, 1, 0) == 0;)
        RELEVO_CO_CHECK(co_await wait(writing_, Direction::writable, deadline));
    int number = 0;
    socklen_t length = sizeof number;
    ::getsockopt(readiness_.descriptor(), SOL_SOCKET, SO_ERROR, &number, &length);
    if (number != 0)
        co_return failure(number == ECONNREFUSED ? ErrorKind::refused : ErrorKind::io, text_of_errno(number));
    options_.local = local_endpoint(readiness_.descriptor());
    co_return Result<void>();
}

void SocketStream::set_far_ends(Endpoint peer, const std::optional<dns::IpAddress>& local) {
    options_.peer = peer;
    if (local) options_.local = {*local, 0};
}

Task<Result<TlsInfo>> SocketStream::start_tls_server(Deadline deadline) {
    if (is_closed_) co_return std::unexpected(closed_by_us());
    if (ssl_) co_return failure(ErrorKind::conflict, "TLS runs already");
    if (!options_.tls_server) co_return failure(ErrorKind::unsupported, "no certificate is configured here");
    RELEVO_CO_TRY(ssl_, options_.tls_server->begin(readiness_.descriptor()));
    RELEVO_CO_CHECK(co_await shake_hands(deadline));
    tls_info_ = std::make_unique<TlsInfo>(tls_info_of_server(*ssl_));
    co_return *tls_info_;
}

Task<Result<TlsInfo>> SocketStream::start_tls_client(TlsClientOptions options, Deadline deadline) {
    if (is_closed_) co_return std::unexpected(closed_by_us());
    if (ssl_) co_return failure(ErrorKind::conflict, "TLS runs already");
    if (!options_.tls_client) co_return failure(ErrorKind::unsupported, "TLS is not configured here");
    RELEVO_CO_TRY(ssl_, options_.tls_client->begin(readiness_.descriptor(), options));
    auto shaken = co_await shake_hands(deadline);
    if (!shaken.has_value()) {
        if (tls_was_unverified(*ssl_)) tls_fault_ = tls_fault_of(*ssl_);
        if (tls_fault_ == TlsFault::none) tls_fault_ = TlsFault::other;
        co_return std::unexpected(std::move(shaken).error());
    }
    tls_info_ = std::make_unique<TlsInfo>(tls_info_of_client(*ssl_));
    co_return *tls_info_;
}

Task<Result<void>> SocketStream::shake_hands(Deadline deadline) {
    bool peer_has_spoken = false;
    is_drained_ = false;
    for (;;) {
        if (is_closed_) co_return std::unexpected(closed_by_us());
        // A look at the first octets, as OpenSSL would only say "wrong version number" about them.
        if (!peer_has_spoken && has_unread_input()) {
            peer_has_spoken = true;
            if (auto text = plain_text_instead_of_tls(readiness_.descriptor()))
                co_return failure(ErrorKind::invalid, std::move(*text));
        }
        const Transfer step = tls_handshake(*ssl_);
        if (step.state == Transfer::State::done) co_return Result<void>();
        if (step.state == Transfer::State::failed) {
            tls_fault_ = step.fault;
            // It came between the look and OpenSSL's reading, which has taken it.
            if (step.was_plain_text && !peer_has_spoken)
                co_return failure(ErrorKind::invalid, "the peer spoke plain text where TLS was due");
            co_return failure(tls_was_unverified(*ssl_) ? ErrorKind::refused : ErrorKind::invalid, step.detail);
        }
        RELEVO_CO_CHECK(co_await wait_for(step, reading_, deadline));
    }
}

}  // namespace relevo::net
