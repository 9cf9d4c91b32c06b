// loader: SMTP load generator with AUTH PLAIN, STARTTLS / implicit TLS, persistent or per-message
// connections, closed loop or fixed rate, and an idle-connection mode. Prints one JSON line.
//
//   loader --target HOST:PORT [--conns 20] [--messages 1000] [--size 10240] [--per-conn 0]
//          [--tls none|starttls|implicit] [--resume] [--auth USER:PASS] [--no-pipelining]
//          [--rate MSGS_PER_S] [--domains 1] [--to-domain d.test] [--from bench@sender.test]
//          [--threads 1] [--timeout 600] [--first-seq 0]
//   loader --target HOST:PORT --idle N [--hold SECONDS] [--open-rate 2000] [--source-ips 1] ...
//
// --per-conn 0 keeps each connection for all its messages; 1 opens a new one for every message.
// Latencies: accept = from the final dot sent to its 250; total = from the planned start (with
// --rate) or from MAIL (closed loop, including a connect if one was needed) to the final 250.
#include "connection.h"

#include <algorithm>
#include <atomic>
#include <math.h>
#include <mutex>
#include <thread>
#include <vector>

struct Opt {
    std::string target = "127.0.0.1:25", auth, to_domain = "d.test", from = "bench@sender.test";
    long conns = 20, messages = 1000, size = 10240, per_conn = 0, domains = 1, threads = 1, idle = 0, source_ips = 1,
         first_seq = 0, recipients = 1;
    double rate = 0, timeout = 600, hold = 10, open_rate = 2000;
    bool starttls = false, implicit = false, resume = false, pipelining = true;
} o;
static sockaddr_in target;
static SSL_CTX* ctx;
static std::string body, auth_line;
static std::atomic<long> next_msg{0}, finished{0}, sent{0}, failed{0}, lost_conns{0}, connects{0}, resumed{0},
    greeted{0}, refused{0}, idle_open{0}, idle_closed{0};
static std::atomic<bool> stop{false};
static std::mutex mu;
static std::string first_error;
static std::vector<float> lat_accept, lat_total, lat_connect;
static int64_t t_start;
static std::atomic<int64_t> t_last{0};

static void note(const std::string& m) {
    std::lock_guard<std::mutex> l(mu);
    if (first_error.empty()) first_error = m;
}
static std::string b64(const std::string& s) {
    std::string r(4 * ((s.size() + 2) / 3) + 1, 0);
    r.resize(size_t(EVP_EncodeBlock((unsigned char*)r.data(), (const unsigned char*)s.data(), int(s.size()))));
    return r;
}

struct Session : Conn {
    enum S { Off, Connecting, Banner, Ehlo, Starttls, Handshake, Auth, Ready, Env, Dot, Quit, Held } s = Off;
    bool has_pipe = false, has_tls = false, rcpt_bad = false;
    int need = 0;  // replies still due for the envelope
    long seq = -1, done_here = 0;
    int64_t t_conn = 0, t_total = 0, t_dot = 0, t_retry = 0;
    SSL_SESSION* ticket = nullptr;
    int id = 0;
};

struct Worker {
    int ep = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Session> ss;
    std::vector<Session*> parked;  // ready, waiting for the clock (fixed rate)
    std::vector<float> la, lt, lc;

