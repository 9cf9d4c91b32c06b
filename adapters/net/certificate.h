// Certificates and their keys, from PEM files.
#pragma once

#include "core/ports/task.h"
#include "lib/base/result.h"

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::net {

struct CertificateFiles {
    std::string certificate{};  // the chain, own certificate first
    std::string key{};          // not encrypted
};

struct SslContextDeleter {
    void operator()(SSL_CTX* context) const;
};
using SslContextPointer = std::unique_ptr<SSL_CTX, SslContextDeleter>;

// What people want to know about a certificate in use.
struct CertificateSummary {
    std::string file{};
    std::vector<std::string> names{};  // of its subjectAltName, lower case; "*.example" as such
    WallClock::time_point begins{}, expires{};
};

// Puts chain and key into `context`. Errors: not_found, io – a file cannot be read. invalid – not PEM, the key does not
// belong to the certificate, expired, not yet valid, encrypted key: detail names the file and says what to do.
[[nodiscard]] Result<CertificateSummary> load_certificate(SSL_CTX& context, const CertificateFiles& files);

// The same, without a use for them: can they be used now?
[[nodiscard]] Result<CertificateSummary> inspect_certificate(const CertificateFiles& files);

// True if the certificate's name covers `host`: equal, or "*." in place of one label (RFC 6125 §6.4.3). Lower case.
[[nodiscard]] bool covers(std::string_view certificate_name, std::string_view host);

// Makes an EC P-256 key and a certificate for `host` that nobody but itself vouches for, valid for 398 days; both
// files with mode 0600, replaced as a whole. Errors: invalid – not a host name; io.
[[nodiscard]] Result<void> make_self_signed(std::string_view host, const CertificateFiles& files);

}  // namespace relevo::net
