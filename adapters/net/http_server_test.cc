#include "adapters/net/http_server.h"

#include "adapters/net/harness_test.h"

namespace relevo::net {
namespace {

Task<HttpResponse> echo(HttpRequest request) {
    if (request.target == "/split") co_return HttpResponse{.fields = {{"X-Bad", "a\r\nX-Evil: 1"}}};
    co_return HttpResponse{
        .status = request.target == "/none" ? 404U : 200U,
        .body = fmt::format("{} {} {} {}", request.method, request.target, request.field("x-mark"), request.body)};
}

HttpServerOptions options() {
    HttpServerOptions chosen;
    chosen.handler = echo;
    return chosen;
}

Task<> ask_in_pieces(SocketStream& client, std::string wire, std::size_t piece, std::string& seen) {
    for (std::size_t at = 0; at < wire.size(); at += piece) {
        const auto written = co_await client.write(std::string_view(wire).substr(at, piece), soon());
        if (!written) break;
        co_await boost::asio::post(co_await boost::asio::this_coro::executor, use_task);
    }
    Error end;
    co_await collect(client, seen, end);
}

// Everything that the server answers to `wire` until it closes.
std::string answers_to(const std::string& wire, std::size_t piece = 65536, HttpServerOptions chosen = options()) {
    World world;
    StreamPair pair = make_pair(world);
    HttpServer server(std::move(chosen));
    server.serve(world.shard, std::move(pair.server));
    std::string seen;
    world.run(ask_in_pieces(*pair.client, wire, piece, seen));
    return seen;
}

TEST(HttpServer, AnswersTheSameHoweverTheRequestIsSplit) {
    const std::string wire =
        "POST /a?b HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\nContent-Length: 5\r\n\r\nhello"
        "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const std::string expected =
        "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPOST /a?b m hello"
        "HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Connection: close\r\n\r\nGET /none  ";
    for (const std::size_t piece : {1U, 7U, 65536U}) EXPECT_EQ(answers_to(wire, piece), expected) << piece;
}

TEST(HttpServer, TakesBodiesThatLookLikeHeadersHoweverTheyAreSplit) {
    for (const std::string_view body : {"Content-Length: 9\r\n\r\na\r\n b\rc\nd",
                                        "Transfer-Encoding: chunked\r\n\r\n9\r\na\r\n b\rc\nd\r\n0\r\n\r\n"}) {
        const std::string wire = "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + std::string(body);
        for (std::size_t piece = 1; piece <= wire.size(); ++piece)
            EXPECT_NE(answers_to(wire, piece).find("PUT /  a\r\n b\rc\nd"), std::string::npos) << piece << " " << body;
    }
}

TEST(HttpServer, TakesChunkedBodies) {  // RFC 9112 §7.1
    EXPECT_NE(answers_to("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .find("PUT /  abcde"),
              std::string::npos);
}

TEST(HttpServer, SaysContinueOnlyWhenAsked) {  // RFC 9110 §10.1.1
    const std::string answer = answers_to(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", 1);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << answer;
}

TEST(HttpServer, SendsNoBodyToHead) {  // RFC 9110 §9.3.2
    const std::string answer = answers_to("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_NE(answer.find("Content-Length: 9\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(HttpServer, RefusesWhatIsTooLargeOrMalformedAndCloses) {
    struct Case {
        std::string wire;
        std::string start;
    };
    const Case cases[] = {
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 413 "},
        {"GET / HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
        {"EHLO a.example\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
    };
    for (const Case& example : cases)
        EXPECT_TRUE(answers_to(example.wire).starts_with(example.start)) << answers_to(example.wire);
}

TEST(HttpServer, RefusesRequestsWithTwoReadings) {  // RFC 9112 §3.2, §6.1, §6.3; security row F17
    const auto status = [](const std::string& fields, const std::string& body) {
        return answers_to("POST / HTTP/1.1\r\n" + fields + "\r\n" + body).substr(0, 12);
    };
    const std::string chunks = "3\r\nabc\r\n0\r\n\r\n";
    EXPECT_EQ(status("Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", chunks), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n", chunks), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nTransfer-Encoding: gzip, chunked\r\n", chunks), "HTTP/1.1 501");
    EXPECT_EQ(status("Host: x\r\nX: a\rTransfer-Encoding: chunked\r\n", chunks), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nTransfer-Encod\re\n: chunked\r\n", chunks), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\nContent-Length: 3\r\n", chunks), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n", "abcd"), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nContent-Length: -1\r\n", ""), "HTTP/1.1 400");
    EXPECT_EQ(status("Content-Length: 0\r\n", ""), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nHost: y\r\nContent-Length: 0\r\n", ""), "HTTP/1.1 400");
    EXPECT_EQ(status("Host: x\r\nX Y: z\r\nContent-Length: 0\r\n", ""), "HTTP/1.1 400");
}

TEST(HttpServer, LeavesOutFieldsThatWouldSplitTheAnswer) {
    const std::string answer = answers_to("GET /split HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.find("X-Evil"), std::string::npos);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

Task<> drip(SocketStream& client, Error& end) {
    const Deadline deadline = soon();
    while (Clock::now() < deadline) {
        const auto written = co_await client.write("X", soon());
        if (!written) {
            end = written.error();
            co_return;
        }
        co_await short_turn();
    }
}

TEST(HttpServer, CutsAClientThatDripsItsRequest) {  // security A16
    World world;
    StreamPair pair = make_pair(world);
    HttpServerOptions chosen = options();
    chosen.request_limit = std::chrono::seconds(1);
    HttpServer server(std::move(chosen));
    server.serve(world.shard, std::move(pair.server));
    Error end;
    const auto start = Clock::now();
    world.run(drip(*pair.client, end));
    EXPECT_EQ(end.kind, ErrorKind::closed) << end.detail;
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(3));
}

}  // namespace
}  // namespace relevo::net
