#include "adapters/certificate_probe/certificate_probe.h"

#include "lib/smtp/reply.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace relevo::certificate_probe {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using SslHandle = std::unique_ptr<SSL, decltype(&SSL_free)>;

constexpr std::size_t reply_limit_octets = 64UL * 1024;  // of one reply, all lines

class Socket {
 public:
    explicit Socket(std::chrono::steady_clock::time_point deadline) : deadline_(deadline) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] int descriptor() const { return descriptor_; }

    Result<void> connect(const dns::IpAddress& address, std::uint16_t port) {
        sockaddr_storage target{};
        socklen_t length = 0;
        if (address.is_v4()) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(target);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            std::memcpy(&v4.sin_addr, address.octets().data(), 4);
            length = sizeof v4;
        } else {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(target);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(port);
            std::memcpy(&v6.sin6_addr, address.octets().data(), 16);
            length = sizeof v6;
        }
        descriptor_ = ::socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (descriptor_ < 0) return failure(ErrorKind::io, std::strerror(errno));
        if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&target), length) == 0) return {};
        if (errno != EINPROGRESS) return failure(ErrorKind::refused, std::strerror(errno));
        RELEVO_CHECK(wait(POLLOUT));
        int problem = 0;
        socklen_t size = sizeof problem;
        ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) return failure(ErrorKind::refused, std::strerror(problem));
        return {};
    }

    Result<void> wait(short events) const {
        for (;;) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
            if (left.count() <= 0) return failure(ErrorKind::timeout, "no answer in time");
            pollfd waiting{.fd = descriptor_, .events = events, .revents = 0};
            const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
            if (ready > 0) return {};
            if (ready < 0 && errno != EINTR) return failure(ErrorKind::io, std::strerror(errno));
        }
    }

    Result<void> write(std::string_view octets) {
        while (!octets.empty()) {
            const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) return failure(ErrorKind::closed, std::strerror(errno));
            if (sent > 0) octets.remove_prefix(static_cast<std::size_t>(sent));
            if (sent < 0) RELEVO_CHECK(wait(POLLOUT));
        }
        return {};
    }

    // One whole reply; what the server sends behind it is dropped, as RFC 3207 §6 asks of what stands before TLS.
    Result<smtp::Reply> reply() {
        std::string wire;
        for (;;) {
            char buffer[4096];
            const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
            if (got == 0) return failure(ErrorKind::closed, "the server closed the connection");
            if (got < 0 && errno != EAGAIN && errno != EINTR) return failure(ErrorKind::closed, std::strerror(errno));
            if (got < 0) {
                RELEVO_CHECK(wait(POLLIN));
                continue;
            }
            wire.append(buffer, static_cast<std::size_t>(got));
            if (wire.size() > reply_limit_octets) return failure(ErrorKind::limit, "the server's reply never ends");
            if (const std::size_t end = end_of_reply(wire); end != 0) return smtp::parse_reply(wire.substr(0, end));
        }
    }

 private:
    // Behind the first line without a hyphen after its code; 0 if there is none yet.
    static std::size_t end_of_reply(std::string_view wire) {
        for (std::size_t begin = 0;;) {
            const std::size_t end = wire.find("\r\n", begin);
            if (end == std::string_view::npos) return 0;
            if (end < begin + 4 || wire[begin + 3] != '-') return end + 2;
            begin = end + 2;
        }
    }

    std::chrono::steady_clock::time_point deadline_;
    int descriptor_ = -1;
};

Result<void> ask_for_tls(Socket& socket, const ProbeRequest& request) {
    const auto expect = [&](std::string_view stage, unsigned code) -> Result<void> {
        RELEVO_TRY(const smtp::Reply reply, socket.reply());
        if (reply.code == code) return {};
        return failure(ErrorKind::refused, fmt::format("{}: {} {}", stage, reply.code, reply.text));
    };
    RELEVO_CHECK(expect("greeting", 220));
    RELEVO_CHECK(socket.write(fmt::format("EHLO {}\r\n", request.our_name)));
    RELEVO_CHECK(expect("EHLO", 250));
    RELEVO_CHECK(socket.write("STARTTLS\r\n"));
    return expect("STARTTLS", 220);
}

