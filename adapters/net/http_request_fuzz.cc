// Any octets, in any pieces, are the same requests or the same refusal. Security row F17.
#include "adapters/net/http_request_reader.h"

#include <cstdlib>
#include <vector>

namespace {

using namespace relevo;
using State = net::HttpRequestReader::State;

struct Seen {
    std::vector<std::string> requests;
    unsigned refused_with = 0;
};

Seen read(std::string_view wire, std::size_t piece) {
    const net::HttpRequestBounds bounds{.header = 512, .body = 1024};
    Seen seen;
    std::string waiting;
    net::HttpRequestReader reader(bounds, {});
    for (std::size_t at = 0; at < wire.size(); at += piece) {
        waiting += wire.substr(at, piece);
        for (bool more = true; more;) {
            more = false;
            const State state = reader.receive(waiting);
            if (state == State::refused) {
                seen.refused_with = reader.refusal().status;
                return seen;
            }
            if (state != State::done) continue;
            const bool keeps = reader.keeps_alive();
            const HttpRequest request = reader.take();
            if (request.body.size() > bounds.body) std::abort();
            seen.requests.push_back(request.method + " " + request.target + "\n" + request.body);
            if (!keeps) return seen;
            reader = net::HttpRequestReader(bounds, {});
            more = !waiting.empty();
        }
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    // A header that does not end may be refused early or waited for; that depends on the pieces, so here it ends.
    const std::string wire = std::string(reinterpret_cast<const char*>(data) + 1, size - 1) + "\r\n\r\n";
    const Seen whole = read(wire, wire.size() + 1);
    const Seen pieces = read(wire, std::size_t{data[0]} % 61 + 1);
    // At the very limit of a header it depends on the pieces whether the first line counts.
    if (whole.refused_with == 431 || pieces.refused_with == 431) return 0;
    if (whole.requests != pieces.requests) std::abort();
    if ((whole.refused_with == 0) != (pieces.refused_with == 0)) std::abort();
    return 0;
}
