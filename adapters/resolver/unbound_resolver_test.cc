#include "adapters/resolver/unbound_resolver.h"

#include "adapters/resolver/answer_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <optional>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace relevo::resolver {
namespace {

using dns::RecordType;
using std::chrono::milliseconds;
using std::chrono::seconds;

// 127.200.53.53, of this test alone: a port that is free there by UDP is free by TCP too, and stays so while it changes
// hands, whatever other tests bind.
constexpr std::uint32_t own_address = 0x7fc83535;

// A UDP socket on a port of the system's choice, which never answers.
struct SilentServer {
    SilentServer() : descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(own_address);
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), length), 0);
        EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length), 0);
        port = ntohs(address.sin_port);
    }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    ~SilentServer() { ::close(descriptor); }
    [[nodiscard]] std::string address() const { return fmt::format("127.200.53.53@{}", port); }
    int descriptor;
    std::uint16_t port = 0;
};

constexpr std::string_view zone_data = R"(
server:
    interface: 127.200.53.53@{0}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    chroot: ""
    username: ""
    directory: "{1}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    module-config: "iterator"
    local-zone: "mail.example." static
    local-data: "mail.example. 300 IN MX 20 mx2.mail.example."
    local-data: "mail.example. 300 IN MX 10 MX1.Mail.Example."
    local-data: "mx1.mail.example. 300 IN A 192.0.2.1"
    local-data: "mx1.mail.example. 300 IN AAAA 2001:db8::1"
    local-data: 'txt.mail.example. 300 IN TXT "v=spf1 " "-all"'
    local-data: "null.mail.example. 300 IN MX 0 ."
    local-zone: "bogus.example." static
    local-data: "bogus.example. 300 IN A 192.0.2.66"
    local-zone: "refused.example." always_refuse
    local-zone: "real.test." static
    local-data: "real.test. 300 IN A 192.0.2.9"
remote-control:
    control-enable: no
)";

std::uint16_t free_port() {
    const SilentServer until_now;
    return until_now.port;
}

// Debian's unbound as the server of a few zones on loopback, on a port of the system's choice or the one that is given.
class Server {
 public:
    explicit Server(std::uint16_t port = free_port()) : port_(port) {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-dns-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        const std::string file = folder_ + "/unbound.conf";
        std::ofstream(file) << fmt::format(fmt::runtime(zone_data), port_, folder_);
        const char* arguments[] = {"unbound", "-p", "-c", file.c_str(), nullptr};
        const int problem = ::posix_spawn(&process_, "/usr/sbin/unbound", nullptr, nullptr,
                                          const_cast<char* const*>(arguments), environ);
        EXPECT_EQ(problem, 0) << "the tests need Debian's package unbound";
        wait_until_it_listens();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        if (process_ > 0) {
            ::kill(process_, SIGTERM);
            ::waitpid(process_, nullptr, 0);
        }
        std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] std::string address() const { return fmt::format("127.200.53.53@{}", port_); }

 private:
    void wait_until_it_listens() const {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(own_address);
        const auto deadline = Clock::now() + seconds(20);
        while (Clock::now() < deadline) {
            const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool listens = ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
            ::close(probe);
            if (listens) return;
            std::this_thread::yield();
        }
        ADD_FAILURE() << "unbound does not listen on port " << port_;
    }
    std::string folder_;
    std::uint16_t port_ = 0;
    pid_t process_ = 0;
};

// One server for all tests of a suite: starting it costs more than a test.
class UnboundResolverTest : public testing::Test {
 protected:
    static void SetUpTestSuite() { server_slot() = std::make_unique<Server>(); }
    static void TearDownTestSuite() { server_slot().reset(); }
    static std::unique_ptr<Server>& server_slot() {
        static std::unique_ptr<Server> server;
        return server;
    }
    static UnboundOptions options() {
        UnboundOptions chosen;
        chosen.forwarders = {server_slot()->address()};
        chosen.trust_anchor_file = "";
        return chosen;
    }
    void use(UnboundOptions chosen) {
        auto made = UnboundResolver::make(shard, std::move(chosen));
        ASSERT_TRUE(made) << made.error().detail;
        resolver = std::move(*made);
        view = resolver->view(shard);
    }
    Result<dns::Answer> ask(std::string name, RecordType type, Clock::duration patience = seconds(20)) {
        std::optional<Result<dns::Answer>> answer;
        shard.context().restart();
        shard.spawn(ask_into(*view, std::move(name), type, Clock::now() + patience, answer, shard));
        shard.run();
        return std::move(*answer);
    }
    static Task<> ask_into(Resolver& view, std::string name, RecordType type, Deadline deadline,
                           std::optional<Result<dns::Answer>>& answer, Shard& shard) {
        answer = co_await view.query(std::move(name), type, deadline);
        shard.stop();
    }

