#include "adapters/net/tls_session.h"

#include "adapters/net/socket.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace relevo::net {
namespace {

// Types of TLS records (RFC 8446 §5.1). A handshake that went on between two looks may be at any of them.
constexpr std::uint8_t first_record_type = 20;  // change_cipher_spec
constexpr std::uint8_t last_record_type = 23;   // application_data
constexpr std::size_t binding_octets = 32;      // RFC 9266 §2

TlsFault fault_of_error(unsigned long error) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return TlsFault::other;
    switch (ERR_GET_REASON(error)) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return TlsFault::version_too_old;
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN: return TlsFault::certificate_refused;
        default: return TlsFault::other;
    }
}

// Of the record layer alone: what is TLS of another version has other reasons.
bool is_plain_text(unsigned long error) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
    const int reason = ERR_GET_REASON(error);
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
}

Transfer transfer_of(SSL& ssl, int result) {
    const int saved_errno = errno;
    switch (SSL_get_error(&ssl, result)) {
        case SSL_ERROR_WANT_READ: return {Transfer::State::want_read};
        case SSL_ERROR_WANT_WRITE: return {Transfer::State::want_write};
        case SSL_ERROR_ZERO_RETURN: return {Transfer::State::ended};
        case SSL_ERROR_SYSCALL:
            if (saved_errno == 0 || saved_errno == ECONNRESET || saved_errno == EPIPE) return {Transfer::State::ended};
            return {Transfer::State::failed, 0, text_of_errno(saved_errno)};
        default: break;
    }
    // Without close_notify the stream may have been cut short by an attacker; SMTP knows its own ends (RFC 9325 §3.7).
    const unsigned long first = ERR_peek_error();
    const bool cut = ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    std::string detail = take_tls_errors();
    if (cut) return {Transfer::State::ended};
    return {Transfer::State::failed, 0, "TLS: " + detail, fault_of_error(first), is_plain_text(first)};
}

std::string binding_of_certificate(const X509* certificate) {
    if (certificate == nullptr) return {};
    int digest_id = NID_undef;
    // The signature's hash, SHA-256 in place of MD5 and SHA-1; none is defined for EdDSA (RFC 5929 §4.1).
    if (X509_get_signature_info(const_cast<X509*>(certificate), &digest_id, nullptr, nullptr, nullptr) != 1) return {};
    if (digest_id == NID_undef) return {};
    if (digest_id == NID_md5 || digest_id == NID_sha1 || digest_id == NID_md5_sha1) digest_id = NID_sha256;
    const EVP_MD* digest = EVP_get_digestbynid(digest_id);
    std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
    unsigned length = 0;
    if (digest == nullptr || X509_digest(certificate, digest, value.data(), &length) != 1) return {};
    return {reinterpret_cast<const char*>(value.data()), length};
}

// "Derived from the exporter with the label and a zero-length context" (RFC 9266 §2); before TLS 1.3 only with the
// extended master secret is it unique (§4.2).
std::string exporter_binding(const SSL& ssl) {
    SSL* mutable_ssl = const_cast<SSL*>(&ssl);
    if (SSL_version(&ssl) != TLS1_3_VERSION && SSL_get_extms_support(mutable_ssl) != 1) return {};
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    std::array<unsigned char, binding_octets> value{};
    constexpr unsigned char empty = 0;
    if (SSL_export_keying_material(mutable_ssl, value.data(), value.size(), label.data(), label.size(), &empty, 0, 1) !=
        1)
        return {};
    return {reinterpret_cast<const char*>(value.data()), value.size()};
}

TlsInfo info_of(const SSL& ssl) {
    TlsInfo info;
    info.protocol = SSL_get_version(&ssl);
    info.cipher = SSL_get_cipher_name(&ssl);
    info.exporter_binding = exporter_binding(ssl);
    return info;
}

