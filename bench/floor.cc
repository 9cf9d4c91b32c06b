// floor: not a mail server, but the least work that the job contains, to learn what a machine allows:
// SMTP in -> one shared log with group commit (fdatasync before 250) -> optional signature -> SMTP out.
// No queue scheduling, no retries, no headers added but the signature, no recovery, no checks.
//
//   floor --listen 127.0.0.1:PORT --out 127.0.0.1:SINKPORT --log FILE [--threads 2] [--out-conns 8]
//         [--sign none|rsa|ed25519] [--nosync] [--life SECONDS]
#include "connection.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <sys/eventfd.h>
#include <thread>
#include <vector>

static sockaddr_in in_addr_, out_addr_;
static int log_fd = -1;
static bool sync_on = true;
static EVP_PKEY* key;
static bool ed;
static std::atomic<bool> stop{false};

struct Commit {  // one log, one thread that writes and syncs, many that wait
    std::mutex mu;
    std::condition_variable cv;
    std::string pend;
    uint64_t ticket = 0;
    std::atomic<uint64_t> done{0};
    std::vector<int> wake;
    static constexpr size_t kArea = size_t(1) << 30;
    uint64_t add(const char* head, size_t hl, const char* body, size_t bl) {
        std::lock_guard<std::mutex> l(mu);
        pend.append(head, hl).append(body, bl);
        if (ticket++ == done || pend.size() > (1 << 20)) cv.notify_one();
        return ticket;
    }
    void run() {
        std::string batch;
        off_t off = 0;
        std::unique_lock<std::mutex> l(mu);
        while (!stop) {
            if (pend.empty()) cv.wait_for(l, std::chrono::milliseconds(100));
            if (pend.empty()) continue;
            batch.clear();
            batch.swap(pend);
            uint64_t upto = ticket;
            l.unlock();
            batch.resize((batch.size() + 4095) & ~size_t(4095));
            if (size_t(off) + batch.size() > kArea) off = 0;
            if (pwrite(log_fd, batch.data(), batch.size(), off) < 0) die("log");
            if (sync_on && fdatasync(log_fd)) die("fdatasync");
            off += off_t(batch.size());
            done = upto;
            for (int f : wake) {
                uint64_t one = 1;
                if (write(f, &one, 8) < 0) die("eventfd");
            }
            l.lock();
        }
    }
} commit_log;

struct Msg {
    std::string rcpt, data;
};
struct Peer : Conn {
    enum S { Cmd, Data, Wait, OConn, OBanner, OHelo, OIdle, OEnv, ODot } s = Cmd;
    bool outbound = false, dead = false;
    int need = 0;
    uint64_t ticket = 0;
    Msg m;
};

static std::string sign(const std::string& data) {
    size_t b = data.find("\r\n\r\n");
    unsigned char h[32], sig[512];
    unsigned hl;
    EVP_Digest(data.data() + b + 4, data.size() - b - 4, h, &hl, EVP_sha256(), nullptr);
    std::string in = data.substr(0, b) + std::string((char*)h, 32);
    static thread_local EVP_MD_CTX* c = EVP_MD_CTX_new();
    size_t sl = sizeof sig;
    EVP_MD_CTX_reset(c);
    EVP_DigestSignInit(c, nullptr, ed ? nullptr : EVP_sha256(), nullptr, key);
    if (EVP_DigestSign(c, sig, &sl, (const unsigned char*)in.data(), in.size()) != 1) die("sign");
    char out[700] = "DKIM-Signature: b=";
    EVP_EncodeBlock((unsigned char*)out + 18, sig, int(sl));
    return std::string(out) + "\r\n";
}