    void open_conn(Session& c) {
        int f = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
        if (f < 0) return note(std::string("socket: ") + strerror(errno)), (void)refused++;
        setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (o.source_ips > 1) {  // 127.0.0.2 and up: more than 28,000 ports
            sockaddr_in a{};
            a.sin_family = AF_INET;
            a.sin_addr.s_addr = htonl(0x7f000002u + uint32_t(c.id % o.source_ips));
            setsockopt(f, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
            if (bind(f, (sockaddr*)&a, sizeof a)) note(std::string("bind: ") + strerror(errno));
        }
        c.t_conn = mono_ns();
        connects++;
        c.s = Session::Connecting;
        c.done_here = 0;
        if (connect(f, (sockaddr*)&target, sizeof target) && errno != EINPROGRESS) {
            note(std::string("connect: ") + strerror(errno));
            ::close(f);
            c.fd = -1;
            c.s = Session::Off;
            c.t_retry = mono_ns() + 100000000;
            refused++;
            return;
        }
        c.attach(ep, f, &c, true);
    }
    void drop(Session& c, const char* why) {
        if (c.s == Session::Held) idle_closed++, idle_open--;
        bool busy = c.seq >= 0;
        if (why && (busy || (c.s != Session::Quit && c.s != Session::Ready))) {
            note(why);
            lost_conns++;
        }
        if (busy) failed++, finished++, c.seq = -1;
        parked.erase(std::remove(parked.begin(), parked.end(), &c), parked.end());
        c.close_now();
        c.s = Session::Off;
        if (why) c.t_retry = mono_ns() + 100000000;
    }
    void tls_start(Session& c) {
        c.ssl = SSL_new(ctx);
        SSL_set_fd(c.ssl, c.fd);
        if (o.resume && c.ticket) SSL_set_session(c.ssl, c.ticket);
        c.s = Session::Handshake;
    }
    bool take(Session& c) {  // claim a message; false when none is due
        if (c.seq >= 0) return true;
        if (o.rate > 0) {
            long k = next_msg;
            for (;;) {
                if (k >= o.messages || t_start + int64_t(double(k) / o.rate * 1e9) > mono_ns()) return false;
                if (next_msg.compare_exchange_weak(k, k + 1)) break;
            }
            c.seq = k;
            c.t_total = t_start + int64_t(double(k) / o.rate * 1e9);
            return true;
        }
        long k = next_msg++;
        if (k >= o.messages) return false;
        c.seq = k;
        c.t_total = c.done_here ? mono_ns() : c.t_conn;
        return true;
    }
    void rcpt(Session& c,
              long k) {  // the k-th recipient; domains are taken in turn over all recipients of all messages
        long n = c.seq * o.recipients + k;
        std::string dom = o.domains > 1 ? "d" + std::to_string(n % o.domains) + "." + o.to_domain : o.to_domain;
        c.out += "RCPT TO:<u" + std::to_string(n) + "@" + dom + ">\r\n";
    }
    void envelope(Session& c) {
        c.out += "MAIL FROM:<" + o.from + ">\r\n";
        c.rcpt_bad = false;
        c.need = int(o.recipients) + 2;
        c.s = Session::Env;
        if (!c.has_pipe) return;
        for (long k = 0; k < o.recipients; k++) rcpt(c, k);
        c.out += "DATA\r\n";
    }
    void content(Session& c) {
        char h[600], date[64];
        time_t t = time(nullptr);
        tm tmv;
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&t, &tmv));
        int n = snprintf(h, sizeof h,
                         "From: Bench <%s>\r\nTo: <u%ld@%s>\r\nSubject: message %ld of a load test\r\nDate: %s\r\n"
                         "Message-ID: <%ld.%lld@sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
                         "charset=us-ascii\r\nX-Bench-Id: %ld %lld\r\n\r\n",
                         o.from.c_str(), c.seq, o.to_domain.c_str(), c.seq, date, c.seq, (long long)mono_ns(),
                         o.first_seq + c.seq, (long long)mono_ns());
        c.out.append(h, size_t(n));
        c.out.append(body, 0, size_t(std::max<long>(0, o.size - n - 2)));
        if (c.out.back() == '\r') c.out.back() = 'x';  // cut within a line end, which a strict server refuses
        c.out += "\r\n.\r\n";
        c.s = Session::Dot;
        c.t_dot = mono_ns();
    }
    void next(Session& c) {  // the session is ready for a message
        c.s = Session::Ready;
        if (o.idle) {
            c.s = Session::Held;
            idle_open++;
            return;
        }
        if (c.seq < 0 && o.per_conn && c.done_here >= o.per_conn) {
            c.out += "QUIT\r\n";
            c.s = Session::Quit;
        } else if (take(c))
            envelope(c);
        else if (next_msg >= o.messages) {
            c.out += "QUIT\r\n";
            c.s = Session::Quit;
        } else
            parked.push_back(&c);
    }
    // One reply line that ends a reply ("NNN text"); false: drop.
    bool reply(Session& c, int code, std::string_view l) {
        switch (c.s) {
            case Session::Banner:
                if (code != 220) return note("banner: " + std::string(l)), false;
                greeted++;
                c.out += "EHLO loader.test\r\n";
                c.s = Session::Ehlo;
                break;
            case Session::Ehlo:
                if (code != 250) return note("ehlo: " + std::string(l)), false;
                if (o.starttls && !c.ssl) {
                    if (!c.has_tls) return note("no STARTTLS offered"), false;
                    c.out += "STARTTLS\r\n";
                    c.s = Session::Starttls;
                } else if (!o.auth.empty()) {
                    c.out += auth_line;
                    c.s = Session::Auth;
                } else {
                    lc.push_back(float(mono_ns() - c.t_conn) * 1e-6f);
                    next(c);
                }
                break;
            case Session::Starttls:
                if (code != 220) return note("starttls: " + std::string(l)), false;
                c.in.clear();
                c.in_off = 0;
                tls_start(c);
                break;
            case Session::Auth:
                if (code != 235) return note("auth: " + std::string(l)), false;
                lc.push_back(float(mono_ns() - c.t_conn) * 1e-6f);
                next(c);
                break;
            case Session::Env:
                c.need--;
                if (code >= 400) c.rcpt_bad = true, note("envelope: " + std::string(l));
                if (c.need == 0) {
                    if (code != 354) return false;
                    content(c);
                } else if (!c.has_pipe) {
                    if (c.rcpt_bad) return false;
                    if (c.need >= 2)
                        rcpt(c, o.recipients + 1 - c.need);
                    else
                        c.out += "DATA\r\n";
                }
                break;
            case Session::Dot: {
                if (code != 250) return note("data: " + std::string(l)), false;
                int64_t now = mono_ns();
                la.push_back(float(now - c.t_dot) * 1e-6f);
                lt.push_back(float(now - c.t_total) * 1e-6f);
                sent++;
                t_last = now;
                finished++;
                c.seq = -1;
                c.done_here++;
                next(c);
                break;
            }
            default: return false;
        }
        return true;
    }
    bool handshake(Session& c) {
        ERR_clear_error();
        int r = SSL_connect(c.ssl);
        if (r != 1) {
            int e = SSL_get_error(c.ssl, r);
            c.tls_want_out = e == SSL_ERROR_WANT_WRITE;
            if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return true;
            return note("tls handshake failed"), false;
        }
        c.tls_want_out = false;
        if (SSL_session_reused(c.ssl)) resumed++;
        if (o.implicit)
            c.s = Session::Banner;
        else {
            c.out += "EHLO loader.test\r\n";
            c.s = Session::Ehlo;
        }
        return true;
    }
    void event(Session& c, uint32_t evs) {
        if (c.fd < 0) return;
        if (c.s == Session::Connecting) {
            int err = 0;
            socklen_t l = sizeof err;
            getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &err, &l);
            if (err) {
                refused++;
                errno = err;
                note(std::string("connect: ") + strerror(err));
                return drop(c, "connect failed");
            }
            if (o.implicit)
                tls_start(c);
            else
                c.s = Session::Banner;
        }
        if (c.s == Session::Handshake && !handshake(c)) return drop(c, "tls");
        int r = 1;
        if (c.s != Session::Handshake && (evs & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
            r = c.fill();
            std::string_view l;
            while (c.s != Session::Handshake && c.line(l)) {
                if (c.s == Session::Ehlo && l.size() > 4) {
                    std::string_view k = l.substr(4);
                    if (k == "PIPELINING") c.has_pipe = o.pipelining;
                    if (k == "STARTTLS") c.has_tls = true;
                }
                if (l.size() > 3 && l[3] == '-') continue;
                if (!reply(c, atoi(std::string(l.substr(0, 3)).c_str()), l))
                    return drop(c, c.s == Session::Quit ? nullptr : "bad reply");
            }
            if (c.s == Session::Handshake && !handshake(c)) return drop(c, "tls");
        }
        if (r <= 0 || !c.flush()) return drop(c, "connection closed by server");
        if (o.resume && c.ssl && c.s == Session::Quit) {
            SSL_SESSION_free(c.ticket);
            c.ticket = SSL_get1_session(c.ssl);
        }
        c.interest(ep, &c);
    }
    bool more() const { return finished < o.messages && (next_msg < o.messages); }

    void run(int share) {
        ss.resize(size_t(share));
        for (int i = 0; i < share; i++) ss[size_t(i)].id = i;
        int64_t end = t_start + int64_t(o.timeout * 1e9);
        epoll_event ev[256];
        size_t opened = 0;
        int64_t full_since = 0;
        while (!stop && mono_ns() < end) {
            if (o.idle) {
                size_t due = size_t(double(mono_ns() - t_start) / 1e9 * o.open_rate);
                for (; opened < ss.size() && opened < due; opened++) open_conn(ss[opened]);
                if (opened == ss.size() && !full_since) full_since = mono_ns();
                if (full_since && mono_ns() > full_since + int64_t(o.hold * 1e9)) break;
            } else {
                bool live = false;
                for (auto& c : ss) {
                    if (c.s == Session::Off && more() && mono_ns() >= c.t_retry && refused < 10 * o.conns) open_conn(c);
                    live |= c.s != Session::Off;
                }
                if (finished >= o.messages || (!live && (!more() || refused >= 10 * o.conns))) break;
            }
            int wait = 100;
            if (!parked.empty()) {
                std::vector<Session*> p;
                p.swap(parked);
                for (Session* c : p) {
                    next(*c);
                    if (!c->flush())
                        drop(*c, "connection closed by server");
                    else
                        c->interest(ep, c);
                }
                wait = 1;
            }
            if (o.idle && opened < ss.size()) wait = 1;
            int n = epoll_wait(ep, ev, 256, wait);
            for (int i = 0; i < n; i++) event(*(Session*)ev[i].data.ptr, ev[i].events);
        }
        int64_t bye = mono_ns() + 2000000000;  // let QUIT replies come in
        for (bool live = true; !o.idle && live && mono_ns() < bye;) {
            live = false;
            for (auto& c : ss) {
                if (c.s == Session::Ready) {
                    c.out += "QUIT\r\n";
                    c.s = Session::Quit;
                    c.flush();
                }
                live |= c.s == Session::Quit;
            }
            if (!live) break;
            int n = epoll_wait(ep, ev, 256, 50);
            for (int i = 0; i < n; i++) event(*(Session*)ev[i].data.ptr, ev[i].events);
        }
        for (auto& c : ss) c.close_now();
        std::lock_guard<std::mutex> l(mu);
        lat_accept.insert(lat_accept.end(), la.begin(), la.end());
        lat_total.insert(lat_total.end(), lt.begin(), lt.end());
        lat_connect.insert(lat_connect.end(), lc.begin(), lc.end());
    }
};