bool is_host_name(std::string_view text) {
    return std::ranges::all_of(text,
                               [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

}  // namespace

void SslDeleter::operator()(SSL* ssl) const { SSL_free(ssl); }

Transfer tls_read(SSL& ssl, std::span<std::byte> into) {
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    const int result = SSL_read_ex(&ssl, into.data(), into.size(), &count);
    if (result == 1) return {Transfer::State::done, count};
    return transfer_of(ssl, result);
}

Transfer tls_write(SSL& ssl, std::string_view octets) {
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    const int result = SSL_write_ex(&ssl, octets.data(), octets.size(), &count);
    if (result == 1) return {Transfer::State::done, count};
    return transfer_of(ssl, result);
}

Transfer tls_handshake(SSL& ssl) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(&ssl);
    if (result == 1) return {};
    return transfer_of(ssl, result);
}

bool tls_was_unverified(const SSL& ssl) {
    return !SSL_is_server(&ssl) && SSL_get_verify_mode(&ssl) != SSL_VERIFY_NONE &&
           SSL_get_verify_result(&ssl) != X509_V_OK;
}

TlsFault tls_fault_of(const SSL& ssl) {
    switch (SSL_get_verify_result(&ssl)) {
        case X509_V_OK: return TlsFault::none;
        case X509_V_ERR_CERT_NOT_YET_VALID:
        case X509_V_ERR_CERT_HAS_EXPIRED: return TlsFault::certificate_expired;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsFault::certificate_host_mismatch;
        default: return TlsFault::certificate_not_trusted;
    }
}

bool tls_has_pending(const SSL& ssl) { return SSL_has_pending(&ssl) == 1; }

void tls_shutdown(SSL& ssl) {
    ERR_clear_error();
    (void)SSL_shutdown(&ssl);
    ERR_clear_error();
}

std::optional<std::string> plain_text_instead_of_tls(int descriptor) {
    std::array<char, 80> start{};
    const ssize_t count = ::recv(descriptor, start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count <= 0) return std::nullopt;
    const auto first = static_cast<std::uint8_t>(start[0]);
    if (first >= first_record_type && first <= last_record_type) return std::nullopt;
    const std::string_view text = trimmed({start.data(), static_cast<std::size_t>(count)});
    return fmt::format("the peer spoke plain text where TLS was due: \"{}\"", printable(text, 60));
}

TlsInfo tls_info_of_server(const SSL& ssl) {
    TlsInfo info = info_of(ssl);
    // A client may send any octets but NUL as its name (RFC 6066 §3); nobody downstream should have to care.
    const char* name = SSL_get_servername(&ssl, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr && is_host_name(name)) info.server_name = to_lower(std::string_view(name));
    info.server_end_point_binding = binding_of_certificate(SSL_get_certificate(&ssl));
    return info;
}

TlsInfo tls_info_of_client(const SSL& ssl) {
    TlsInfo info = info_of(ssl);
    if (const char* name = SSL_get_servername(&ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(&ssl), X509_free);
    info.server_end_point_binding = binding_of_certificate(certificate.get());
    const long verdict = SSL_get_verify_result(&ssl);
    info.verified = certificate && verdict == X509_V_OK;
    std::uint8_t usage = 0, selector = 0, matching = 0;
    // OpenSSL's getter is not const.
    if (info.verified &&
        SSL_get0_dane_tlsa(const_cast<SSL*>(&ssl), &usage, &selector, &matching, nullptr, nullptr) >= 0)
        info.verified_by = fmt::format("TLSA record {} {} {}", usage, selector, matching);
    if (info.verified) return info;
    info.verify_error = X509_verify_cert_error_string(verdict);
    info.fault = verdict == X509_V_OK ? TlsFault::other : tls_fault_of(ssl);
    return info;
}

std::string take_tls_errors() {
    std::string text;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        if (!text.empty()) text += "; ";
        text += reason != nullptr ? std::string(reason) : fmt::format("error {:x}", code);
    }
    return text.empty() ? "no reason given" : text;
}

}  // namespace relevo::net
