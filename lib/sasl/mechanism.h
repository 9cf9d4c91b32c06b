// SASL for SMTP (RFC 4422, RFC 4954): PLAIN and LOGIN by hand, SCRAM-SHA-256(-PLUS) and CRAM-MD5 by libgsasl.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace relevo::sasl {

// Channel bindings of the TLS connection, raw octets; empty where there is none (RFC 5929, RFC 9266). -PLUS uses
// tls-exporter alone: libgsasl 2.2 knows no tls-server-end-point.
struct ChannelBindings {
    std::string tls_exporter;
    std::string tls_server_end_point;
};

// What the store keeps for SCRAM-SHA-256 (RFC 5803, RFC 7677); made once from the password.
struct ScramVerifier {
    std::uint32_t iterations = 0;
    std::string salt;  // raw octets
    std::string stored_key;
    std::string server_key;
};
inline constexpr std::uint32_t scram_iterations =
    4096;  // RFC 7677 §4; passwords of ours are random with 128 bits or more
// More from a server is refused: the client's work grows with it, and a million take 0.7 s of a core.
inline constexpr std::uint32_t scram_iterations_limit = 1'000'000;
// SASLprep is applied to the password (RFC 5802 §2.2). A password that it forbids, or one with a NUL, gives a verifier
// of 0 iterations, which never matches.
[[nodiscard]] ScramVerifier make_scram_verifier(std::string_view password, std::string_view salt,
                                                std::uint32_t iterations);

// --- server

// The mechanism asks the driver, because the answer takes a look-up or a slow hash:
struct CheckPassword {
    std::string authorization_id, user, password;
};  // PLAIN, LOGIN → password_checked()
struct NeedVerifier {
    std::string user;
};  // SCRAM → verifier(), or a made-up one for unknown users
struct NeedPassword {
    std::string user;
};  // CRAM-MD5 → password() (only credentials that allow it)
struct Challenge {
    std::string octets;
};  // send it; then response()
struct Succeeded {
    std::string user;
    std::string final_octets;
};  // 235 (final_octets: SCRAM's server signature, to send as a challenge first)
struct Failed {
    ErrorKind kind = ErrorKind::refused;
    std::string detail;
};  // refused: wrong secret; invalid: malformed; unsupported: channel binding

using ServerMechanismStep = std::variant<CheckPassword, NeedVerifier, NeedPassword, Challenge, Succeeded, Failed>;

// One authentication exchange. Threads: none. Secrets are wiped on destruction.
class ServerMechanism {
 public:
    virtual ~ServerMechanism() = default;
    // First call: the initial response if the client sent one. Later: each answer to a challenge.
    [[nodiscard]] virtual ServerMechanismStep response(std::optional<std::string_view> octets) = 0;
    [[nodiscard]] virtual ServerMechanismStep password_checked(bool right);
    [[nodiscard]] virtual ServerMechanismStep verifier(const ScramVerifier& verifier);
    [[nodiscard]] virtual ServerMechanismStep password(std::string_view password);
    // A call that does not fit the last step is Failed (invalid).
    // After a Succeeded with final_octets was sent and the client answered (with nothing): no call is needed.
};

// Names in the order in which EHLO should list them; leave -PLUS out where the connection has no tls-exporter binding.
[[nodiscard]] std::vector<std::string> server_mechanisms(bool with_cram_md5);
// Errors: unsupported – no such mechanism, or -PLUS without channel bindings.
// `offered_plus`: -PLUS was offered on this connection, so a client that says "y" is being downgraded (RFC 5802 §6).
[[nodiscard]] Result<std::unique_ptr<ServerMechanism>> make_server_mechanism(std::string_view name,
                                                                             const ChannelBindings& bindings,
                                                                             bool offered_plus,
                                                                             std::string_view host_name);
// The verifier to answer NeedVerifier with for a user that does not exist: same form, stable per user, never matches.
[[nodiscard]] ScramVerifier decoy_verifier(std::string_view user, std::string_view server_secret);

// --- client

struct ClientCredentials {
    std::string user, password;
};

class ClientMechanism {
 public:
    virtual ~ClientMechanism() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    // nullopt: the mechanism waits for a challenge.
    [[nodiscard]] virtual Result<std::optional<std::string>> initial_response() = 0;
    // Errors: refused – the server failed to prove that it knows the secret (SCRAM), or asks for an absurd iteration
    // count (over scram_iterations_limit). invalid – not what the mechanism expects here.
    [[nodiscard]] virtual Result<std::string> respond(std::string_view challenge) = 0;
    // False while the server still owes us the proof that it knows the secret (SCRAM): a success reply that comes now
    // is to be taken as a failure (RFC 5802 §5). True for mechanisms that prove nothing.
    [[nodiscard]] virtual bool server_is_proven() const { return true; }
};
// The strongest of `offered` that we speak: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, then (only if `tls`) PLAIN, LOGIN;
// CRAM-MD5 last. -PLUS needs bindings.tls_exporter. A server that offers nothing better than PLAIN or LOGIN without TLS
// never gets the password. Errors: unsupported – none fits; detail lists what was offered.
[[nodiscard]] Result<std::unique_ptr<ClientMechanism>> choose_client_mechanism(const std::vector<std::string>& offered,
                                                                               ClientCredentials credentials, bool tls,
                                                                               const ChannelBindings& bindings);

}  // namespace relevo::sasl