static std::string quant(std::vector<float>& v) {
    if (v.empty()) return "null";
    std::sort(v.begin(), v.end());
    auto q = [&](double p) { return v[std::min(v.size() - 1, size_t(double(v.size()) * p))]; };
    char b[160];
    snprintf(b, sizeof b, "{\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", q(.5), q(.95), q(.99),
             q(.999), v.back());
    return b;
}

// False: an option is unknown.
static bool read_options(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        auto v = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
        auto n = [&] { return atol(v().c_str()); };
        if (a == "--target")
            o.target = v();
        else if (a == "--conns")
            o.conns = n();
        else if (a == "--messages")
            o.messages = n();
        else if (a == "--size")
            o.size = n();
        else if (a == "--per-conn")
            o.per_conn = n();
        else if (a == "--domains")
            o.domains = n();
        else if (a == "--to-domain")
            o.to_domain = v();
        else if (a == "--from")
            o.from = v();
        else if (a == "--threads")
            o.threads = n();
        else if (a == "--timeout")
            o.timeout = atof(v().c_str());
        else if (a == "--rate")
            o.rate = atof(v().c_str());
        else if (a == "--auth")
            o.auth = v();
        else if (a == "--resume")
            o.resume = true;
        else if (a == "--no-pipelining")
            o.pipelining = false;
        else if (a == "--idle")
            o.idle = n();
        else if (a == "--hold")
            o.hold = atof(v().c_str());
        else if (a == "--open-rate")
            o.open_rate = atof(v().c_str());
        else if (a == "--source-ips")
            o.source_ips = n();
        else if (a == "--first-seq")
            o.first_seq = n();
        else if (a == "--recipients")
            o.recipients = std::max(1L, n());
        else if (a == "--tls") {
            std::string m = v();
            o.starttls = m == "starttls";
            o.implicit = m == "implicit";
        } else {
            fprintf(stderr, "unknown option %s\n", a.c_str());
            return false;
        }
    }
    return true;
}

