#include "adapters/net/tls_context.h"

#include "adapters/net/ticket_keys.h"
#include "adapters/net/tls_challenges.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace relevo::net {

// Certificates of one reload. Never changes; SSL objects keep it alive.
struct CertificateSet {
    struct Entry {
        SslContextPointer context;
        CertificateSummary summary;
    };
    std::vector<Entry> entries;
    std::string protocols;  // as ALPN has them on the wire
    std::shared_ptr<TicketKeys> tickets;
    std::shared_ptr<const TlsChallenges> challenges;  // may be null
};

namespace {

constexpr long session_seconds = 6L * 3600;
constexpr const char* server_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr unsigned char session_id_context[] = "relevo";

std::unexpected<Error> tls_failure(std::string_view doing) {
    return failure(ErrorKind::io, fmt::format("cannot {}: {}", doing, take_tls_errors()));
}

// A host name chooses the certificate; an exact name goes before a wildcard.
const CertificateSet::Entry& entry_for(const CertificateSet& set, std::string_view host) {
    const auto has_exact = [host](const CertificateSet::Entry& entry) {
        return std::ranges::find(entry.summary.names, host) != entry.summary.names.end();
    };
    const auto has_cover = [host](const CertificateSet::Entry& entry) {
        return std::ranges::any_of(entry.summary.names, [host](const std::string& name) { return covers(name, host); });
    };
    auto found = std::ranges::find_if(set.entries, has_exact);
    if (found == set.entries.end()) found = std::ranges::find_if(set.entries, has_cover);
    return found == set.entries.end() ? set.entries.front() : *found;
}

int choose_certificate(SSL* ssl, int*, void* argument) {
    const auto& set = *static_cast<const CertificateSet*>(argument);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const CertificateSet::Entry& entry = entry_for(set, to_lower(std::string_view(name)));
    SSL_set_SSL_CTX(ssl, entry.context.get());
    return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length, const unsigned char* offered,
                    unsigned offered_length, void* argument) {
    const std::string& ours = static_cast<const CertificateSet*>(argument)->protocols;
    unsigned char* selected = nullptr;
    if (ours.empty() || offered_length == 0) return SSL_TLSEXT_ERR_ALERT_FATAL;
    const int verdict =
        SSL_select_next_proto(&selected, chosen_length, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_length);
    if (verdict != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = selected;
    return SSL_TLSEXT_ERR_OK;
}

void set_common_options(SSL_CTX& context) {
    SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);  // RFC 8996, RFC 9325 §3.1.1
    SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                      SSL_OP_PRIORITIZE_CHACHA);
    // An idle connection keeps no record buffers; a write may be retried from another place.
    SSL_CTX_set_mode(&context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // One recv() per record instead of two.
    SSL_CTX_set_read_ahead(&context, 1);
}

Result<SslContextPointer> make_server_context(const CertificateSet& set) {
    SslContextPointer context(SSL_CTX_new(TLS_server_method()));
    if (!context) return tls_failure("prepare TLS");
    set_common_options(*context);
    if (SSL_CTX_set_cipher_list(context.get(), server_ciphers) != 1 ||
        SSL_CTX_set1_groups_list(context.get(), groups) != 1 ||
        SSL_CTX_set_session_id_context(context.get(), session_id_context, sizeof session_id_context - 1) != 1)
        return tls_failure("prepare TLS");
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context.get(), session_seconds);
    SSL_CTX_set_num_tickets(context.get(), 1);
    set.tickets->install(*context);
    if (set.challenges) set.challenges->install(*context);
    SSL_CTX_set_tlsext_servername_callback(context.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context.get(), const_cast<CertificateSet*>(&set));
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, const_cast<CertificateSet*>(&set));
    return context;
}

Result<std::shared_ptr<const CertificateSet>> load_set(const TlsServerOptions& options,
                                                       std::shared_ptr<TicketKeys> tickets) {
    if (options.certificates.empty()) return failure(ErrorKind::invalid, "TLS needs at least one certificate");
    auto set = std::make_shared<CertificateSet>();
    set->tickets = std::move(tickets);
    set->challenges = options.challenges;
    for (const std::string& protocol : options.protocols) {
        if (protocol.empty() || protocol.size() > 255)
            return failure(ErrorKind::invalid, "an ALPN protocol must have 1 to 255 octets");
        set->protocols += static_cast<char>(protocol.size());
        set->protocols += protocol;
    }
    for (const CertificateFiles& files : options.certificates) {
        RELEVO_TRY(SslContextPointer context, make_server_context(*set));
        RELEVO_TRY(CertificateSummary summary, load_certificate(*context, files));
        set->entries.push_back({std::move(context), std::move(summary)});
    }
    return std::shared_ptr<const CertificateSet>(std::move(set));
}

