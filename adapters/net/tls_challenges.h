// Certificates that answer challenges of tls-alpn-01 (RFC 8737), beside those that clients see.
#pragma once

#include "adapters/net/certificate.h"

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace relevo::net {

// Threads: any.
class TlsChallenges {
 public:
    // Shown from now on to whoever offers "acme-tls/1" alone and names this host. Both in PEM. Errors: invalid, io.
    [[nodiscard]] Result<void> put(std::string host, std::string_view certificate, std::string_view key);
    void remove(const std::string& host);

    // Lets the handshakes of a context ask this object, which must live as long as they do.
    void install(SSL_CTX& context) const;

 private:
    [[nodiscard]] SslContextPointer find(std::string_view host) const;
    static int look(SSL* ssl, int* alert, void* argument);

    mutable std::mutex mutex_;
    std::map<std::string, SslContextPointer, std::less<>> contexts_;
};

}  // namespace relevo::net
