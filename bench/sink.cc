// sink: counting SMTP sink. Accepts every message, checks X-Bench-Id for loss and duplicates,
// keeps counters in a shared file that the driver reads, and takes its delay from that file,
// so that a slow destination can turn fast without a restart (smtp-sink cannot do that).
//
//   sink --listen 127.0.0.1:PORT --stats FILE [--delay-ms N] [--tempfail PCT]
//        [--max-conns N] [--cert PEM --key PEM] [--life SECONDS] [--no-pipelining] [--bad-net N]
//
// --bad-net: clients that connect to 127.N.x.y get nothing if y is even, and 5 s of thought for each message if it is
// odd; what comes there is not counted.
//
// Single thread, epoll. Ends by itself after --life seconds (default 3600) or on SIGTERM.
#include "connection.h"

#include <algorithm>
#include <map>
#include <math.h>
#include <sys/mman.h>
#include <vector>

struct Stats {  // layout known to bench.py: 64-bit little-endian words
    uint64_t magic, delay_ms, messages, bytes, unique, dups, no_id, conns_total, conns_now, conns_peak, tempfailed,
        first_ns, last_ns, tls, tls_resumed, signed_, spare[15];
    uint64_t hist[512];  // end-to-end latency, bucket = 16 * log2(microseconds)
};
static Stats* st;
static int ep;
static bool pipelining = true;
static long max_conns = 5000, tempfail = 0, bad_net = -1;
constexpr int64_t slow_ns = 5'000'000'000;
// What a client connected to: 0 a good address, 1 a dead one, 2 a slow one.
static int badness(int fd) {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    if (bad_net < 0 || getsockname(fd, (sockaddr*)&at, &size)) return 0;
    uint32_t address = ntohl(at.sin_addr.s_addr);
    if (long(address >> 16 & 255) != bad_net) return 0;
    return address & 1 ? 2 : 1;
}
static SSL_CTX* tls;
static std::vector<bool> seen;
static volatile sig_atomic_t stopping;
static int ls = -1;
static bool accepting = true;
static void want_accept(bool on) {
    if (on == accepting) return;
    epoll_event e{};
    e.events = on ? EPOLLIN : 0u;
    e.data.ptr = nullptr;
    epoll_ctl(ep, EPOLL_CTL_MOD, ls, &e);
    accepting = on;
}

struct Client : Conn {
    enum S { Cmd, Data, Handshake } s = Cmd;
    bool delayed = false, quit = false, dead = false, slow = false;
    std::string head;  // first bytes of the message, to find the id
    size_t msg_bytes = 0;
    unsigned tail = 0x0d0a;  // last bytes, to find CRLF.CRLF
    std::multimap<int64_t, Client*>::iterator timer;
};
static std::multimap<int64_t, Client*> timers;
static std::vector<Client*> graveyard;

static void message_done(Client& c) {
    if (c.slow) {
        c.head.clear();
        c.msg_bytes = 0;
        return;
    }
    int64_t now = mono_ns();
    if (!st->messages) st->first_ns = uint64_t(now);
    st->messages++;
    st->bytes += c.msg_bytes;
    size_t p = c.head.find("\nX-Bench-Id: ");
    long long seq, t;
    if (p != std::string::npos && sscanf(c.head.c_str() + p + 13, "%lld %lld", &seq, &t) == 2 && seq >= 0 &&
        seq < 200000000) {
        if (size_t(seq) >= seen.size()) seen.resize(std::max<size_t>(size_t(seq) + 1, seen.size() * 2 + 65536));
        if (seen[size_t(seq)])
            st->dups++;
        else
            seen[size_t(seq)] = true, st->unique++;
        double us = std::max<double>(1, double(now - t) / 1e3);
        st->hist[std::min<size_t>(511, size_t(16 * log2(us)))]++;
    } else {
        st->no_id++;
    }
    if (strcasestr(c.head.c_str(), "DKIM-Signature:")) st->signed_++;
    st->last_ns = uint64_t(mono_ns());
    c.head.clear();
    c.msg_bytes = 0;
}