std::string openssl_problem() {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    return text;
}

// A record that OpenSSL does not take (a certificate that is none, say) is as if it were not there.
void add_records(SSL* ssl, const ProbeRequest& request) {
    for (const tlspolicy::TlsaRecord& record : request.records)
        SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching,
                          reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size());
    ERR_clear_error();
}

Result<void> shake_hands(SSL* ssl, const Socket& socket) {
    for (;;) {
        ERR_clear_error();
        const int done = SSL_connect(ssl);
        if (done == 1) return {};
        switch (SSL_get_error(ssl, done)) {
            case SSL_ERROR_WANT_READ: RELEVO_CHECK(socket.wait(POLLIN)); break;
            case SSL_ERROR_WANT_WRITE: RELEVO_CHECK(socket.wait(POLLOUT)); break;
            default: return failure(ErrorKind::refused, "TLS: " + openssl_problem());
        }
    }
}

std::string name_text(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), &BIO_free_all);
    X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string public_key_digest(X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0) return {};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(der, static_cast<std::size_t>(size), digest);
    OPENSSL_free(der);
    std::string text;
    for (const unsigned octet : digest) text += fmt::format("{:02X}", octet);
    return text;
}

std::string time_text(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Which of ours the record is that OpenSSL matched.
std::optional<std::size_t> matched_record(SSL* ssl, const ProbeRequest& request) {
    std::uint8_t usage = 0, selector = 0, matching = 0;
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &data, &size) < 0) return std::nullopt;
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        const tlspolicy::TlsaRecord& record = request.records[i];
        if (record.usage == usage && record.selector == selector && record.matching == matching &&
            record.data == octets)
            return i;
    }
    return std::nullopt;
}

ShownCertificate shown(SSL* ssl, const ProbeRequest& request) {
    ShownCertificate result;
    result.protocol = SSL_get_version(ssl);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), &X509_free);
    if (certificate) {
        result.subject = name_text(X509_get_subject_name(certificate.get()));
        result.issuer = name_text(X509_get_issuer_name(certificate.get()));
        result.expires = time_text(X509_get0_notAfter(certificate.get()));
        result.public_key_sha256 = public_key_digest(certificate.get());
    }
    if (request.records.empty()) return result;
    const long verified = SSL_get_verify_result(ssl);
    if (verified == X509_V_OK) result.matched = matched_record(ssl, request);
    if (!result.matched)
        result.problem = verified == X509_V_OK ? "no record matches" : X509_verify_cert_error_string(verified);
    return result;
}

}  // namespace

Result<ShownCertificate> probe_certificate(const ProbeRequest& request) {
    Socket socket(request.deadline);
    RELEVO_CHECK(socket.connect(request.address, request.port));
    if (request.greeting == Greeting::starttls) RELEVO_CHECK(ask_for_tls(socket, request));
    const SslContext context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_dane_enable(context.get()) != 1)
        return failure(ErrorKind::io, openssl_problem());
    const SslHandle ssl(SSL_new(context.get()), &SSL_free);
    if (!ssl || SSL_set_fd(ssl.get(), socket.descriptor()) != 1) return failure(ErrorKind::io, openssl_problem());
    // The handshake goes on whatever the certificate is; the result is looked at afterwards.
    SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
    if (SSL_dane_enable(ssl.get(), request.host.c_str()) != 1) return failure(ErrorKind::io, openssl_problem());
    // RFC 7672 §3.1.1: with DANE-EE neither the name nor the dates of the certificate count.
    SSL_dane_set_flags(ssl.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    add_records(ssl.get(), request);
    RELEVO_CHECK(shake_hands(ssl.get(), socket));
    ShownCertificate result = shown(ssl.get(), request);
    SSL_shutdown(ssl.get());
    return result;
}

}  // namespace relevo::certificate_probe