static void print_result() {
    double el = double((t_last ? t_last.load() : mono_ns()) - t_start) * 1e-9;  // until the last 250
    rusage ru{};
    getrusage(RUSAGE_SELF, &ru);
    double cpu =
        double(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + double(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1e-6;
    for (char& ch : first_error)
        if (ch == '"' || ch == '\\' || (unsigned char)ch < 32) ch = '\'';
    printf(
        "{\"tool\":\"loader\",\"sent\":%ld,\"failed\":%ld,\"elapsed_s\":%.4f,\"rate\":%.1f,\"connects\":%ld,"
        "\"refused\":%ld,\"lost_conns\":%ld,\"tls_resumed\":%ld,"
        "\"greeted\":%ld,\"idle_held\":%ld,\"idle_closed\":%ld,\"accept_ms\":%s,\"total_ms\":%s,\"connect_ms\":%s,"
        "\"cpu_s\":%.3f,\"first_error\":\"%s\"}\n",
        sent.load(), failed.load(), el, double(sent) / el, connects.load(), refused.load(), lost_conns.load(),
        resumed.load(), greeted.load(), idle_open.load(), idle_closed.load(), quant(lat_accept).c_str(),
        quant(lat_total).c_str(), quant(lat_connect).c_str(), cpu, first_error.c_str());
}

int main(int argc, char** argv) {
    if (!read_options(argc, argv)) return 2;
    raise_nofile();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, [](int) { stop = true; });
    signal(SIGINT, [](int) { stop = true; });
    target = parse_addr(o.target);
    if (o.starttls || o.implicit) {  // a load test on loopback: certificates are not checked
        ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
    if (size_t c = o.auth.find(':'); c != std::string::npos)
        auth_line = "AUTH PLAIN " +
                    b64(std::string(1, 0) + o.auth.substr(0, c) + std::string(1, 0) + o.auth.substr(c + 1)) + "\r\n";
    for (uint64_t x = 88172645463325252ULL, col = 0;
         body.size() < size_t(o.size);) {  // text-like lines, never a leading dot
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        body += col % 6 == 5 ? ' ' : char('a' + x % 26);
        if (++col == 76) body += "\r\n", col = 0;
    }
    if (o.idle)
        o.conns = o.idle, o.threads = 1, o.timeout = std::max(o.timeout, o.hold + double(o.idle) / o.open_rate + 60);
    o.threads = std::max<long>(1, std::min(o.threads, o.conns));
    t_start = mono_ns();
    std::vector<Worker> ws(size_t(o.threads));
    std::vector<std::thread> ts;
    for (long i = 0; i < o.threads; i++)
        ts.emplace_back([&, i] { ws[size_t(i)].run(int(o.conns / o.threads + (i < o.conns % o.threads))); });
    if (o.idle) {  // report each second, for the driver
        int64_t end = t_start + int64_t((o.hold + double(o.idle) / o.open_rate) * 1e9);
        while (!stop && mono_ns() < end) {
            usleep(500000);
            fprintf(stderr, "idle_open=%ld greeted=%ld refused=%ld closed=%ld\n", idle_open.load(), greeted.load(),
                    refused.load(), idle_closed.load());
        }
    }
    for (auto& t : ts) t.join();
    print_result();
    return failed || (!o.idle && sent < o.messages) ? 1 : 0;
}
