#include "adapters/net/http_request_reader.h"

#include "lib/base/text.h"

// Beast asserts that the octets behind the last chunk's size come at once; they need not, and nothing there leans on
// it.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace relevo::net {

namespace http = boost::beast::http;

namespace {

// What the parser takes one way and others may take another: a field on several lines (RFC 9112 §5.2), and CR or LF
// alone (§2.2), where the parser itself looks different at octets that come in pieces. Empty: nothing. `octets` begin
// in the header, at a line.
std::string_view fault_of_lines(std::string_view octets) {
    if (octets.starts_with("\r\n")) return {};  // the parser has taken all lines but the empty one; a body may follow
    const std::string_view header = octets.substr(0, octets.find("\r\n\r\n"));
    if (header.find("\r\n ") != std::string_view::npos || header.find("\r\n\t") != std::string_view::npos)
        return "A field is one line.";
    for (std::size_t at = 0; (at = header.find_first_of("\r\n", at)) != std::string_view::npos; at += 2) {
        if (at + 1 == octets.size() && header[at] == '\r') break;  // what comes next may be LF
        if (octets.substr(at, 2) != "\r\n") return "A line of the header ends with CR and LF.";
    }
    return {};
}

}  // namespace

struct HttpRequestReader::Parser {
    http::request_parser<http::string_body> request;
};

// The parser stops behind the header: how much body may follow depends on who asks for what.
HttpRequestReader::HttpRequestReader(HttpRequestBounds bounds, const Endpoint& peer)
    : bounds_(std::move(bounds)), peer_(peer), parser_(std::make_unique<Parser>()) {
    parser_->request.eager(false);
    parser_->request.header_limit(static_cast<std::uint32_t>(bounds_.header));
    parser_->request.body_limit(boost::none);
}
HttpRequestReader::~HttpRequestReader() = default;
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader& HttpRequestReader::operator=(HttpRequestReader&&) noexcept = default;

HttpRequestReader::State HttpRequestReader::refuse(unsigned status, std::string_view why) {
    refusal_ = {.status = status, .body = std::string(why) + "\n"};
    return State::refused;
}

HttpRequestReader::State HttpRequestReader::check_header() {
    is_checked_ = true;
    const auto& request = parser_->request.get();
    const auto hosts = request.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && request.version() >= 11)) return refuse(400, "A request names one Host.");
    const auto codings = request.count(http::field::transfer_encoding);
    if (codings > 0 && request.count(http::field::content_length) > 0)
        return refuse(400, "Transfer-Encoding and Content-Length do not go together.");
    const auto coding = request[http::field::transfer_encoding];
    if (codings > 1 || (codings == 1 && !equals_ignoring_case(trimmed({coding.data(), coding.size()}), "chunked")))
        return refuse(501, "Only the chunked transfer coding is known here.");
    const Octets limit = bounds_.body_of ? bounds_.body_of(head()) : bounds_.body;
    if (const auto length = parser_->request.content_length(); length && *length > limit)
        return refuse(413, "The request is too large.");
    parser_->request.body_limit(limit);
    return State::needs_more;
}

HttpRequestReader::State HttpRequestReader::receive(std::string& octets) {
    auto& parser = parser_->request;
    for (;;) {
        if (const auto fault = is_checked_ ? std::string_view() : fault_of_lines(octets); !fault.empty())
            return refuse(400, fault);
        boost::system::error_code problem;
        const std::size_t parsed = parser.put(boost::asio::buffer(octets), problem);
        octets.erase(0, parsed);
        if (problem == http::error::need_more) problem = {};
        if (problem == http::error::body_limit) return refuse(413, "The request is too large.");
        if (problem == http::error::header_limit) return refuse(431, "The header is too large.");
        if (problem) return refuse(400, "This is not an HTTP/1.1 request.");
        if (!is_checked_ && parser.is_header_done() && check_header() == State::refused) return State::refused;
        if (parser.is_done()) return State::done;
        if (parsed == 0 || octets.empty()) return State::needs_more;
    }
}

bool HttpRequestReader::waits_for_continue() const {
    const auto& parser = parser_->request;
    if (!parser.is_header_done() || parser.is_done()) return false;
    const auto expected = parser.get()[http::field::expect];
    return equals_ignoring_case({expected.data(), expected.size()}, "100-continue");
}

bool HttpRequestReader::keeps_alive() const { return parser_->request.get().keep_alive(); }

HttpRequest HttpRequestReader::head() const {
    const auto& message = parser_->request.get();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
        request.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.peer = peer_;
    return request;
}

HttpRequest HttpRequestReader::take() {
    HttpRequest request = head();
    request.body = std::move(parser_->request.get().body());
    return request;
}

}  // namespace relevo::net