static void bury(Client& c) {
    if (c.dead) return;
    c.dead = true;
    if (c.delayed) timers.erase(c.timer);
    c.close_now();
    st->conns_now--;
    want_accept(true);
    graveyard.push_back(&c);
}

// Consumes message bytes; true when the final dot was seen.
static bool eat_data(Client& c) {
    const char* b = c.in.data() + c.in_off;
    size_t n = c.in.size() - c.in_off, i = 0;
    bool done = false;
    while (i < n) {
        if (c.tail != 0x0d0a2e0d && c.tail != 0x0d0a2e && c.tail != 0x0d0a && c.tail != 0x0d) {  // skip to the next CR
            const char* q = (const char*)memchr(b + i, '\r', n - i);
            if (!q) {
                i = n;
                c.tail = 0;
                break;
            }
            i = size_t(q - b) + 1;
            c.tail = 0x0d;
            continue;
        }
        unsigned char ch = (unsigned char)b[i++];
        if (c.tail == 0x0d && ch == '\n')
            c.tail = 0x0d0a;
        else if (c.tail == 0x0d0a && ch == '.')
            c.tail = 0x0d0a2e;
        else if (c.tail == 0x0d0a2e && ch == '\r')
            c.tail = 0x0d0a2e0d;
        else if (c.tail == 0x0d0a2e0d && ch == '\n') {
            done = true;
            break;
        } else
            c.tail = ch == '\r' ? 0x0d : 0;
    }
    if (c.head.size() < 16384) c.head.append(b, std::min(i, 16384 - c.head.size()));
    c.msg_bytes += i;
    c.in_off += i;
    return done;
}

static bool advance(Client& c) {  // false: close
    std::string_view l;
    while (!c.delayed && !c.quit) {
        if (c.s == Client::Handshake) {
            ERR_clear_error();
            int r = SSL_accept(c.ssl);
            if (r != 1) {
                int e = SSL_get_error(c.ssl, r);
                c.tls_want_out = e == SSL_ERROR_WANT_WRITE;
                return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
            }
            st->tls++;
            if (SSL_session_reused(c.ssl)) st->tls_resumed++;
            c.s = Client::Cmd;
            if (c.fill() <= 0) return false;
        }
        if (c.s == Client::Data) {
            if (!eat_data(c)) break;
            message_done(c);
            c.s = Client::Cmd;
            c.out += "250 2.0.0 Ok\r\n";
            continue;
        }
        if (!c.line(l)) {
            if (c.in.size() - c.in_off > 8192) return false;
            break;
        }
        auto is = [&](const char* k) { return l.size() >= 4 && !strncasecmp(l.data(), k, 4); };
        if (is("MAIL") || is("RSET") || is("NOOP"))
            c.out += "250 2.1.0 Ok\r\n";
        else if (is("RCPT")) {
            if (tempfail && rand() % 100 < tempfail) {
                st->tempfailed++;
                c.out += "451 4.3.0 Try again\r\n";
            } else
                c.out += "250 2.1.5 Ok\r\n";
        } else if (is("DATA")) {
            c.s = Client::Data;
            c.tail = 0x0d0a;
            if (st->delay_ms || c.slow) {
                c.delayed = true;
                c.timer = timers.emplace(mono_ns() + (c.slow ? slow_ns : int64_t(st->delay_ms) * 1000000), &c);
                break;
            }
            c.out += "354 Go ahead\r\n";
        } else if (is("EHLO")) {
            c.out += "250-sink.test\r\n250-SIZE 104857600\r\n";
            if (pipelining) c.out += "250-PIPELINING\r\n";
            if (tls && !c.ssl) c.out += "250-STARTTLS\r\n";
            c.out += "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n";
        } else if (is("HELO"))
            c.out += "250 sink.test\r\n";
        else if (is("STAR") && tls && !c.ssl) {
            c.out += "220 2.0.0 Go\r\n";
            if (!c.flush()) return false;
            c.in.clear();
            c.in_off = 0;
            c.ssl = SSL_new(tls);
            SSL_set_fd(c.ssl, c.fd);
            c.s = Client::Handshake;
        } else if (is("QUIT")) {
            c.out += "221 2.0.0 Bye\r\n";
            c.quit = true;
        } else
            c.out += "502 5.5.1 What?\r\n";
    }
    if (!c.flush()) return false;
    if (c.quit && c.out.empty()) return false;
    c.interest(ep, &c);
    return true;
}

