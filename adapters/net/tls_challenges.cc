#include "adapters/net/tls_challenges.h"

#include "adapters/net/tls_session.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace relevo::net {
namespace {

using namespace std::string_view_literals;
using BioPointer = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free(bio); })>;
using X509Pointer = std::unique_ptr<X509, decltype([](X509* certificate) { X509_free(certificate); })>;
using KeyPointer = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

// RFC 8737 §3: the client offers "the single protocol name "acme-tls/1"", and we choose it.
constexpr std::string_view offered =
    "\x00\x0B\x0A"
    "acme-tls/1"sv;
constexpr std::string_view chosen = offered.substr(3);

std::string_view extension(SSL* ssl, unsigned type) {
    const unsigned char* octets = nullptr;
    std::size_t length = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &octets, &length) != 1) return {};
    return {reinterpret_cast<const char*>(octets), length};
}

// RFC 6066 §3: a list of one name; "" if it is anything else.
std::string_view server_name(std::string_view octets) {
    const auto number = [&](std::size_t at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(octets[at])) * 256 +
               static_cast<unsigned char>(octets[at + 1]);
    };
    if (octets.size() < 5 || number(0) != octets.size() - 2 || octets[2] != 0 || number(3) != octets.size() - 5)
        return {};
    return octets.substr(5);
}

int choose_acme(SSL*, const unsigned char** protocol, unsigned char* length, const unsigned char*, unsigned, void*) {
    *protocol = reinterpret_cast<const unsigned char*>(chosen.data());
    *length = static_cast<unsigned char>(chosen.size());
    return SSL_TLSEXT_ERR_OK;
}

// The usual context's callback would put its own certificate in place again.
int keep_context(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

}  // namespace

Result<void> TlsChallenges::put(std::string host, std::string_view certificate, std::string_view key) {
    const BioPointer certificate_text(BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
    const BioPointer key_text(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
    const X509Pointer parsed(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const KeyPointer parsed_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    SslContextPointer context(SSL_CTX_new(TLS_server_method()));
    if (!context || !parsed || !parsed_key || SSL_CTX_use_certificate(context.get(), parsed.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), parsed_key.get()) != 1 ||
        SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
        return failure(ErrorKind::invalid, fmt::format("the certificate of a challenge: {}", take_tls_errors()));
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_acme, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context.get(), keep_context);
    const std::lock_guard lock(mutex_);
    contexts_.insert_or_assign(std::move(host), std::move(context));
    return {};
}

void TlsChallenges::remove(const std::string& host) {
    const std::lock_guard lock(mutex_);
    contexts_.erase(host);
}

SslContextPointer TlsChallenges::find(std::string_view host) const {
    const std::lock_guard lock(mutex_);
    const auto found = contexts_.find(host);
    if (found == contexts_.end()) return nullptr;
    SSL_CTX_up_ref(found->second.get());
    return SslContextPointer(found->second.get());
}

// Before any other callback, so that the certificate is chosen before the protocol is.
int TlsChallenges::look(SSL* ssl, int*, void* argument) {
    if (extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation) != offered) return SSL_CLIENT_HELLO_SUCCESS;
    const std::string host = to_lower(server_name(extension(ssl, TLSEXT_TYPE_server_name)));
    const SslContextPointer context = static_cast<const TlsChallenges*>(argument)->find(host);
    if (context) SSL_set_SSL_CTX(ssl, context.get());
    return SSL_CLIENT_HELLO_SUCCESS;
}

void TlsChallenges::install(SSL_CTX& context) const {
    SSL_CTX_set_client_hello_cb(&context, look, const_cast<TlsChallenges*>(this));
}

}  // namespace relevo::net
