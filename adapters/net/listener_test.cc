#include "adapters/net/listener.h"

#include "adapters/net/harness_test.h"
#include "adapters/net/socket.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace relevo::net {
namespace {

const Endpoint any_port{dns::IpAddress::v4({127, 0, 0, 1}), 0};

std::unique_ptr<Listener> must_open(World& world, ListenerOptions options) {
    auto listener = Listener::open({world.sockets}, std::move(options));
    EXPECT_TRUE(listener) << (listener ? "" : listener.error().detail);
    return std::move(*listener);
}

std::vector<FileDescriptor> listening_sockets(int count) {
    std::vector<FileDescriptor> sockets;
    for (int index = 0; index < count; ++index) {
        const SocketAddress address(any_port);
        const int number = sockets.emplace_back(::socket(AF_INET, SOCK_STREAM, 0)).get();
        EXPECT_EQ(::bind(number, address.data(), address.size()), 0);
        EXPECT_EQ(::listen(number, 5), 0);
    }
    return sockets;
}

Task<> greet(std::unique_ptr<Stream> stream) {
    (void)co_await stream->write("220 ready\r\n", soon());
    (void)co_await stream->read(soon());
}

void greet_each(Shard& shard, std::unique_ptr<Stream> stream) { shard.spawn(greet(std::move(stream))); }

Task<> dial(World& world, DialOptions options, std::string& seen, Error& error) {
    SocketDialer dialer(world.sockets, nullptr);
    auto stream = co_await dialer.connect(std::move(options));
    if (!stream) {
        error = stream.error();
        co_return;
    }
    co_await collect(**stream, seen, error, 11);
}

TEST(Listener, HandsOutConnectionsWithBothAddresses) {
    World world;
    auto listener = must_open(world, {.endpoint = any_port});
    Endpoint peer, local;
    listener->start([&](Shard& shard, std::unique_ptr<Stream> stream) {
        peer = stream->peer();
        local = stream->local();
        greet_each(shard, std::move(stream));
    });
    std::string seen;
    Error error;
    world.run(dial(world,
                   {.target = listener->endpoint(),
                    .source = dns::IpAddress::v4({127, 0, 0, 3}),
                    .has_source = true,
                    .deadline = soon()},
                   seen, error));
    EXPECT_EQ(seen, "220 ready\r\n") << error.detail;
    EXPECT_EQ(peer.address.text(), "127.0.0.3");
    EXPECT_EQ(local, listener->endpoint());
}

TEST(Listener, NamesTheAddressAndTheProcessThatHoldsIt) {
    World world;
    auto first = must_open(world, {.endpoint = any_port});
    auto second = Listener::open({world.sockets}, {.endpoint = first->endpoint()});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_NE(second.error().detail.find(first->endpoint().text() + " is in use by"), std::string::npos)
        << second.error().detail;
    EXPECT_NE(second.error().detail.find(fmt::format("(process {})", ::getpid())), std::string::npos);
}

TEST(Listener, TurnsAwayWhatIsOverItsLimit) {
    World world;
    Counter refused;
    auto listener = must_open(
        world, {.endpoint = any_port, .refusal = "421 4.3.2\r\n", .connection_limit = 0, .refused = &refused});
    listener->start(greet_each);
    std::string seen;
    Error error;
    world.run(dial(world, {.target = listener->endpoint(), .deadline = soon()}, seen, error));
    EXPECT_EQ(seen, "421 4.3.2\r\n");
    EXPECT_EQ(refused.value(), 1U);
}

TEST(Listener, CountsConnectionsWhileTheyLive) {
    World world;
    auto listener = must_open(world, {.endpoint = any_port});
    std::unique_ptr<Stream> kept;
    listener->start([&](Shard&, std::unique_ptr<Stream> stream) {
        kept = std::move(stream);
        world.shard.stop();
    });
    std::string seen;
    Error error;
    world.shard.spawn(dial(world, {.target = listener->endpoint(), .deadline = soon()}, seen, error));
    world.shard.run();
    EXPECT_EQ(listener->connections(), 1U);
    kept.reset();
    EXPECT_EQ(listener->connections(), 0U);
}

TEST(Listener, TakesASocketThatSystemdHasOpened) {
    World world;
    auto listener = must_open(world, {.inherited = listening_sockets(1)});
    listener->start(greet_each);
    std::string seen;
    Error error;
    const Endpoint target{any_port.address, listener->endpoint().port};
    world.run(dial(world, {.target = target, .deadline = soon()}, seen, error));
    EXPECT_EQ(seen, "220 ready\r\n") << error.detail;

    std::vector<FileDescriptor> no_socket;
    no_socket.emplace_back(::dup(0));
    const auto wrong = Listener::open({world.sockets}, {.inherited = std::move(no_socket)});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
}

// A run with more shards has left more sockets; whoever waits in one of them is served all the same.
TEST(Listener, ServesEverySocketThatItInherits) {
    World world;
    std::vector<FileDescriptor> inherited = listening_sockets(3);
    std::vector<Endpoint> targets;
    for (const FileDescriptor& socket : inherited)
        targets.push_back({any_port.address, local_endpoint(socket.get()).port});
    auto listener = must_open(world, {.inherited = std::move(inherited)});
    EXPECT_EQ(listener->descriptors().size(), 3U);
    listener->start(greet_each);
    for (const Endpoint& target : targets) {
        std::string seen;
        Error error;
        world.run(dial(world, {.target = target, .deadline = soon()}, seen, error));
        EXPECT_EQ(seen, "220 ready\r\n") << error.detail;
    }
}

TEST(Listener, SharesOneInheritedSocketAmongItsShards) {
    World world;
    auto listener = Listener::open({world.sockets, world.sockets, world.sockets}, {.inherited = listening_sockets(1)});
    ASSERT_TRUE(listener) << listener.error().detail;
    EXPECT_EQ((*listener)->descriptors().size(), 3U);
}

TEST(Listener, LeavesIpv4AloneOnItsIpv6Socket) {
    World world;
    auto v6 = must_open(world, {.endpoint = {dns::IpAddress::parse("::").value(), 0}});
    auto v4 = Listener::open({world.sockets}, {.endpoint = {dns::IpAddress{}, v6->endpoint().port}});
    EXPECT_TRUE(v4) << v4.error().detail;
}

// A client that says nothing and stays.
FileDescriptor greeted_client(const Endpoint& target) {
    FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address(target);
    constexpr timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::array<char, 16> greeting{};
    EXPECT_EQ(::connect(client.get(), address.data(), address.size()), 0);
    EXPECT_GT(::recv(client.get(), greeting.data(), greeting.size(), 0), 0);
    return client;
}

// The kernel would spread them by chance: 20 fall on two shards as 10 and 10 once in six times.
TEST(Listener, SpreadsConnectionsEvenlyOverItsShards) {
    Shard first(0), second(1);
    std::array<Counter, 2> served;
    {
        auto opened = Listener::open({ShardSockets::make(first), ShardSockets::make(second)}, {.endpoint = any_port});
        ASSERT_TRUE(opened) << opened.error().detail;
        (*opened)->start([&served](Shard& shard, std::unique_ptr<Stream> stream) {
            served[shard.index()].add();
            greet_each(shard, std::move(stream));
        });
        std::thread first_thread([&first] { first.run(); });
        std::thread second_thread([&second] { second.run(); });
        std::vector<FileDescriptor> clients;
        for (int count = 0; count < 20; ++count) clients.push_back(greeted_client((*opened)->endpoint()));
        EXPECT_EQ((*opened)->connections(), 20U);
        first.stop();
        second.stop();
        first_thread.join();
        second_thread.join();
    }
    EXPECT_EQ(served[0].value(), 10U);
    EXPECT_EQ(served[1].value(), 10U);
}

// Runs in a child, whose limit on descriptors ends with it. Returns 0, or the number of what went wrong.
Task<> wait_for_twenty(const std::vector<std::unique_ptr<Stream>>& kept, const Counter& refused) {
    const Deadline deadline = soon();
    while (kept.size() + refused.value() < 20 && Clock::now() < deadline) co_await short_turn();
    // What a spinning loop would waste shows in the processor time of these turns.
    const Deadline end = Clock::now() + std::chrono::milliseconds(300);
    while (Clock::now() < end) co_await sleep_until(end);
}

int exhaust_descriptors() {
    World world;
    Counter refused;
    auto listener = Listener::open({world.sockets}, {.endpoint = any_port, .refused = &refused});
    if (!listener) return 10;
    std::vector<std::unique_ptr<Stream>> kept;
    (*listener)->start([&](Shard&, std::unique_ptr<Stream> stream) { kept.push_back(std::move(stream)); });
    std::vector<FileDescriptor> callers;
    const SocketAddress target((*listener)->endpoint());
    for (int count = 0; count < 20; ++count) {
        callers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(callers.back().get(), target.data(), target.size()) != 0) return 11;
    }
    const FileDescriptor lowest(::dup(0));
    const rlimit limit{static_cast<rlim_t>(lowest.get()) + 6, static_cast<rlim_t>(lowest.get()) + 6};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 12;
    const std::clock_t start = std::clock();
    world.run(wait_for_twenty(kept, refused));
    if (kept.empty() || refused.value() + kept.size() != 20) return 13;
    if (std::clock() - start > CLOCKS_PER_SEC / 10) return 14;  // it spun
    std::array<char, 64> text{};
    const ssize_t count = ::recv(callers.back().get(), text.data(), text.size(), 0);
    return std::string_view(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0).starts_with("421 4.3.2") ? 0
                                                                                                                   : 15;
}

TEST(Listener, Answers421ToTheSurplusWhenDescriptorsRunOut) {  // security R7
    EXPECT_EXIT(std::_Exit(exhaust_descriptors()), testing::ExitedWithCode(0), "");
}

TEST(SocketDialer, SaysWhoRefused) {
    World world;
    Endpoint closed;
    {
        closed = must_open(world, {.endpoint = any_port})->endpoint();
    }
    std::string seen;
    Error error;
    world.shard.context().poll();
    world.run(dial(world, {.target = closed, .deadline = soon()}, seen, error));
    EXPECT_EQ(error.kind, ErrorKind::refused);
    EXPECT_EQ(error.detail, "connection refused by " + closed.text());
}

TEST(SocketDialer, SaysWhenTheSourceAddressIsNotOurs) {
    World world;
    std::string seen;
    Error error;
    world.run(dial(
        world,
        {.target = any_port, .source = dns::IpAddress::v4({192, 0, 2, 77}), .has_source = true, .deadline = soon()},
        seen, error));
    EXPECT_EQ(error.detail, "cannot send: the source address 192.0.2.77 does not belong to this machine");
}

}  // namespace
}  // namespace relevo::net
