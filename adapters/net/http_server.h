// HTTP/1.1 requests from streams, to one handler; Boost.Beast parses.
#pragma once

#include "core/ports/stream.h"
#include "lib/base/octets.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo::net {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method{};  // "GET"
    std::string target{};  // as sent: "/metrics?x=1"
    HttpFields fields{};   // in order; names in the sender's case
    std::string body{};
    Endpoint peer{};
    // The first field of that name, in any case; "" if there is none.
    [[nodiscard]] std::string_view field(std::string_view name) const;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";  // "" sends none
    std::string body{};
    HttpFields fields{};  // further ones; one with CR or LF in it is left out
};

using HttpHandler = std::function<Task<HttpResponse>(HttpRequest)>;

enum class HttpTransport : std::uint8_t { plain, tls };

struct HttpServerOptions {
    HttpHandler handler{};
    HttpTransport transport = HttpTransport::plain;
    Octets body_limit_octets = 64 * kibibyte;    // over it: 413
    Octets header_limit_octets = 16 * kibibyte;  // over it: 431
    std::chrono::seconds idle_limit{60};         // between requests
    std::chrono::seconds request_limit{20};      // from a request's first octet to its last (security A16)
    std::chrono::seconds answer_limit{30};       // for the peer to take an answer
};

// Keeps connections alive and answers pipelined requests in order. Threads: any; each stream stays on its shard, where
// the handler runs, concurrently on several.
class HttpServer {
 public:
    explicit HttpServer(HttpServerOptions options);
    // For Listener::start(): serves the stream until it ends.
    void serve(Shard& shard, std::unique_ptr<Stream> stream);

 private:
    std::shared_ptr<const HttpServerOptions> options_;  // with the connections that are open
};

}  // namespace relevo::net
