#include "core/transport/tls_session.h"

namespace relevo {

std::string_view name_of(TlsResult result) {
    switch (result) {
        case TlsResult::success: return "";
        case TlsResult::starttls_not_supported: return "starttls-not-supported";
        case TlsResult::certificate_host_mismatch: return "certificate-host-mismatch";
        case TlsResult::certificate_expired: return "certificate-expired";
        case TlsResult::certificate_not_trusted: return "certificate-not-trusted";
        case TlsResult::validation_failure: return "validation-failure";
        case TlsResult::tlsa_invalid: return "tlsa-invalid";
        case TlsResult::dnssec_invalid: return "dnssec-invalid";
        case TlsResult::dane_required: return "dane-required";
        case TlsResult::sts_policy_fetch_error: return "sts-policy-fetch-error";
        case TlsResult::sts_policy_invalid: return "sts-policy-invalid";
        case TlsResult::sts_webpki_invalid: return "sts-webpki-invalid";
    }
    return "validation-failure";
}

std::string_view name_of(TlsPolicyType type) {
    switch (type) {
        case TlsPolicyType::none: return "no-policy-found";
        case TlsPolicyType::sts: return "sts";
        case TlsPolicyType::tlsa: return "tlsa";
    }
    return "no-policy-found";
}

}  // namespace relevo