    Shard shard{0};
    std::unique_ptr<UnboundResolver> resolver;
    std::unique_ptr<Resolver> view;
};

TEST_F(UnboundResolverTest, AnswersFromARealServer) {
    use(options());
    auto mx = ask("MAIL.example.", RecordType::mx);
    ASSERT_TRUE(mx) << mx.error().detail;
    ASSERT_EQ(mx->exchanges.size(), 2U);
    std::ranges::sort(mx->exchanges, {}, &dns::MailExchange::preference);
    EXPECT_EQ(mx->exchanges[0].exchange, "mx1.mail.example");
    EXPECT_EQ(mx->exchanges[1].preference, 20);
    EXPECT_EQ(mx->canonical_name, "mail.example");
    EXPECT_EQ(mx->security, dns::Security::insecure);
    EXPECT_EQ(mx->ttl, seconds(300));
    EXPECT_EQ(ask("mx1.mail.example", RecordType::a)->addresses.at(0).text(), "192.0.2.1");
    EXPECT_EQ(ask("mx1.mail.example", RecordType::aaaa)->addresses.at(0).text(), "2001:db8::1");
    EXPECT_EQ(ask("txt.mail.example", RecordType::txt)->texts.at(0), "v=spf1 -all");
    EXPECT_EQ(ask("null.mail.example", RecordType::mx)->exchanges.at(0).exchange, "");  // RFC 7505
}

// By itself libunbound would leave a server that was silent alone, for longer each time, up to a quarter of an hour.
TEST_F(UnboundResolverTest, FindsAServerAgainThatWasAway) {
    auto silent = std::make_unique<SilentServer>();
    const std::uint16_t port = silent->port;
    UnboundOptions chosen = options();
    chosen.forwarders = {silent->address()};
    use(chosen);
    for (int i = 0; i < 360; ++i)
        EXPECT_FALSE(ask(fmt::format("away{}.mail.example", i), RecordType::a, milliseconds(50)));
    silent.reset();
    const Server server(port);
    const Deadline until = Clock::now() + seconds(5);
    bool is_back = false;
    for (int i = 0; !is_back && Clock::now() < until; ++i)
        is_back = ask(fmt::format("back{}.mail.example", i), RecordType::a, milliseconds(500)).has_value();
    EXPECT_TRUE(is_back);
}

TEST_F(UnboundResolverTest, TellsNoSuchNameFromNoSuchRecord) {  // RFC 2308 §2
    use(options());
    const auto no_name = ask("none.mail.example", RecordType::a);
    ASSERT_TRUE(no_name) << no_name.error().detail;
    EXPECT_FALSE(no_name->name_exists);
    const auto no_record = ask("mx1.mail.example", RecordType::mx);
    ASSERT_TRUE(no_record) << no_record.error().detail;
    EXPECT_TRUE(no_record->name_exists);
    EXPECT_TRUE(no_record->exchanges.empty());
}

TEST_F(UnboundResolverTest, NeverTurnsAFaultIntoAbsence) {
    UnboundOptions chosen = options();
    chosen.trust_anchors = {
        "bogus.example. DS 12345 13 2 "
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    use(chosen);
    EXPECT_TRUE(resolver->validates());
    const auto refused = ask("refused.example", RecordType::mx);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::temporary);
    const auto bogus = ask("bogus.example", RecordType::a);
    ASSERT_FALSE(bogus);
    EXPECT_EQ(bogus.error().kind, ErrorKind::temporary);
    EXPECT_TRUE(bogus.error().detail.starts_with("DNSSEC validation failed: ")) << bogus.error().detail;
}

TEST_F(UnboundResolverTest, GivesUpAtTheDeadlineAndGoesOn) {
    const SilentServer silent;
    UnboundOptions chosen = options();
    chosen.stubs = {{"silent.example.", silent.address()}};
    chosen.parallel_queries = 1;
    use(chosen);
    const auto start = Clock::now();
    const auto late = ask("a.silent.example", RecordType::a, milliseconds(100));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::timeout);
    EXPECT_LT(Clock::now() - start, seconds(5));
    // The only slot is free again.
    EXPECT_TRUE(ask("mx1.mail.example", RecordType::a));
}

