// Fuzz target F6: PROXY headers and the sniffing of first octets. The result never changes once it is known, never
// claims more than the octets that are there, and stays within its limit.
#include "lib/smtp/proxy_protocol.h"

#include "lib/base/octets.h"
#include "lib/smtp/sniff.h"

#include <cstdlib>

namespace {

using namespace relevo::smtp;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_proxy_header(std::string_view octets) {
    ProxyHeader known;
    for (std::size_t size = 0; size <= octets.size(); ++size) {
        const ProxyHeader header = parse_proxy_header(octets.substr(0, size));
        require(header.consumed <= size);
        require((header.state == ProxyState::invalid) == !header.problem.empty());
        require(header.source.has_value() == header.destination.has_value());
        require(header.state != ProxyState::need_more || size < proxy_header_limit_octets);
        if (known.state != ProxyState::need_more) {
            require(header.state == known.state && header.consumed == known.consumed);
            require(header.source == known.source && header.destination == known.destination);
        }
        known = header;
        if (size > 300 && size + 1 < octets.size()) size = octets.size() - 1;  // long ones: the beginning and the whole
    }
}

void check_sniffing(std::string_view octets) {
    const auto span = relevo::as_octets(octets);
    const FirstOctets first = classify(span);
    require(first != FirstOctets::tls_client_hello || !is_plain_text_at_tls_port(span));
    require((first != FirstOctets::smtp && first != FirstOctets::http) || is_plain_text_at_tls_port(span));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    check_proxy_header(octets);
    check_sniffing(octets);
    return 0;
}
