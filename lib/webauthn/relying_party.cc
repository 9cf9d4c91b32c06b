#include "lib/webauthn/relying_party.h"

#include "lib/base/https_url.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <cstdint>

namespace relevo::webauthn {
namespace {

constexpr std::string_view localhost = "localhost";
constexpr std::uint16_t https_port = 443;

// "192.0.2.1" and "2001:db8::1"; the last label of a name is never a number (RFC 3696 §2).
bool is_ip_address(std::string_view host) {
    return host.contains(':') || parse_decimal<std::uint64_t>(host.substr(host.rfind('.') + 1)).has_value();
}

}  // namespace

Result<RelyingParty> relying_party_of(std::string_view url) {
    RELEVO_TRY(const HttpsUrl parsed, parse_https_url(url));
    if (is_ip_address(parsed.host))
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no host name: passkeys need one, no IP address", parsed.host));
    return RelyingParty{.id = parsed.host,
                        .origin = parsed.port == https_port ? fmt::format("https://{}", parsed.host)
                                                            : fmt::format("https://{}:{}", parsed.host, parsed.port)};
}

Result<RelyingParty> relying_party_of_localhost(std::string_view host_field) {
    const std::string host = to_lower(host_field);
    const auto colon = host.find(':');
    const std::string_view name = std::string_view(host).substr(0, colon);
    const bool has_port = colon != std::string::npos;
    if (name != localhost || (has_port && !parse_decimal<std::uint16_t>(std::string_view(host).substr(colon + 1))))
        return failure(ErrorKind::invalid, "without TLS, passkeys need the host \"localhost\"");
    return RelyingParty{.id = std::string(localhost), .origin = "http://" + host};
}

}  // namespace relevo::webauthn