TEST_F(UnboundResolverTest, AsksForReservedNamesOnlyIfTold) {  // RFC 6761 §6.2
    use(options());
    EXPECT_FALSE(ask("real.test", RecordType::a)->name_exists);
    UnboundOptions chosen = options();
    chosen.open_zones = {"test."};
    use(chosen);
    const auto answer = ask("real.test", RecordType::a);
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_TRUE(answer->name_exists);
}

TEST_F(UnboundResolverTest, RefusesWhatIsNoName) {
    use(options());
    for (const std::string& name : {std::string(), std::string("."), std::string(300, 'a'), std::string("a\0b", 3),
                                    std::string(64, 'a') + ".example", std::string("a..example")}) {
        const auto answer = ask(name, RecordType::a);
        ASSERT_FALSE(answer) << name;
        EXPECT_EQ(answer.error().kind, ErrorKind::invalid) << answer.error().detail;
    }
}

TEST_F(UnboundResolverTest, SaysWhichOptionIsWrong) {
    UnboundOptions chosen = options();
    chosen.forwarders = {"not an address"};
    const auto made = UnboundResolver::make(shard, chosen);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().detail.find("forwarder \"not an address\""), std::string::npos);
}

Task<> ask_many(Resolver& view, int& good, unsigned& left) {
    for (int index = 0; index < 50; ++index) {
        const auto answer = co_await view.query("mx1.mail.example", index % 2 == 0 ? RecordType::a : RecordType::aaaa,
                                                Clock::now() + seconds(20));
        if (answer && answer->addresses.size() == 1) ++good;
    }
    --left;
}

// Asks the shard itself, until none is left: its numbers are its own thread's.
bool eventually(Shard& shard, const unsigned& left) {
    const auto deadline = Clock::now() + seconds(30);
    while (Clock::now() < deadline) {
        std::promise<unsigned> now;
        shard.post([&] { now.set_value(left); });
        if (now.get_future().get() == 0) return true;
    }
    return false;
}

TEST_F(UnboundResolverTest, ServesSeveralShardsAtOnce) {
    use(options());
    Shard other(1);
    const auto other_view = resolver->view(other);
    constexpr std::size_t askers = 20;
    std::vector<int> here(askers), there(askers);
    unsigned left_here = askers, left_there = askers;
    for (std::size_t index = 0; index < askers; ++index) {
        shard.spawn(ask_many(*view, here[index], left_here));
        other.spawn(ask_many(*other_view, there[index], left_there));
    }
    std::thread home([this] { shard.run(); });
    std::thread away([&other] { other.run(); });
    const bool done = eventually(shard, left_here) && eventually(other, left_there);
    shard.stop();
    other.stop();
    home.join();
    away.join();
    EXPECT_TRUE(done);
    EXPECT_EQ(here, std::vector<int>(askers, 50));
    EXPECT_EQ(there, std::vector<int>(askers, 50));
}

TEST(AnswerCache, KeepsForTheTtlButNotForever) {
    AnswerCache cache(10);
    const Deadline now = Clock::now();
    dns::Answer answer;
    answer.texts = {"x"};
    answer.ttl = seconds(100000);
    const Question question{"a.example", RecordType::txt};
    cache.keep(question, answer, now);
    EXPECT_NE(cache.find(question, now + longest_kept - seconds(1)), nullptr);
    EXPECT_EQ(cache.find(question, now + longest_kept), nullptr);
    answer.texts.clear();  // RFC 2308 §5: kept too, but for a shorter time
    cache.keep(question, answer, now);
    EXPECT_NE(cache.find(question, now + longest_kept_empty - seconds(1)), nullptr);
    EXPECT_EQ(cache.find(question, now + longest_kept_empty), nullptr);
    answer.ttl = seconds(0);
    cache.keep(question, answer, now);
    EXPECT_EQ(cache.find(question, now), nullptr);
}

TEST(AnswerCache, ForgetsWhatWasNotUsedForLongest) {
    AnswerCache cache(2);
    const Deadline now = Clock::now();
    dns::Answer answer;
    answer.ttl = seconds(60);
    const Question a{"a", RecordType::a}, b{"b", RecordType::a}, c{"c", RecordType::a};
    cache.keep(a, answer, now);
    cache.keep(b, answer, now);
    EXPECT_NE(cache.find(a, now), nullptr);
    cache.keep(c, answer, now);
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(cache.find(b, now), nullptr);
    EXPECT_NE(cache.find(a, now), nullptr);
    EXPECT_NE(cache.find(c, now), nullptr);
}

}  // namespace
}  // namespace relevo::resolver
