// Octets of a connection to HTTP/1.1 requests (RFC 9112), one after the other. No I/O: any split of the stream gives
// the same requests. Boost.Beast's parser decides about the grammar; what it leaves open is refused here.
#pragma once

#include "core/ports/http.h"
#include "lib/base/octets.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace relevo::net {

struct HttpRequestBounds {
    Octets header = 16 * kibibyte;
    Octets body = 64 * kibibyte;
    // What this one request may bring, asked when its header is whole; empty: `body`. The head has no body yet.
    std::function<Octets(const HttpRequest& head)> body_of{};
};

// One request. A request with two readings is none: Content-Length beside Transfer-Encoding, another coding than
// chunked, no Host or two of them (§3.2, §6.1; security row F17).
class HttpRequestReader {
 public:
    enum class State : std::uint8_t { needs_more, done, refused };

    HttpRequestReader(HttpRequestBounds bounds, const Endpoint& peer);
    ~HttpRequestReader();
    HttpRequestReader(HttpRequestReader&&) noexcept;
    HttpRequestReader& operator=(HttpRequestReader&&) noexcept;

    // Takes what belongs to the request off the front of `octets`; what is left belongs to the next one.
    State receive(std::string& octets);
    // The header is whole and the client waits for "100 Continue" before it sends the body (RFC 9110 §10.1.1).
    [[nodiscard]] bool waits_for_continue() const;

    // Once, after `done`.
    [[nodiscard]] HttpRequest take();
    [[nodiscard]] bool keeps_alive() const;
    // After `refused`: what to say before the connection is closed.
    [[nodiscard]] const HttpResponse& refusal() const { return refusal_; }

 private:
    struct Parser;
    [[nodiscard]] HttpRequest head() const;
    State refuse(unsigned status, std::string_view why);
    State check_header();

    HttpRequestBounds bounds_;
    Endpoint peer_;
    std::unique_ptr<Parser> parser_;
    HttpResponse refusal_;
    bool is_checked_ = false;
};

}  // namespace relevo::net
