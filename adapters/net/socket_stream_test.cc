#include "adapters/net/socket_stream.h"

#include "adapters/net/harness_test.h"

#include <fmt/format.h>

#include <malloc.h>

namespace relevo::net {
namespace {

using std::chrono::milliseconds;

Task<> write_then_close(SocketStream& stream, std::string text) {
    auto written = co_await stream.write(text, soon());
    EXPECT_TRUE(written) << written.error().detail;
    stream.close();
}

TEST(SocketStream, GivesMegabytesInOrderAndThenTheEnd) {
    World world;
    StreamPair pair = make_pair(world);
    std::string sent;
    for (int line = 0; sent.size() < 4 * mebibyte; ++line) sent += fmt::format("line {}\r\n", line);
    std::string seen;
    Error end;
    world.shard.spawn(write_then_close(*pair.client, sent));
    world.run(collect(*pair.server, seen, end));
    EXPECT_TRUE(seen == sent);
    EXPECT_EQ(end.kind, ErrorKind::closed);
}

Task<> expect_slow_peer(SocketStream& stream) {
    const auto start = Clock::now();
    auto nothing = co_await stream.read(start + milliseconds(20));
    EXPECT_FALSE(nothing);
    if (!nothing) EXPECT_EQ(nothing.error().kind, ErrorKind::timeout);
    const std::string much(8 * mebibyte, 'x');
    auto stuck = co_await stream.write(much, Clock::now() + milliseconds(20));
    EXPECT_FALSE(stuck);
    if (!stuck) EXPECT_EQ(stuck.error().kind, ErrorKind::timeout);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST(SocketStream, EndsItsWaitsWhenThePeerNeitherSendsNorTakes) {  // security A16
    World world;
    StreamPair pair = make_pair(world);
    world.run(expect_slow_peer(*pair.client));
}

Task<> read_late(SocketStream& stream, Error& error) {
    auto nothing = co_await stream.read(Clock::now() + milliseconds(600));
    if (!nothing) error = nothing.error();
}

Task<> write_stuck(SocketStream& stream, Error& error) {
    const std::string much(8 * mebibyte, 'x');
    auto stuck = co_await stream.write(much, Clock::now() + milliseconds(20));
    if (!stuck) error = stuck.error();
}

Task<> peek_twice(StreamPair& pair, std::string& first, std::string& second, Error& end) {
    (void)co_await pair.client->write("PRO", soon());
    first = (co_await pair.server->peek(100, 0, soon())).value();
    (void)co_await pair.client->write("XY", soon());
    second = (co_await pair.server->peek(100, first.size(), soon())).value();
    pair.client->close();
    const auto third = co_await pair.server->peek(100, second.size(), soon());
    if (!third.has_value()) end = third.error();
}

TEST(SocketStream, ShowsMoreOfWhatComesInPiecesAndThenTheEnd) {
    World world;
    StreamPair pair = make_pair(world);
    std::string first, second;
    Error end;
    world.run(peek_twice(pair, first, second, end));
    EXPECT_EQ(first, "PRO");
    EXPECT_EQ(second, "PROXY");
    EXPECT_EQ(end.kind, ErrorKind::closed);
}

TEST(SocketStream, TimesOutOneDirectionWithoutEndingTheOther) {
    World world;
    StreamPair pair = make_pair(world);
    Error read_error, write_error;
    const auto start = Clock::now();
    world.shard.spawn(write_stuck(*pair.client, write_error));
    world.run(read_late(*pair.client, read_error));
    EXPECT_EQ(write_error.kind, ErrorKind::timeout);
    EXPECT_EQ(read_error.kind, ErrorKind::timeout);
    EXPECT_GE(Clock::now() - start, milliseconds(600));
}

TEST(SocketStream, FailsAPendingReadWithCancelledWhenClosedByItself) {
    World world;
    StreamPair pair = make_pair(world);
    std::string seen;
    Error error;
    world.shard.post([&] { pair.server->close(); });
    world.run(collect(*pair.server, seen, error));
    EXPECT_EQ(error.kind, ErrorKind::cancelled);
}

Task<> look_for_early_talk(SocketStream& client, SocketStream& server) {
    EXPECT_FALSE(server.has_unread_input());
    auto written = co_await client.write("EHLO early.example\r\n", soon());
    EXPECT_TRUE(written);
    EXPECT_TRUE(server.has_unread_input());
    std::string seen;
    Error error;
    co_await collect(server, seen, error, 20);
    EXPECT_EQ(seen, "EHLO early.example\r\n");
    EXPECT_FALSE(server.has_unread_input());
}

TEST(SocketStream, SeesAnEarlyTalkerWithoutTakingItsWords) {
    World world;
    StreamPair pair = make_pair(world);
    world.run(look_for_early_talk(*pair.client, *pair.server));
}

Task<> wait_forever(SocketStream& stream) { (void)co_await stream.read(no_deadline); }
Task<> give_way(World& world) {
    // Two turns of the loop: the readers have begun to wait.
    for (int turn = 0; turn < 2; ++turn) co_await boost::asio::post(world.shard.executor(), use_task);
}

// A stream over TCP, and the bare socket at the other end.
struct TcpPair {
    FileDescriptor client;
    std::unique_ptr<SocketStream> server;
};

TcpPair make_tcp_pair(World& world) {
    const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress address(Endpoint{dns::IpAddress::v4({127, 0, 0, 1}), 0});
    EXPECT_EQ(::bind(listener.get(), address.data(), address.size()), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    address = SocketAddress(local_endpoint(listener.get()));
    TcpPair pair{.client = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), .server = nullptr};
    EXPECT_EQ(::connect(pair.client.get(), address.data(), address.size()), 0);
    pair.server = std::make_unique<SocketStream>(
        world.sockets, FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)),
        SocketStreamOptions{});
    return pair;
}

// Reads and answers until the end.
Task<> converse(SocketStream& stream, std::string& seen, Error& error) {
    for (;;) {
        auto octets = co_await stream.read(soon());
        if (!octets) {
            error = octets.error();
            co_return;
        }
        seen += as_text(*octets);
        const auto written = co_await stream.write("221 Bye\r\n", soon());
        if (!written) {
            error = written.error();
            co_return;
        }
    }
}

TEST(SocketStream, SeesTheEndThatCameTogetherWithTheLastOctets) {
    World world;
    TcpPair pair = make_tcp_pair(world);
    world.shard.post([&] {  // when the stream waits already, so that one event tells of both
        EXPECT_EQ(::send(pair.client.get(), "QUIT\r\n", 6, 0), 6);
        EXPECT_EQ(::shutdown(pair.client.get(), SHUT_WR), 0);
    });
    std::string seen;
    Error error;
    const auto start = Clock::now();
    world.run(converse(*pair.server, seen, error));
    EXPECT_EQ(seen, "QUIT\r\n");
    EXPECT_EQ(error.kind, ErrorKind::closed);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST(SocketStream, SeesAResetThatCameTogetherWithTheLastOctets) {
    World world;
    TcpPair pair = make_tcp_pair(world);
    world.shard.post([&] {
        EXPECT_EQ(::send(pair.client.get(), "QUIT\r\n", 6, 0), 6);
        constexpr linger at_once{.l_onoff = 1, .l_linger = 0};
        EXPECT_EQ(::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        pair.client.reset();
    });
    std::string seen;
    Error error;
    const auto start = Clock::now();
    world.run(converse(*pair.server, seen, error));
    EXPECT_EQ(error.kind, ErrorKind::closed);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

// The peer speaks in lock-step, with pauses in which the event loop turns.
Task<> speak_in_turns(SocketStream& stream, int client, int& turns) {
    for (; turns < 50; ++turns) {
        EXPECT_EQ(::send(client, "NOOP\r\n", 6, 0), 6);
        if (turns % 3 == 0) co_await short_turn();  // the event comes before anybody waits
        auto octets = co_await stream.read(soon());
        EXPECT_TRUE(octets);
        if (!octets) co_return;
        const auto written = co_await stream.write("250 Ok\r\n", soon());
        EXPECT_TRUE(written);
        if (turns % 5 == 0) co_await short_turn();
    }
}

TEST(SocketStream, MissesNoEventBetweenItsWaits) {
    World world;
    TcpPair pair = make_tcp_pair(world);
    int turns = 0;
    world.run(speak_in_turns(*pair.server, pair.client.get(), turns));
    EXPECT_EQ(turns, 50);
}

Task<> write_parts_then_close(SocketStream& stream, std::string prefix, std::string content) {
    const auto written = co_await stream.write_parts({prefix, content, ".\r\n"}, soon());
    EXPECT_TRUE(written) << written.error().detail;
    stream.close();
}

TEST(SocketStream, WritesPartsInOrderHoweverLittleThePeerTakesAtOnce) {
    for (const std::string& prefix : {std::string(), std::string("BDAT 5 LAST\r\n")}) {
        World world;
        StreamPair pair = make_pair(world);
        std::string content;
        for (int line = 0; content.size() < 2 * mebibyte; ++line) content += fmt::format("line {}\r\n", line);
        std::string seen;
        Error end;
        world.shard.spawn(write_parts_then_close(*pair.client, prefix, content));
        world.run(collect(*pair.server, seen, end));
        EXPECT_TRUE(seen == prefix + content + ".\r\n");
    }
}

Task<> look_for_silence(SocketStream& client, SocketStream& server) {
    EXPECT_TRUE(server.is_silent());
    const auto written = co_await client.write("421 Bye\r\n", soon());
    EXPECT_TRUE(written);
    EXPECT_FALSE(server.is_silent());
    std::string seen;
    Error error;
    co_await collect(server, seen, error, 9);
    EXPECT_TRUE(server.is_silent());
    client.close();
    EXPECT_FALSE(server.is_silent());
}

TEST(SocketStream, IsSilentWhileThePeerNeitherSpeaksNorEnds) {
    World world;
    StreamPair pair = make_pair(world);
    world.run(look_for_silence(*pair.client, *pair.server));
}

TEST(SocketStream, HoldsLessThanFourKibibytesPerIdleConnection) {  // performance P7
    World world;
    constexpr std::size_t pairs = 500;
    const std::size_t before = mallinfo2().uordblks;
    std::vector<StreamPair> idle;
    for (std::size_t index = 0; index < pairs; ++index) {
        idle.push_back(make_pair(world));
        world.shard.spawn(wait_forever(*idle.back().client));
        world.shard.spawn(wait_forever(*idle.back().server));
    }
    world.run(give_way(world));
    const std::size_t each = (mallinfo2().uordblks - before) / (2 * pairs);
    RecordProperty("octets_per_idle_stream", static_cast<int>(each));
    EXPECT_LT(each, 4096U);
}

}  // namespace
}  // namespace relevo::net
