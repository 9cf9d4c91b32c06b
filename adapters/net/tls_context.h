// What TLS connections share: certificates, keys of tickets, trust.
#pragma once

#include "adapters/net/certificate.h"
#include "adapters/net/tls_session.h"
#include "core/ports/stream.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::net {

class TicketKeys;
class TlsChallenges;
struct CertificateSet;

struct TlsServerOptions {
    // The first one also serves clients that name no host, or an unknown one. Must not be empty.
    std::vector<CertificateFiles> certificates{};
    // Offered by a client, one of these must match, or the handshake ends with no_application_protocol (ALPACA).
    std::vector<std::string> protocols{"smtp"};
    // Answered before all others; may be null. Shared: several contexts and their connections use it.
    std::shared_ptr<const TlsChallenges> challenges{};
};

// Server side: TLS 1.2 and 1.3 with the ciphers of RFC 9325 §4.2, resumption by tickets whose keys change every
// twelve hours. Threads: any.
class TlsServerContext {
 public:
    // Errors: those of load_certificate().
    [[nodiscard]] static Result<std::shared_ptr<TlsServerContext>> make(TlsServerOptions options);

    // Reads the files again, or others. New handshakes use them; connections keep what they have. After an error
    // everything stays as it was.
    [[nodiscard]] Result<void> reload();
    [[nodiscard]] Result<void> reload(TlsServerOptions options);
    [[nodiscard]] std::vector<CertificateSummary> certificates() const;

    // `content` with a signature (CMS, RFC 5652, as DER with the content in it) of the certificate for `host`, its
    // chain included. Errors: io – OpenSSL could not.
    [[nodiscard]] Result<std::string> sign(std::string_view content, std::string_view host) const;

    // Begins a handshake on a connected socket. Errors: io (out of memory).
    [[nodiscard]] Result<SslPointer> begin(int descriptor);

 private:
    TlsServerContext(TlsServerOptions options, std::shared_ptr<TicketKeys> tickets);
    [[nodiscard]] std::shared_ptr<const CertificateSet> current() const;

    mutable std::mutex mutex_;
    TlsServerOptions options_;
    std::shared_ptr<TicketKeys> tickets_;            // shared with sets in use
    std::shared_ptr<const CertificateSet> current_;  // shared with connections in use
};

// Client side: opportunistic unless a connection asks for verification. Threads: any.
class TlsClientContext {
 public:
    // `trust_file`: PEM certificates to trust; "" means the system's. Errors: invalid – no certificate in the file.
    [[nodiscard]] static Result<std::shared_ptr<TlsClientContext>> make(const std::string& trust_file = "");
    [[nodiscard]] Result<SslPointer> begin(int descriptor, const TlsClientOptions& options);

 private:
    explicit TlsClientContext(SslContextPointer context) : context_(std::move(context)) {}
    SslContextPointer context_;
};

}  // namespace relevo::net