struct Worker {
    int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), ls = -1;
    std::deque<Peer*> waiting;  // in ticket order
    std::deque<Msg> queue;
    std::vector<Peer*> idle, outs, grave;
    char tag_ls, tag_ev;

    void kick() {
        while (!queue.empty() && !idle.empty()) {
            Peer* p = idle.back();
            idle.pop_back();
            p->m = std::move(queue.front());
            queue.pop_front();
            p->out += "MAIL FROM:<b@sender.test>\r\nRCPT TO:<" + p->m.rcpt + ">\r\nDATA\r\n";
            p->need = 3;
            p->s = Peer::OEnv;
            finish(*p, p->flush());
        }
    }
    void finish(Peer& p, bool ok) {
        if (ok) return p.interest(ep, &p);
        if (p.dead) return;
        if (p.outbound) die("sink closed");
        p.dead = true;
        if (p.s == Peer::Wait) waiting.erase(std::find(waiting.begin(), waiting.end(), &p));
        p.close_now();
        grave.push_back(&p);
    }
    bool handle(Peer& p) {
        std::string_view l;
        for (;;) {
            if (p.s == Peer::Wait) return p.flush();
            if (p.s == Peer::Data) {
                size_t from = p.in_off, e = p.in.find("\r\n.\r\n", p.need > 4 ? from + size_t(p.need) - 4 : from);
                if (e == std::string::npos) {
                    p.need = int(p.in.size() - from);
                    return p.flush();
                }
                p.m.data.assign(p.in, from, e + 2 - from);
                p.in_off = e + 5;
                p.need = 0;
                if (key) p.m.data.insert(0, sign(p.m.data));
                p.ticket = commit_log.add(p.m.rcpt.data(), p.m.rcpt.size(), p.m.data.data(), p.m.data.size());
                p.s = Peer::Wait;
                waiting.push_back(&p);
                continue;
            }
            if (!p.line(l)) return p.flush();
            if (!p.outbound) {
                auto is = [&](const char* k) { return l.size() >= 4 && !strncasecmp(l.data(), k, 4); };
                if (is("RCPT")) {
                    size_t a = l.find('<'), b = l.find('>');
                    p.m.rcpt = std::string(l.substr(a + 1, b - a - 1));
                    p.out += "250 2.1.5 Ok\r\n";
                } else if (is("DATA"))
                    p.out += "354 Go\r\n", p.s = Peer::Data, p.need = 0;
                else if (is("EHLO"))
                    p.out += "250-floor\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
                else if (is("QUIT"))
                    return p.out += "221 Bye\r\n", p.flush(), false;
                else
                    p.out += "250 2.0.0 Ok\r\n";
                continue;
            }
            if (l.size() > 3 && l[3] == '-') continue;
            if (p.s == Peer::OBanner)
                p.out += "EHLO floor\r\n", p.s = Peer::OHelo;
            else if (p.s == Peer::OEnv && --p.need == 0)
                p.out += p.m.data, p.out += ".\r\n", p.s = Peer::ODot;
            else if (p.s == Peer::OHelo || p.s == Peer::ODot) {
                if (p.s == Peer::ODot) commit_log.add("done", 4, p.m.rcpt.data(), p.m.rcpt.size());
                if (l[0] != '2') die("sink said " + std::string(l));
                p.s = Peer::OIdle;
                idle.push_back(&p);
            }
        }
    }
    void run(int conns) {
        int one = 1;
        ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(ls, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        if (bind(ls, (sockaddr*)&in_addr_, sizeof in_addr_) || listen(ls, 4096)) die("listen");
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.ptr = &tag_ls;
        epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
        e.data.ptr = &tag_ev;
        epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e);
        epoll_event evs[256];
        while (!stop) {
            if (!queue.empty() && int(outs.size()) < conns) {
                Peer* p = new Peer;
                int f = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                if (connect(f, (sockaddr*)&out_addr_, sizeof out_addr_) && errno != EINPROGRESS) die("connect");
                p->outbound = true;
                p->s = Peer::OBanner;
                p->attach(ep, f, p, true);
                outs.push_back(p);
            }
            int n = epoll_wait(ep, evs, 256, 100);
            for (int i = 0; i < n; i++) {
                if (evs[i].data.ptr == &tag_ls) {
                    for (int f; (f = accept4(ls, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
                        setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                        Peer* p = new Peer;
                        p->attach(ep, f, p, false);
                        p->out = "220 floor ESMTP\r\n";
                        finish(*p, p->flush());
                    }
                } else if (evs[i].data.ptr == &tag_ev) {
                    uint64_t v;
                    if (read(ev, &v, 8) < 0) continue;
                    uint64_t d = commit_log.done;
                    while (!waiting.empty() && waiting.front()->ticket <= d) {
                        Peer* p = waiting.front();
                        waiting.pop_front();
                        queue.push_back(std::move(p->m));
                        p->m = Msg();
                        p->s = Peer::Cmd;
                        p->out += "250 2.0.0 Ok: queued\r\n";
                        finish(*p, handle(*p));
                    }
                } else {
                    Peer& p = *(Peer*)evs[i].data.ptr;
                    if (p.dead) continue;
                    int r = evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? p.fill() : 1;
                    finish(p, handle(p) && r > 0);
                }
            }
            kick();
            for (Peer* p : grave) delete p;
            grave.clear();
        }
    }
};

int main(int argc, char** argv) {
    std::string li, out, log, sg = "none";
    int threads = 2, conns = 8, life = 600;
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        auto v = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
        if (a == "--listen")
            li = v();
        else if (a == "--out")
            out = v();
        else if (a == "--log")
            log = v();
        else if (a == "--threads")
            threads = atoi(v().c_str());
        else if (a == "--out-conns")
            conns = atoi(v().c_str());
        else if (a == "--sign")
            sg = v();
        else if (a == "--life")
            life = atoi(v().c_str());
        else if (a == "--nosync")
            sync_on = false;
    }
    raise_nofile();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, [](int) { stop = true; });
    in_addr_ = parse_addr(li);
    out_addr_ = parse_addr(out);
    ed = sg == "ed25519";
    if (sg != "none") key = ed ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519") : EVP_RSA_gen(2048);
    log_fd = open(log.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log_fd < 0) die(log);
    std::string z(1 << 20, 0);  // written once, so that later commits change no file metadata
    for (size_t o = 0; o < Commit::kArea; o += z.size())
        if (pwrite(log_fd, z.data(), z.size(), off_t(o)) < 0) die("log");
    if (fsync(log_fd)) die("fsync");
    std::vector<Worker> ws{size_t(threads)};
    std::vector<std::thread> ts;
    for (auto& w : ws) commit_log.wake.push_back(w.ev);
    ts.emplace_back([] { commit_log.run(); });
    for (auto& w : ws) ts.emplace_back([&] { w.run(conns); });
    for (int i = 0; i < life * 10 && !stop; i++) usleep(100000);
    stop = true;
    for (auto& t : ts) t.join();
    unlink(log.c_str());
}
