#include "app/cli/check.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

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

setup::CheckItem check_certificate(const CertificateSettings& pair, const std::string& host_name) {
    setup::CheckItem item;
    item.id = "tls.certificate";
    item.group = setup::CheckGroup::tls;
    item.subject = pair.certificate;
    item.status = setup::CheckStatus::fail;
    item.why = {"Clients that find no valid certificate for the name do not log in.",
                "Los clientes que no ven un certificado válido para el nombre no inician sesión."};
    const File certificate_file(std::fopen(pair.certificate.c_str(), "re"));
    const File key_file(std::fopen(pair.key.c_str(), "re"));
    const Certificate certificate(certificate_file ? PEM_read_X509(certificate_file.get(), nullptr, nullptr, nullptr)
                                                   : nullptr);
    const Key key(key_file ? PEM_read_PrivateKey(key_file.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
    ERR_clear_error();
    if (!certificate) {
        item.found = {"holds no certificate that can be read", "no contiene un certificado legible"};
        item.action = {"Name a PEM file with the certificate first, then its chain.",
                       "Indique un archivo PEM con el certificado primero y después su cadena."};
    } else if (!key) {
        item.found = {fmt::format("{} holds no private key that can be read", pair.key),
                      fmt::format("{} no contiene una clave privada legible", pair.key)};
        item.action = {"Name a PEM file with the key, without a pass phrase.",
                       "Indique un archivo PEM con la clave, sin contraseña."};
    } else if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        item.found = {fmt::format("{} does not belong to it", pair.key), fmt::format("{} no le corresponde", pair.key)};
        item.action = {"Name the key from which this certificate was made.",
                       "Indique la clave con la que se hizo este certificado."};
    } else if (const int days = days_left(*certificate); days < 0) {
        item.found = {"has expired", "ha caducado"};
        item.action = {"Get a new certificate, then `relevo reload`.",
                       "Consiga un certificado nuevo y ejecute `relevo reload`."};
    } else if (!host_name.empty() && X509_check_host(certificate.get(), host_name.c_str(), 0, 0, nullptr) != 1) {
        item.status = setup::CheckStatus::warn;
        item.found = {fmt::format("does not name {}", host_name), fmt::format("no nombra a {}", host_name)};
        item.action = {"Get a certificate for the name that clients use, then `relevo reload`.",
                       "Consiga un certificado para el nombre que usan los clientes y ejecute `relevo reload`."};
    } else {
        item.status = days < 14 ? setup::CheckStatus::warn : setup::CheckStatus::ok;
        item.found = {fmt::format("valid for {} more days", days), fmt::format("válido {} días más", days)};
        if (days < 14) item.action = {"Renew it, then `relevo reload`.", "Renuévelo y ejecute `relevo reload`."};
    }
    return item;
}

}  // namespace relevo::cli
