// Connecting through proxies; the proxies are scripts over a listener of ours.
#include "adapters/net/dialer.h"

#include "adapters/net/harness_test.h"
#include "adapters/net/local_address.h"
#include "lib/smtp/proxy_protocol.h"

#include <gmock/gmock.h>

namespace relevo::net {
namespace {

using testing::HasSubstr;
using testing::Not;

const Endpoint any_port{dns::IpAddress::v4({127, 0, 0, 1}), 0};
const Endpoint target{dns::IpAddress::v4({192, 0, 2, 7}), 25};

template <std::size_t size>
std::string octets(const char (&text)[size]) {
    return {text, size - 1};
}

// What the proxy waits for, and what it answers then. Nothing to wait for: it speaks at once.
struct Step {
    std::string expected;
    std::string answer;
};
enum class End : std::uint8_t { closes, waits };

struct Script {
    std::vector<Step> steps;
    End end = End::waits;
};

Task<> play(std::unique_ptr<Stream> stream, Script script, std::string& got) {
    for (const Step& step : script.steps) {
        std::string seen;
        while (seen.size() < step.expected.size()) {
            const auto octets = co_await stream->read(soon());
            if (!octets.has_value()) co_return;
            seen += as_text(*octets);
        }
        EXPECT_EQ(seen, step.expected);
        got += seen;
        // One octet after the other: no reply comes whole.
        for (const char c : step.answer) {
            if (!(co_await stream->write(std::string_view(&c, 1), soon())).has_value()) co_return;
            co_await short_turn();
        }
    }
    if (script.end == End::waits) (void)co_await stream->read(soon());
}

// One dialling through a proxy that follows a script.
struct Dialled {
    explicit Dialled(Script script, DialOptions options = {}) {
        auto opened = Listener::open({world.sockets}, {.endpoint = any_port});
        EXPECT_TRUE(opened.has_value());
        proxy = (*opened)->endpoint();
        (*opened)->start([this, script = std::move(script)](Shard& shard, std::unique_ptr<Stream> stream) {
            shard.spawn(play(std::move(stream), script, got));
        });
        options.target = target;
        if (!options.proxy) options.proxy.emplace();
        options.proxy->endpoint = proxy;
        if (options.deadline == no_deadline) options.deadline = soon();
        world.run(dial(std::move(options)));
    }
    Task<> dial(DialOptions options) {
        SocketDialer dialer(world.sockets, nullptr);
        auto connected = co_await dialer.connect(std::move(options));
        if (!connected.has_value()) {
            error = connected.error();
            co_return;
        }
        peer = (*connected)->peer();
        local = (*connected)->local();
        const auto octets = co_await (*connected)->read(soon());
        if (octets.has_value()) first = as_text(*octets);
    }
    World world;
    Endpoint proxy, peer, local;
    std::string got, first;
    Error error;
};

const std::string request = octets("\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x19");
const std::string reply = octets("\x05\x00\x00\x01\xc6\x33\x64\x09\x9c\x40");

TEST(ProxyDialing, ReachesTheTargetThroughSocks5) {  // RFC 1928
    const Dialled dialled({{{octets("\x05\x01\x00"), octets("\x05\x00")}, {request, reply + "2"}}});
    EXPECT_EQ(dialled.error.detail, "");
    EXPECT_EQ(dialled.first, "2") << "the target's first octet comes right behind the proxy's reply";
    EXPECT_EQ(dialled.peer, target);
    EXPECT_EQ(dialled.local.address.text(), "198.51.100.9") << "what the target sees";
}

TEST(ProxyDialing, LogsInAtSocks5) {  // RFC 1929
    DialOptions options;
    options.proxy = EgressProxy{.user = "ana", .password = "secret"};
    const Dialled dialled({{{octets("\x05\x02\x00\x02"), octets("\x05\x02")},
                            {octets("\x01\x03"
                                    "ana"
                                    "\x06"
                                    "secret"),
                             octets("\x01\x00")},
                            {request, reply + "2"}}},
                          options);
    EXPECT_EQ(dialled.first, "2") << dialled.error.detail;
    const Dialled refused({{{octets("\x05\x02\x00\x02"), octets("\x05\x02")},
                            {octets("\x01\x03"
                                    "ana"
                                    "\x06"
                                    "secret"),
                             octets("\x01\x01")}}},
                          options);
    EXPECT_TRUE(is_source_error(refused.error)) << "no other target would be reached either";
    EXPECT_THAT(refused.error.detail, HasSubstr("the proxy socks5 " + refused.proxy.text() + ": it refuses the login"));
    EXPECT_THAT(refused.error.detail, Not(HasSubstr("secret")));
}

TEST(ProxyDialing, TellsTheTargetsTroubleFromTheProxys) {
    const auto refused_with = [](char code) {
        std::string answer = octets("\x05");
        answer += code;
        return Dialled({{{octets("\x05\x01\x00"), octets("\x05\x00")}, {request, answer}}, End::closes}).error;
    };
    const Error by_target = refused_with(5);
    EXPECT_EQ(by_target.kind, ErrorKind::refused);
    EXPECT_FALSE(is_source_error(by_target));
    EXPECT_THAT(by_target.detail,
                HasSubstr("cannot connect to 192.0.2.7:25: the connection was refused, says the proxy"));
    EXPECT_FALSE(is_source_error(refused_with(4)));
    EXPECT_TRUE(is_source_error(refused_with(1)));
    EXPECT_TRUE(is_source_error(refused_with(2)));
    const Error ended = Dialled({{{octets("\x05\x01\x00"), ""}}, End::closes}).error;
    EXPECT_TRUE(is_source_error(ended));
    EXPECT_THAT(ended.detail, HasSubstr("ended the connection without an answer"));
    const Error no_socks = Dialled({{{octets("\x05\x01\x00"), "HTTP/1.1 400 Bad Request\r\n\r\n"}}}).error;
    EXPECT_TRUE(is_source_error(no_socks));
    EXPECT_THAT(no_socks.detail, HasSubstr("does not speak SOCKS5"));
}

TEST(ProxyDialing, BlamesWhoeverLetsTheDeadlinePass) {
    const auto in_a_moment = [] {
        DialOptions options;
        options.deadline = Clock::now() + std::chrono::milliseconds(300);
        return options;
    };
    const Error silent_proxy = Dialled({{{octets("\x05\x01\x00"), ""}}}, in_a_moment()).error;
    EXPECT_EQ(silent_proxy.kind, ErrorKind::timeout);
    EXPECT_TRUE(is_source_error(silent_proxy)) << silent_proxy.detail;
    const Error silent_target =
        Dialled({{{octets("\x05\x01\x00"), octets("\x05\x00")}, {request, ""}}}, in_a_moment()).error;
    EXPECT_EQ(silent_target.kind, ErrorKind::timeout);
    EXPECT_FALSE(is_source_error(silent_target)) << silent_target.detail;
    EXPECT_THAT(silent_target.detail, HasSubstr("no answer from 192.0.2.7:25 in time, through the proxy"));
}

TEST(ProxyDialing, AProxyThatIsNotThereIsTheSourcesTrouble) {
    World world;
    Endpoint closed;
    {
        closed = (*Listener::open({world.sockets}, {.endpoint = any_port}))->endpoint();
    }
    world.shard.context().poll();
    Error error;
    world.run([](World& in, Endpoint proxy, Error& into) -> Task<> {
        SocketDialer dialer(in.sockets, nullptr);
        const auto connected =
            co_await dialer.connect({.target = target, .deadline = soon(), .proxy = EgressProxy{.endpoint = proxy}});
        if (!connected.has_value()) into = connected.error();
    }(world, closed, error));
    EXPECT_EQ(error.kind, ErrorKind::refused);
    EXPECT_TRUE(is_source_error(error));
    EXPECT_EQ(error.detail, "cannot send: the proxy socks5 " + closed.text() + ": connection refused");
}

TEST(ProxyDialing, TellsAHaproxyFromWhereToConnectWhereto) {  // "The PROXY protocol" §2.2
    DialOptions options;
    options.proxy = EgressProxy{.protocol = ProxyProtocol::haproxy};
    options.source = dns::IpAddress::v4({198, 51, 100, 9});
    options.has_source = true;
    const std::string header = smtp::proxy_header_v2({options.source, 0}, {target.address, target.port});
    const Dialled dialled({{{header, "2"}}}, options);
    EXPECT_EQ(dialled.got, header);
    EXPECT_EQ(dialled.first, "2") << dialled.error.detail;
    EXPECT_EQ(dialled.peer, target);
    EXPECT_EQ(dialled.local.address, options.source);
    options.has_source = false;
    EXPECT_TRUE(is_source_error(Dialled({}, options).error));
}

TEST(LocalAddress, IsOursOrNot) {
    EXPECT_TRUE(check_local_address(dns::IpAddress::v4({127, 0, 0, 9})).has_value());
    EXPECT_TRUE(check_local_address(dns::IpAddress::v4({})).has_value());
    const auto foreign = check_local_address(dns::IpAddress::v4({192, 0, 2, 77}));
    ASSERT_FALSE(foreign.has_value());
    EXPECT_EQ(foreign.error().kind, ErrorKind::not_found);
    EXPECT_EQ(foreign.error().detail, "this machine has no address 192.0.2.77");
}

}  // namespace
}  // namespace relevo::net
