#include "app/relevo/certificate_digests.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <memory>

namespace relevo {
namespace {

using File = std::unique_ptr<FILE, decltype([](FILE* file) { std::fclose(file); })>;
using Certificate = std::unique_ptr<X509, decltype([](X509* certificate) { X509_free(certificate); })>;
using RawOctets = std::unique_ptr<unsigned char, decltype([](unsigned char* octets) { OPENSSL_free(octets); })>;

std::string sha256(const unsigned char* octets, int size) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (size <= 0 ||
        EVP_Digest(octets, static_cast<std::size_t>(size), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        return {};
    return {reinterpret_cast<const char*>(digest.data()), length};
}

void add(std::vector<setup::CertificateDigests>& all, const std::string& path) {
    if (path.empty()) return;
    const File file(std::fopen(path.c_str(), "re"));
    const Certificate certificate(file ? PEM_read_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
    ERR_clear_error();
    if (!certificate) return;
    unsigned char* raw = nullptr;
    const int size = i2d_X509(certificate.get(), &raw);
    const RawOctets whole(raw);
    raw = nullptr;
    const int key_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &raw);
    const RawOctets key(raw);
    all.push_back({.certificate_sha256 = sha256(whole.get(), size), .key_sha256 = sha256(key.get(), key_size)});
}

}  // namespace

std::vector<setup::CertificateDigests> certificate_digests(const TlsSettings& tls) {
    std::vector<setup::CertificateDigests> all;
    add(all, tls.certificate);
    for (const CertificateSettings& more : tls.more_certificates) add(all, more.certificate);
    return all;
}

}  // namespace relevo
