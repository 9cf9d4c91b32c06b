#include "adapters/net/http_server.h"

#include "lib/base/text.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include <optional>

namespace relevo::net {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

struct Connection {
    std::shared_ptr<const HttpServerOptions> options;
    std::unique_ptr<Stream> stream;
    std::string unparsed;
};

enum class Persistence : std::uint8_t { keep_alive, close };

bool breaks_lines(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

std::string serialise(const HttpResponse& response, Persistence persistence, bool with_body) {
    const auto reason = http::obsolete_reason(http::int_to_status(response.status));
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\n", response.status,
                                   std::string_view(reason.data(), reason.size()), response.body.size());
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

HttpResponse refusal_of(const boost::system::error_code& problem) {
    if (problem == http::error::body_limit) return {.status = 413, .body = "The request is too large.\n"};
    if (problem == http::error::header_limit) return {.status = 431, .body = "The header is too large.\n"};
    return {.status = 400, .body = "This is not an HTTP/1.1 request.\n"};
}

HttpRequest request_of(Parser& parser, const Endpoint& peer) {
    http::request<http::string_body> message = parser.release();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
        request.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    request.peer = peer;
    return request;
}

// Reads more of what is being parsed. Errors: as Stream::read().
Task<Result<void>> read_more(Connection& connection, Deadline deadline) {
    RELEVO_CO_TRY(const auto octets, co_await connection.stream->read(deadline));
    connection.unparsed += as_text(octets);
    co_return Result<void>();
}

Task<Result<void>> send_continue(Connection& connection, Parser& parser, bool& sent) {
    if (sent || !parser.is_header_done()) co_return Result<void>();
    sent = true;
    if (!equals_ignoring_case(std::string_view(parser.get()[http::field::expect]), "100-continue"))
        co_return Result<void>();
    co_return co_await connection.stream->write("HTTP/1.1 100 Continue\r\n\r\n",
                                                Clock::now() + connection.options->answer_limit);
}

// Fills the parser with one whole request. `problem` is set if it is malformed; errors are the stream's.
Task<Result<void>> read_request(Connection& connection, Parser& parser, boost::system::error_code& problem) {
    if (connection.unparsed.empty())
        RELEVO_CO_CHECK(co_await read_more(connection, Clock::now() + connection.options->idle_limit));
    const Deadline deadline = Clock::now() + connection.options->request_limit;
    bool continue_sent = false;
    for (;;) {
        const std::size_t parsed = parser.put(boost::asio::buffer(connection.unparsed), problem);
        connection.unparsed.erase(0, parsed);
        if (problem == http::error::need_more) problem = {};
        if (problem || parser.is_done()) co_return Result<void>();
        if (parsed > 0 && !connection.unparsed.empty()) continue;
        RELEVO_CO_CHECK(co_await send_continue(connection, parser, continue_sent));
        RELEVO_CO_CHECK(co_await read_more(connection, deadline));
    }
}

// One request and its answer; false when the connection is to end.
Task<bool> serve_one(Connection& connection) {
    Parser parser;
    parser.eager(true);
    parser.header_limit(static_cast<std::uint32_t>(connection.options->header_limit_octets));
    parser.body_limit(connection.options->body_limit_octets);
    boost::system::error_code problem;
    const Result<void> read = co_await read_request(connection, parser, problem);
    if (!read) co_return false;

    Persistence persistence = Persistence::close;
    HttpResponse response;
    bool with_body = true;
    if (problem) {
        response = refusal_of(problem);
    } else {
        if (parser.get().keep_alive()) persistence = Persistence::keep_alive;
        with_body = parser.get().method() != http::verb::head;
        HttpRequest request = request_of(parser, connection.stream->peer());
        response = co_await connection.options->handler(std::move(request));
    }
    const std::string text = serialise(response, persistence, with_body);
    const Result<void> written =
        co_await connection.stream->write(text, Clock::now() + connection.options->answer_limit);
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

std::string_view HttpRequest::field(std::string_view name) const {
    for (const auto& [field_name, value] : fields)
        if (equals_ignoring_case(field_name, name)) return value;
    return {};
}

HttpServer::HttpServer(HttpServerOptions options)
    : options_(std::make_shared<const HttpServerOptions>(std::move(options))) {}

void HttpServer::serve(Shard& shard, std::unique_ptr<Stream> stream) {
    Connection connection{options_, std::move(stream), {}};
    shard.spawn(serve_stream(std::move(connection)));
}

}  // namespace relevo::net
