#include "adapters/net/http_server.h"

#include "adapters/net/http_request_reader.h"
#include "lib/base/text.h"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <optional>

namespace relevo::net {
namespace {

namespace http = boost::beast::http;

struct Connection {
    Shard* shard;
    std::shared_ptr<const HttpServerOptions> options;
    std::unique_ptr<Stream> stream;
    std::string unparsed;
};

enum class Persistence : std::uint8_t { keep_alive, close };

bool breaks_lines(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

std::string serialise(const HttpResponse& response, Persistence persistence, bool with_body) {
    const auto reason = http::obsolete_reason(http::int_to_status(response.status));
    std::string text =
        fmt::format("HTTP/1.1 {} {}\r\n", response.status, std::string_view(reason.data(), reason.size()));
    // It would have to be the length that 200 has (RFC 9110 §8.6).
    if (response.status != 304 && !response.more) text += fmt::format("Content-Length: {}\r\n", response.body.size());
    const auto add = [&text](std::string_view name, std::string_view value) {
        if (!breaks_lines(name) && !breaks_lines(value)) text += fmt::format("{}: {}\r\n", name, value);
    };
    if (!response.content_type.empty()) add("Content-Type", response.content_type);
    for (const auto& [name, value] : response.fields) add(name, value);
    if (persistence == Persistence::close) add("Connection", "close");
    text += "\r\n";
    if (with_body) text += response.body;
    return text;
}

// Reads more of what is being parsed. Errors: as Stream::read().
Task<Result<void>> read_more(Connection& connection, Deadline deadline) {
    RELEVO_CO_TRY(const auto octets, co_await connection.stream->read(deadline));
    connection.unparsed += as_text(octets);
    co_return Result<void>();
}

// Fills the reader with one whole request, or with what is wrong with it. Errors: the stream's.
Task<Result<HttpRequestReader::State>> read_request(Connection& connection, HttpRequestReader& reader) {
    if (connection.unparsed.empty())
        RELEVO_CO_CHECK(co_await read_more(connection, Clock::now() + connection.options->idle_limit));
    const Deadline deadline = Clock::now() + connection.options->request_limit;
    bool continue_sent = false;
    for (;;) {
        const auto state = reader.receive(connection.unparsed);
        if (state != HttpRequestReader::State::needs_more) co_return state;
        if (!continue_sent && reader.waits_for_continue()) {
            continue_sent = true;
            RELEVO_CO_CHECK(co_await connection.stream->write("HTTP/1.1 100 Continue\r\n\r\n",
                                                              Clock::now() + connection.options->answer_limit));
        }
        RELEVO_CO_CHECK(co_await read_more(connection, deadline));
    }
}

// The pieces that follow an answer, each written as soon as it is there.
Task<> write_more(Connection& connection, HttpResponse& response) {
    for (;;) {
        const std::optional<std::string> piece = co_await response.more();
        if (!piece) co_return;
        const auto written = co_await connection.stream->write(*piece, Clock::now() + connection.options->answer_limit);
        if (!written.has_value() || connection.stream->has_ended()) co_return;
    }
}

// One request and its answer; false when the connection is to end.
Task<bool> serve_one(Connection& connection) {
    HttpRequestReader reader({.header = connection.options->header_limit_octets,
                              .body = connection.options->body_limit_octets,
                              .body_of = connection.options->body_limit_of},
                             connection.stream->peer());
    const auto read = co_await read_request(connection, reader);
    if (!read) co_return false;

    Persistence persistence = Persistence::close;
    HttpResponse response;
    bool with_body = true;
    if (*read == HttpRequestReader::State::refused) {
        response = reader.refusal();
    } else {
        if (reader.keeps_alive()) persistence = Persistence::keep_alive;
        HttpRequest request = reader.take();
        request.shard = connection.shard;
        if (const TlsInfo* tls = connection.stream->tls()) request.tls = tls->protocol + ":" + tls->cipher;
        with_body = request.method != "HEAD";
        response = co_await connection.options->handler(std::move(request));
    }
    if (response.more) persistence = Persistence::close;  // its end is the end of the connection
    const std::string text = serialise(response, persistence, with_body);
    const Result<void> written =
        co_await connection.stream->write(text, Clock::now() + connection.options->answer_limit);
    if (written && with_body && response.more) co_await write_more(connection, response);
    co_return written&& persistence == Persistence::keep_alive;
}

Task<> serve_stream(Connection connection) {
    if (connection.options->transport == HttpTransport::tls) {
        const auto tls = co_await connection.stream->start_tls_server(Clock::now() + connection.options->request_limit);
        if (!tls) co_return;
    }
    while (co_await serve_one(connection)) continue;
    connection.stream->close();
}

}  // namespace

HttpServer::HttpServer(HttpServerOptions options)
    : options_(std::make_shared<const HttpServerOptions>(std::move(options))) {}

void HttpServer::serve(Shard& shard, std::unique_ptr<Stream> stream) {
    Connection connection{&shard, options_, std::move(stream), {}};
    shard.spawn(serve_stream(std::move(connection)));
}

}  // namespace relevo::net
