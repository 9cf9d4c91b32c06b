#include "adapters/memory/stream.h"

#include "lib/base/octets.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<> run_to_end(Task<> task, Shard& shard) {
    co_await std::move(task);
    shard.stop();
}

void run(Shard& shard, Task<> task) {
    shard.spawn(run_to_end(std::move(task), shard));
    shard.run();
}

Deadline soon() { return Clock::now() + seconds(10); }

Task<> read_all(Stream& stream, std::string& seen, ErrorKind& end) {
    for (;;) {
        auto octets = co_await stream.read(soon());
        if (!octets) {
            end = octets.error().kind;
            co_return;
        }
        seen += as_text(*octets);
    }
}

Task<> write_and_close(MemoryStream& stream, std::string text) {
    auto written = co_await stream.write(text, soon());
    EXPECT_TRUE(written);
    stream.close();
}

TEST(MemoryStream, GivesEverythingInOrderWhateverTheSplit) {
    Shard shard(0);
    auto pair = make_memory_streams(shard, {.read_limit = 1, .capacity = 3});
    std::string seen;
    ErrorKind end = ErrorKind::internal;
    shard.spawn(write_and_close(*pair.client, "EHLO a.example\r\n"));
    run(shard, read_all(*pair.server, seen, end));
    EXPECT_EQ(seen, "EHLO a.example\r\n");
    EXPECT_EQ(end, ErrorKind::closed);
}

Task<> expect_timeouts(MemoryStream& stream) {
    auto nothing = co_await stream.read(Clock::now() + milliseconds(5));
    EXPECT_FALSE(nothing);
    if (!nothing) EXPECT_EQ(nothing.error().kind, ErrorKind::timeout);
    auto stuck = co_await stream.write("too much", Clock::now() + milliseconds(5));
    EXPECT_FALSE(stuck);
    if (!stuck) EXPECT_EQ(stuck.error().kind, ErrorKind::timeout);
}

TEST(MemoryStream, TimesOutWhenThePeerNeitherSendsNorTakes) {
    Shard shard(0);
    auto pair = make_memory_streams(shard, {.capacity = 4});
    run(shard, expect_timeouts(*pair.client));
}

TEST(MemoryStream, FailsAPendingReadWithCancelledWhenClosedByItself) {
    Shard shard(0);
    auto pair = make_memory_streams(shard);
    std::string seen;
    ErrorKind end = ErrorKind::internal;
    shard.post([&] { pair.server->close(); });
    run(shard, read_all(*pair.server, seen, end));
    EXPECT_EQ(end, ErrorKind::cancelled);
}

TEST(MemoryStream, TellsAResetFromAnEnd) {
    Shard shard(0);
    auto pair = make_memory_streams(shard);
    std::string seen;
    ErrorKind end = ErrorKind::internal;
    shard.post([&] { pair.client->reset(); });
    run(shard, read_all(*pair.server, seen, end));
    EXPECT_EQ(end, ErrorKind::io);
}

Task<> start_client(Stream& stream) {
    auto info = co_await stream.start_tls_client({.server_name = "mx.example"}, soon());
    EXPECT_TRUE(info);
}

Task<> start_server(Stream& stream) {
    auto info = co_await stream.start_tls_server(soon());
    EXPECT_TRUE(info);
    if (info) EXPECT_EQ(info->server_name, "mx.example");
    EXPECT_NE(stream.tls(), nullptr);
}

TEST(MemoryStream, PretendsAHandshakeOnceBothEndsAskForIt) {
    Shard shard(0);
    auto pair = make_memory_streams(shard);
    shard.spawn(start_client(*pair.client));
    run(shard, start_server(*pair.server));
}

Task<> inject_plain_text(Stream& client, Stream& server) {
    auto written = co_await client.write("EHLO evil.example\r\n", soon());
    EXPECT_TRUE(written);
    EXPECT_TRUE(server.has_unread_input());
    auto info = co_await server.start_tls_server(soon());
    EXPECT_FALSE(info);
    if (!info) EXPECT_EQ(info.error().kind, ErrorKind::invalid);
}

TEST(MemoryStream, RefusesPlainTextPipelinedBehindStartTls) {  // CVE-2011-0411
    Shard shard(0);
    auto pair = make_memory_streams(shard);
    run(shard, inject_plain_text(*pair.client, *pair.server));
}

Task<> dial_each(MemoryDialer& dialer, Endpoint open, Endpoint closed, Endpoint silent) {
    auto connected = co_await dialer.connect({.target = open, .deadline = soon()});
    EXPECT_TRUE(connected);
    if (connected) EXPECT_EQ((*connected)->peer(), open);
    auto refused = co_await dialer.connect({.target = closed, .deadline = soon()});
    EXPECT_FALSE(refused);
    if (!refused) EXPECT_EQ(refused.error().kind, ErrorKind::refused);
    auto late = co_await dialer.connect({.target = silent, .deadline = Clock::now() + milliseconds(5)});
    EXPECT_FALSE(late);
    if (!late) EXPECT_EQ(late.error().kind, ErrorKind::timeout);
}

TEST(MemoryDialer, ConnectsRefusesOrFallsSilentByEndpoint) {
    Shard shard(0);
    MemoryDialer dialer(shard);
    const Endpoint open{dns::IpAddress::v4({192, 0, 2, 1}), 25};
    const Endpoint closed{dns::IpAddress::v4({192, 0, 2, 2}), 25};
    const Endpoint silent{dns::IpAddress::v4({192, 0, 2, 3}), 25};
    std::unique_ptr<Stream> accepted;
    dialer.listen(open, [&](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
    dialer.fall_silent(silent);
    run(shard, dial_each(dialer, open, closed, silent));
    EXPECT_TRUE(accepted);
    EXPECT_EQ(dialer.dialed().size(), 3U);
}

}  // namespace
}  // namespace relevo