int main(int argc, char** argv) {
    std::string listen_at = "127.0.0.1:2600", stats, cert, key;
    long delay = 0, life = 3600;
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        auto v = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
        if (a == "--listen")
            listen_at = v();
        else if (a == "--stats")
            stats = v();
        else if (a == "--delay-ms")
            delay = atol(v().c_str());
        else if (a == "--tempfail")
            tempfail = atol(v().c_str());
        else if (a == "--max-conns")
            max_conns = atol(v().c_str());
        else if (a == "--cert")
            cert = v();
        else if (a == "--key")
            key = v();
        else if (a == "--life")
            life = atol(v().c_str());
        else if (a == "--no-pipelining")
            pipelining = false;
        else if (a == "--bad-net")
            bad_net = atol(v().c_str());
        else {
            fprintf(stderr, "unknown option %s\n", a.c_str());
            return 2;
        }
    }
    raise_nofile();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, [](int) { stopping = 1; });
    signal(SIGINT, [](int) { stopping = 1; });
    int sf = stats.empty() ? -1 : open(stats.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!stats.empty() && (sf < 0 || ftruncate(sf, sizeof(Stats)))) die(stats);
    st = (Stats*)mmap(nullptr, sizeof(Stats), PROT_READ | PROT_WRITE, sf < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED,
                      sf, 0);
    if (st == MAP_FAILED) die("mmap");
    st->delay_ms = uint64_t(delay);
    if (!cert.empty()) {
        tls = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(tls, cert.c_str()) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, key.c_str(), SSL_FILETYPE_PEM) != 1) {
            fprintf(stderr, "cannot load %s / %s\n", cert.c_str(), key.c_str());
            return 1;
        }
    }
    sockaddr_in sa = parse_addr(listen_at);
    int one = 1;
    ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(ls, (sockaddr*)&sa, sizeof sa) || listen(ls, 4096)) die("listen " + listen_at);
    ep = epoll_create1(EPOLL_CLOEXEC);
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = nullptr;
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
    st->magic = 0x52454c45564f0001ULL;  // ready
    int64_t end = mono_ns() + life * 1000000000LL;
    epoll_event ev[256];
    while (!stopping && mono_ns() < end) {
        int64_t now = mono_ns(), wait = 200;
        if (!timers.empty()) wait = std::clamp<int64_t>((timers.begin()->first - now) / 1000000 + 1, 0, 200);
        int n = epoll_wait(ep, ev, 256, int(wait));
        now = mono_ns();
        // a delay set back to 0 releases everyone who waits
        while (!timers.empty() && (timers.begin()->first <= now || (!st->delay_ms && bad_net < 0))) {
            Client& c = *timers.begin()->second;
            timers.erase(timers.begin());
            c.delayed = false;
            c.out += "354 Go ahead\r\n";
            if (!advance(c)) bury(c);
        }
        for (int i = 0; i < n; i++) {
            if (!ev[i].data.ptr) {
                for (int k = 0; k < 64 && long(st->conns_now) < max_conns; k++) {
                    int f = accept4(ls, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
                    if (f < 0) break;
                    setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    int bad = badness(f);
                    if (bad == 1) {
                        close(f);
                        continue;
                    }
                    Client* c = new Client;
                    c->slow = bad == 2;
                    st->conns_total++;
                    st->conns_peak = std::max(st->conns_peak, ++st->conns_now);
                    c->attach(ep, f, c, false);
                    c->out = "220 sink.test ESMTP\r\n";
                    if (!advance(*c)) bury(*c);
                }
                if (long(st->conns_now) >= max_conns) want_accept(false);
                continue;
            }
            Client& c = *(Client*)ev[i].data.ptr;
            if (c.dead) continue;
            int r = 1;
            if (c.s != Client::Handshake && (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) r = c.fill();
            bool keep = advance(c);
            if (!keep || r <= 0) bury(c);
        }
        for (Client* c : graveyard) delete c;
        graveyard.clear();
    }
    return 0;
}
