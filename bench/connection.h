// Helpers shared by loader and sink: non-blocking buffered connection, optionally TLS, on epoll.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

inline int64_t mono_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}
[[noreturn]] inline void die(const std::string& m) {
    fprintf(stderr, "%s: %s\n", m.c_str(), strerror(errno));
    exit(1);
}
inline sockaddr_in parse_addr(const std::string& s) {
    size_t c = s.rfind(':');
    sockaddr_in a{};
    a.sin_family = AF_INET;
    std::string h = c == std::string::npos ? "" : s.substr(0, c);
    if (h == "localhost" || h.empty()) h = "127.0.0.1";
    if (c == std::string::npos || inet_pton(AF_INET, h.c_str(), &a.sin_addr) != 1) {
        fprintf(stderr, "need an IPv4 host:port, got %s\n", s.c_str());
        exit(2);
    }
    a.sin_port = htons(uint16_t(atoi(s.c_str() + c + 1)));
    return a;
}
inline void raise_nofile() {
    rlimit r{};
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

struct Conn {
    int fd = -1;
    SSL* ssl = nullptr;
    bool want_out = false;      // EPOLLOUT is armed
    bool tls_want_out = false;  // the TLS layer asked for a write
    std::string in, out;
    size_t in_off = 0, out_off = 0;

    void attach(int ep, int f, void* owner, bool connecting) {
        fd = f;
        epoll_event e{};
        e.events = EPOLLIN | (connecting ? EPOLLOUT : 0u);
        want_out = connecting;
        e.data.ptr = owner;
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    }
    void interest(int ep, void* owner) {
        bool w = out_off < out.size() || tls_want_out;
        if (w == want_out) return;
        epoll_event e{};
        e.events = EPOLLIN | (w ? EPOLLOUT : 0u);
        e.data.ptr = owner;
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
        want_out = w;
    }
    void close_now() {
        if (ssl) {
            SSL_set_quiet_shutdown(ssl, 1);
            SSL_shutdown(ssl);
            SSL_free(ssl);
        }
        ssl = nullptr;
        if (fd >= 0) ::close(fd);
        fd = -1;
        in.clear();
        out.clear();
        in_off = out_off = 0;
        want_out = tls_want_out = false;
    }
    bool flush() {  // false: the connection is dead
        while (out_off < out.size()) {
            ssize_t n;
            if (ssl) {
                ERR_clear_error();
                n = SSL_write(ssl, out.data() + out_off, int(std::min<size_t>(out.size() - out_off, 1 << 20)));
                if (n <= 0) {
                    int e = SSL_get_error(ssl, int(n));
                    if (e == SSL_ERROR_WANT_READ) return true;
                    if (e == SSL_ERROR_WANT_WRITE) return tls_want_out = true;
                    return false;
                }
                tls_want_out = false;
            } else {
                n = ::send(fd, out.data() + out_off, out.size() - out_off, MSG_NOSIGNAL);
                if (n < 0) return errno == EAGAIN || errno == EINTR;
            }
            out_off += size_t(n);
        }
        out.clear();
        out_off = 0;
        return true;
    }
    int fill() {  // 1: may have data, 0: closed, -1: error
        if (in_off == in.size()) in.clear(), in_off = 0;
        char b[65536];
        for (;;) {
            ssize_t n;
            if (ssl) {
                ERR_clear_error();
                n = SSL_read(ssl, b, sizeof b);
                if (n <= 0) {
                    int e = SSL_get_error(ssl, int(n));
                    if (e == SSL_ERROR_WANT_READ) return 1;
                    if (e == SSL_ERROR_WANT_WRITE) return tls_want_out = true, 1;
                    return e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
                }
            } else {
                n = ::recv(fd, b, sizeof b, 0);
                if (n < 0) return errno == EAGAIN || errno == EINTR ? 1 : -1;
                if (n == 0) return 0;
            }
            in.append(b, size_t(n));
            if (!ssl && size_t(n) < sizeof b) return 1;
        }
    }
    bool line(std::string_view& l) {  // next CRLF line without its ending
        size_t p = in.find('\n', in_off);
        if (p == std::string::npos) return false;
        size_t e = p > in_off && in[p - 1] == '\r' ? p - 1 : p;
        l = std::string_view(in).substr(in_off, e - in_off);
        in_off = p + 1;
        return true;
    }
};