// RFC 7672 §3.1. A record that OpenSSL does not take is as if it were not there; without any, nothing would be
// verified.
Result<void> use_tlsa(SSL& ssl, const TlsClientOptions& options) {
    if (SSL_dane_enable(&ssl, options.server_name.c_str()) != 1) return tls_failure("use DANE");
    // §3.1.1: with DANE-EE neither the name nor the dates of the certificate matter.
    SSL_dane_set_flags(&ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    for (const std::string& name : options.names)
        if (SSL_add1_host(&ssl, name.c_str()) != 1) return tls_failure("use DANE");
    std::size_t usable = 0;
    for (const tlspolicy::TlsaRecord& record : options.tlsa)
        usable += SSL_dane_tlsa_add(&ssl, record.usage, record.selector, record.matching,
                                    reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size()) == 1
                      ? 1U
                      : 0U;
    ERR_clear_error();
    if (usable == 0) return failure(ErrorKind::refused, "none of the TLSA records can be used");
    SSL_set_verify(&ssl, SSL_VERIFY_PEER, nullptr);
    return {};
}

bool is_address(const std::string& name) { return dns::IpAddress::parse(name).has_value(); }

}  // namespace

TlsServerContext::TlsServerContext(TlsServerOptions options, std::shared_ptr<TicketKeys> tickets)
    : options_(std::move(options)), tickets_(std::move(tickets)) {}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(TlsServerOptions options) {
    std::shared_ptr<TlsServerContext> context(new TlsServerContext(std::move(options), std::make_shared<TicketKeys>()));
    RELEVO_CHECK(context->reload());
    return context;
}

Result<void> TlsServerContext::reload() {
    TlsServerOptions options;
    {
        const std::lock_guard lock(mutex_);
        options = options_;
    }
    return reload(std::move(options));
}

Result<void> TlsServerContext::reload(TlsServerOptions options) {
    RELEVO_TRY(auto set, load_set(options, tickets_));
    const std::lock_guard lock(mutex_);
    options_ = std::move(options);
    current_ = std::move(set);
    return {};
}

std::shared_ptr<const CertificateSet> TlsServerContext::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

std::vector<CertificateSummary> TlsServerContext::certificates() const {
    std::vector<CertificateSummary> summaries;
    for (const auto& entry : current()->entries) summaries.push_back(entry.summary);
    return summaries;
}

Result<std::string> TlsServerContext::sign(std::string_view content, std::string_view host) const {
    const auto set = current();
    SSL_CTX* context = entry_for(*set, host).context.get();
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(context, &chain);
    const std::unique_ptr<BIO, decltype(&BIO_free)> source(
        BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free);
    const std::unique_ptr<CMS_ContentInfo, decltype(&CMS_ContentInfo_free)> made(
        CMS_sign(SSL_CTX_get0_certificate(context), SSL_CTX_get0_privatekey(context), chain, source.get(), CMS_BINARY),
        &CMS_ContentInfo_free);
    unsigned char* octets = nullptr;
    const int length = made ? i2d_CMS_ContentInfo(made.get(), &octets) : -1;
    if (length <= 0) return tls_failure("sign");
    std::string text(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(length));
    OPENSSL_free(octets);
    return text;
}

Result<SslPointer> TlsServerContext::begin(int descriptor) {
    auto set = current();
    SSL* ssl = SSL_new(set->entries.front().context.get());
    SslPointer connection(ssl, SslDeleter{std::move(set)});
    if (ssl == nullptr || SSL_set_fd(ssl, descriptor) != 1) return tls_failure("begin TLS");
    SSL_set_accept_state(ssl);
    return connection;
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(const std::string& trust_file) {
    ERR_clear_error();
    SslContextPointer context(SSL_CTX_new(TLS_client_method()));
    if (!context) return tls_failure("prepare TLS");
    set_common_options(*context);
    // Weak keys are better than plain text (RFC 7435); a connection that verifies asks for more.
    SSL_CTX_set_security_level(context.get(), 1);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    const bool trusted = trust_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                            : SSL_CTX_load_verify_file(context.get(), trust_file.c_str()) == 1;
    if (!trusted) {
        ERR_clear_error();
        return failure(ErrorKind::invalid, trust_file + ": no certificate to trust in it");
    }
    if (SSL_CTX_dane_enable(context.get()) != 1) return tls_failure("prepare DANE");
    return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(context)));
}

Result<SslPointer> TlsClientContext::begin(int descriptor, const TlsClientOptions& options) {
    ERR_clear_error();
    SSL* ssl = SSL_new(context_.get());
    SslPointer connection(ssl);
    if (ssl == nullptr || SSL_set_fd(ssl, descriptor) != 1) return tls_failure("begin TLS");
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const std::string& name = options.server_name;
    bool named = true;
    if (!name.empty() && is_address(name))
        named = X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;  // an address is no SNI (RFC 6066 §3)
    else if (!name.empty())
        named = SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    if (!named) return failure(ErrorKind::invalid, fmt::format("\"{}\" is not a host name", printable(name, 80)));
    if (!options.tlsa.empty()) {
        RELEVO_CHECK(use_tlsa(*ssl, options));
        SSL_set_connect_state(ssl);
        return connection;
    }
    if (options.verify && name.empty())
        return failure(ErrorKind::invalid, "verification needs the name that the certificate should have");
    SSL_set_verify(ssl, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (options.verify) SSL_set_security_level(ssl, 2);
    SSL_set_connect_state(ssl);
    return connection;
}

}  // namespace relevo::net
