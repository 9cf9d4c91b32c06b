#include "adapters/net/certificate.h"

#include "adapters/net/socket.h"
#include "adapters/net/tls_session.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace relevo::net {
namespace {

constexpr long self_signed_seconds = 398L * 24 * 3600;

using X509Pointer = std::unique_ptr<X509, void (*)(X509*)>;
using KeyPointer = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

// Without it OpenSSL would ask on the terminal.
int refuse_password(char*, int, int, void*) { return 0; }

std::unexpected<Error> unusable(std::string_view file, std::string_view why) {
    return failure(ErrorKind::invalid, fmt::format("{}: {}", file, why));
}

Result<void> check_readable(const std::string& file) {
    if (::access(file.c_str(), R_OK) == 0) return {};
    return failure(errno == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                   fmt::format("{}: {}", file, text_of_errno(errno)));
}

WallClock::time_point time_of(const ASN1_TIME* time) {
    tm broken_down{};
    ASN1_TIME_to_tm(time, &broken_down);
    // Later than a clock can tell: some certificates end in the year 9999.
    constexpr std::time_t latest = 9'000'000'000;
    return WallClock::from_time_t(std::clamp<std::time_t>(timegm(&broken_down), 0, latest));
}

Result<void> check_dates(const X509* certificate, std::string_view file) {
    const auto day = [](const ASN1_TIME* time) {
        return fmt::format("{:%Y-%m-%d}", fmt::gmtime(WallClock::to_time_t(time_of(time))));
    };
    const ASN1_TIME* end = X509_get0_notAfter(certificate);
    const ASN1_TIME* start = X509_get0_notBefore(certificate);
    if (X509_cmp_current_time(end) < 0) return unusable(file, fmt::format("the certificate expired on {}", day(end)));
    if (X509_cmp_current_time(start) > 0)
        return unusable(file, fmt::format("the certificate is not valid before {}", day(start)));
    return {};
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> names;
    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> alternatives(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    for (int index = 0; index < sk_GENERAL_NAME_num(alternatives.get()); ++index) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), index);
        if (name->type != GEN_DNS) continue;
        const auto* octets = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        const auto length = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
        names.push_back(to_lower(std::string_view(octets, length)));
    }
    return names;
}

std::string reason_for_key(const std::string& file) {
    const unsigned long code = ERR_peek_last_error();
    const bool asked = ERR_GET_LIB(code) == ERR_LIB_PEM && (ERR_GET_REASON(code) == PEM_R_BAD_PASSWORD_READ ||
                                                            ERR_GET_REASON(code) == PEM_R_PROBLEMS_GETTING_PASSWORD);
    std::string reason = take_tls_errors();
    return asked || reason.find("password") != std::string::npos
               ? fmt::format("{}: the key is encrypted; store it without a passphrase", file)
               : fmt::format("{}: no usable private key in it ({})", file, reason);
}

bool add_extension(X509& certificate, int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()), X509_EXTENSION_free);
    return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool set_subject(X509& certificate, const std::string& host) {
    // A common name has at most 64 octets; clients read the alternative name alone.
    const std::string common = host.substr(0, 64);
    X509_NAME* name = X509_get_subject_name(&certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common.data()),
                                      static_cast<int>(common.size()), -1, 0) == 1 &&
           X509_set_issuer_name(&certificate, name) == 1;
}

X509Pointer self_signed(const std::string& host, EVP_PKEY& key) {
    X509Pointer certificate(X509_new(), X509_free);
    std::uint64_t serial = 0;
    if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
        return {nullptr, X509_free};
    const bool made = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1U) == 1 &&
                      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) != nullptr &&
                      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), self_signed_seconds) != nullptr &&
                      X509_set_pubkey(certificate.get(), &key) == 1 && set_subject(*certificate, host) &&
                      add_extension(*certificate, NID_subject_alt_name, "DNS:" + host) &&
                      add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE") &&
                      add_extension(*certificate, NID_ext_key_usage, "serverAuth") &&
                      X509_sign(certificate.get(), &key, EVP_sha256()) > 0;
    return made ? std::move(certificate) : X509Pointer(nullptr, X509_free);
}

