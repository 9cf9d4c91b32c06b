#include "app/cli/check.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>

namespace relevo::cli {
namespace {

using File = std::unique_ptr<FILE, decltype([](FILE* file) { std::fclose(file); })>;
using Certificate = std::unique_ptr<X509, decltype([](X509* certificate) { X509_free(certificate); })>;
using Key = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

// Days until the certificate ends, negative once it has.
int days_left(const X509& certificate) {
    int days = 0, seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(&certificate)) != 1) return 0;
    return seconds < 0 ? days - 1 : days;
}

// A key with a pass phrase must not make OpenSSL ask on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

}  // namespace

CheckItem check_certificate(const CertificateSettings& pair) {
    CheckItem item{"certificate", CheckStatus::fail, {}, {}};
    const File certificate_file(std::fopen(pair.certificate.c_str(), "re"));
    const File key_file(std::fopen(pair.key.c_str(), "re"));
    const Certificate certificate(certificate_file ? PEM_read_X509(certificate_file.get(), nullptr, nullptr, nullptr)
                                                   : nullptr);
    const Key key(key_file ? PEM_read_PrivateKey(key_file.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
    ERR_clear_error();
    if (!certificate) {
        item.text = fmt::format("{} holds no certificate that can be read", pair.certificate);
        item.advice = "name a PEM file with the certificate first, then its chain";
    } else if (!key) {
        item.text = fmt::format("{} holds no private key that can be read", pair.key);
        item.advice = "name a PEM file with the key, without a pass phrase";
    } else if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        item.text = fmt::format("{} and {} do not belong together", pair.certificate, pair.key);
        item.advice = "name the key from which this certificate was made";
    } else if (const int days = days_left(*certificate); days < 0) {
        item.text = fmt::format("{} has expired", pair.certificate);
        item.advice = "get a new certificate, then `relevo reload`";
    } else {
        item.status = days < 14 ? CheckStatus::warn : CheckStatus::ok;
        item.text = fmt::format("{} is valid for {} more days", pair.certificate, days);
        if (days < 14) item.advice = "renew it, then `relevo reload`";
    }
    return item;
}

}  // namespace relevo::cli
