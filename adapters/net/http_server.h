// HTTP/1.1 requests from streams, to one handler.
#pragma once

#include "core/ports/http.h"
#include "lib/base/octets.h"

#include <functional>
#include <memory>

namespace relevo::net {

enum class HttpTransport : std::uint8_t { plain, tls };

struct HttpServerOptions {
    HttpHandler handler{};
    HttpTransport transport = HttpTransport::plain;
    Octets body_limit_octets = 64 * kibibyte;  // over it: 413
    // The same for one request, by its head; empty: always the above.
    std::function<Octets(const HttpRequest& head)> body_limit_of{};
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
