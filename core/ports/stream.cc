#include "core/ports/stream.h"

#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::string_view source_detail = "cannot send: ";

}  // namespace

std::string Endpoint::text() const {
    return address.is_v4() ? fmt::format("{}:{}", address.text(), port) : fmt::format("[{}]:{}", address.text(), port);
}

std::string_view name_of(ProxyProtocol protocol) {
    switch (protocol) {
        case ProxyProtocol::socks5: return "socks5";
        case ProxyProtocol::haproxy: return "haproxy";
    }
    return "unknown";
}

Error source_error(ErrorKind kind, std::string_view why) { return {kind, fmt::format("{}{}", source_detail, why)}; }

bool is_source_error(const Error& error) { return error.detail.starts_with(source_detail); }

Task<Result<void>> Stream::write_parts(Parts parts, Deadline deadline) {
    for (const std::string_view part : parts) RELEVO_CO_CHECK(co_await write(part, deadline));
    co_return Result<void>();
}

}  // namespace relevo
