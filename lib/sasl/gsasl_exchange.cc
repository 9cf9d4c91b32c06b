#include "lib/sasl/gsasl_exchange.h"

#include <sodium.h>

#include <cstring>
#include <utility>

namespace relevo::sasl {
namespace {

ErrorKind kind_of(int code) {
    switch (code) {
        case GSASL_AUTHENTICATION_ERROR:
        case GSASL_INTEGRITY_ERROR: return ErrorKind::refused;
        case GSASL_MECHANISM_PARSE_ERROR:
        case GSASL_BASE64_ERROR:
        case GSASL_SASLPREP_ERROR:
        case GSASL_MECHANISM_CALLED_TOO_MANY_TIMES: return ErrorKind::invalid;
        case GSASL_UNKNOWN_MECHANISM:
        case GSASL_NO_CB_TLS_EXPORTER:
        case GSASL_NO_CB_TLS_UNIQUE: return ErrorKind::unsupported;
        default: return ErrorKind::internal;
    }
}

}  // namespace

void GsaslExchange::Finish::operator()(Gsasl_session* session) const {
    // libgsasl frees what it was given without wiping it; the octets are its own copies on the heap, so they may be
    // written to.
    for (const Gsasl_property secret : {GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
                                        GSASL_SCRAM_STOREDKEY, GSASL_CB_TLS_EXPORTER})
        if (const char* value = gsasl_property_fast(session, secret); value != nullptr)
            sodium_memzero(const_cast<char*>(value), std::strlen(value));
    gsasl_finish(session);
}

Result<GsaslExchange> GsaslExchange::start(Side side, const std::string& mechanism) {
    GsaslExchange exchange;
    Gsasl* library = nullptr;
    if (const int code = gsasl_init(&library); code != GSASL_OK)
        return failure(ErrorKind::internal, gsasl_strerror(code));
    exchange.library_.reset(library);
    Gsasl_session* session = nullptr;
    const auto begin = side == Side::client ? gsasl_client_start : gsasl_server_start;
    if (const int code = begin(library, mechanism.c_str(), &session); code != GSASL_OK)
        return failure(ErrorKind::unsupported, mechanism + ": " + gsasl_strerror(code));
    exchange.session_.reset(session);
    return exchange;
}

Result<> GsaslExchange::set(Gsasl_property property, std::string_view value) {
    if (value.find('\0') != std::string_view::npos) return failure(ErrorKind::invalid, "a NUL in a name or password");
    const int code = gsasl_property_set_raw(session_.get(), property, value.data(), value.size());
    if (code != GSASL_OK) return failure(ErrorKind::internal, gsasl_strerror(code));
    return {};
}

std::string GsaslExchange::get(Gsasl_property property) const {
    const char* value = gsasl_property_fast(session_.get(), property);
    return value == nullptr ? std::string() : std::string(value);
}

Result<GsaslExchange::Step> GsaslExchange::step(std::string_view input) {
    char* output = nullptr;
    std::size_t octets = 0;
    const int code = gsasl_step(session_.get(), input.data(), input.size(), &output, &octets);
    Step step;
    if (output != nullptr) {
        step.output.assign(output, octets);
        sodium_memzero(output, octets);
        gsasl_free(output);
    }
    if (code != GSASL_OK && code != GSASL_NEEDS_MORE) return failure(kind_of(code), gsasl_strerror(code));
    step.finished = code == GSASL_OK;
    return step;
}

}  // namespace relevo::sasl