// Writes beside, then renames: a reader sees the old file or the new one. `write` puts PEM into the stream.
template <class Write>
Result<void> replace_file(const std::string& file, Write write) {
    const std::string beside = file + ".new";
    ::unlink(beside.c_str());
    FileDescriptor descriptor(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "create " + beside));
    std::FILE* stream = ::fdopen(descriptor.get(), "w");
    if (stream == nullptr) return std::unexpected(error_of_errno(errno, "write " + beside));
    (void)descriptor.release();
    const bool written = write(stream) == 1 && std::fflush(stream) == 0 && ::fsync(::fileno(stream)) == 0;
    if (std::fclose(stream) != 0 || !written) return failure(ErrorKind::io, "cannot write " + beside);
    if (::rename(beside.c_str(), file.c_str()) != 0) return std::unexpected(error_of_errno(errno, "rename " + beside));
    return {};
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 &&
           std::ranges::all_of(host, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.'; });
}

}  // namespace

void SslContextDeleter::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<CertificateSummary> load_certificate(SSL_CTX& context, const CertificateFiles& files) {
    ERR_clear_error();
    RELEVO_CHECK(check_readable(files.certificate));
    RELEVO_CHECK(check_readable(files.key));
    SSL_CTX_set_default_passwd_cb(&context, refuse_password);
    if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) != 1)
        return unusable(files.certificate, fmt::format("no usable certificate in it ({})", take_tls_errors()));
    const X509* certificate = SSL_CTX_get0_certificate(&context);
    RELEVO_CHECK(check_dates(certificate, files.certificate));
    if (SSL_CTX_use_PrivateKey_file(&context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        // OpenSSL compares with the certificate already while loading.
        const bool differs = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509;
        if (!differs) return failure(ErrorKind::invalid, reason_for_key(files.key));
        ERR_clear_error();
        return unusable(files.key, fmt::format("this key does not belong to the certificate in {}", files.certificate));
    }
    if (SSL_CTX_check_private_key(&context) != 1) {
        ERR_clear_error();
        return unusable(files.key, fmt::format("this key does not belong to the certificate in {}", files.certificate));
    }
    return CertificateSummary{files.certificate, names_of(certificate), time_of(X509_get0_notBefore(certificate)),
                              time_of(X509_get0_notAfter(certificate))};
}

Result<CertificateSummary> inspect_certificate(const CertificateFiles& files) {
    const SslContextPointer context(SSL_CTX_new(TLS_server_method()));
    if (!context) return failure(ErrorKind::io, "cannot prepare TLS: " + take_tls_errors());
    return load_certificate(*context, files);
}

bool covers(std::string_view certificate_name, std::string_view host) {
    if (certificate_name == host) return true;
    if (!certificate_name.starts_with("*.")) return false;
    const std::size_t dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 && certificate_name.substr(1) == host.substr(dot);
}

Result<void> make_self_signed(std::string_view host, const CertificateFiles& files) {
    if (!is_host_name(host))
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is not a host name", printable(host, 80)));
    ERR_clear_error();
    const KeyPointer key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    if (!key) return failure(ErrorKind::io, "cannot make a key: " + take_tls_errors());
    const X509Pointer certificate = self_signed(to_lower(host), *key);
    if (!certificate) return failure(ErrorKind::io, "cannot make a certificate: " + take_tls_errors());
    RELEVO_CHECK(replace_file(files.key, [&](std::FILE* stream) {
        return PEM_write_PrivateKey(stream, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }));
    return replace_file(files.certificate,
                        [&](std::FILE* stream) { return PEM_write_X509(stream, certificate.get()); });
}

}  // namespace relevo::net
