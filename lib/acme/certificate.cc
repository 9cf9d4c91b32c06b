#include "lib/acme/certificate.h"

#include "lib/acme/bounded_time.h"
#include "lib/acme/openssl.h"
#include "lib/base/base64url.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace relevo::acme {
namespace {

constexpr std::size_t most_certificates = 10;
constexpr std::size_t renewal_id_limit_octets = 100;           // RFC 5280 §4.1.2.2: serial numbers have twenty at most
constexpr const char* acme_identifier = "1.3.6.1.5.5.7.1.31";  // id-pe-acmeIdentifier, RFC 8737 §6.1

std::string sha256(std::string_view octets) {
    std::string digest(32, '\0');
    EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
               nullptr);
    return digest;
}

using OwnedExtension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using OwnedRequest = Owned<X509_REQ, X509_REQ_free>;

// In names from outside a comma would begin another one.
bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '*';
    });
}

OwnedExtension alternative_name(std::string_view name) {
    return OwnedExtension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + std::string(name)).c_str()));
}

Time time_of(const ASN1_TIME* time) {
    tm broken_down{};
    ASN1_TIME_to_tm(time, &broken_down);
    return bounded_time(timegm(&broken_down));
}

std::vector<std::string> names_of(const X509& certificate) {
    std::vector<std::string> names;
    auto* found = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
    const Owned<GENERAL_NAMES, GENERAL_NAMES_free> alternatives(found);
    for (int i = 0; i < sk_GENERAL_NAME_num(found); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(found, i);
        if (name->type != GEN_DNS) continue;
        const auto* octets = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        names.push_back(
            to_lower(std::string_view(octets, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)))));
    }
    return names;
}

std::string issuer_of(const X509& certificate) {
    std::array<char, 200> text{};
    X509_NAME* name = X509_get_issuer_name(&certificate);
    for (const int part : {NID_commonName, NID_organizationName})
        if (X509_NAME_get_text_by_NID(name, part, text.data(), text.size()) > 0) return text.data();
    return {};
}

std::string serial_of(const X509& certificate) {
    const Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
    char* digits = number ? BN_bn2hex(number.get()) : nullptr;
    std::string text = digits == nullptr ? std::string() : to_lower(std::string_view(digits));
    OPENSSL_free(digits);
    return text;
}

// RFC 9773 §4.1: the issuer's key identifier and the serial number as DER has it (with a zero octet before one that
// would be negative), "base64url.base64url".
std::string renewal_id_of(X509& certificate) {
    const ASN1_OCTET_STRING* issuer_key = X509_get0_authority_key_id(&certificate);
    const Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
    if (issuer_key == nullptr || !number || BN_is_negative(number.get()) != 0) return {};
    std::string serial(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
    BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(serial.data()));
    if (serial.empty() || (static_cast<unsigned char>(serial.front()) & 0x80U) != 0) serial.insert(0, 1, '\0');
    const std::string_view key(reinterpret_cast<const char*>(ASN1_STRING_get0_data(issuer_key)),
                               static_cast<std::size_t>(ASN1_STRING_length(issuer_key)));
    if (key.empty() || key.size() + serial.size() > renewal_id_limit_octets) return {};
    return fmt::format("{}.{}", encode_base64url(key), encode_base64url(serial));
}

// All certificates of a chain must be readable; the first is ours.
Result<OwnedCertificate> first_of(std::string_view pem) {
    if (pem.size() > chain_limit_octets)
        return failure(ErrorKind::invalid, "the authority's chain of certificates is too long");
    const OwnedBio memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    OwnedCertificate first;
    std::size_t count = 0;
    for (; memory && count <= most_certificates; ++count) {
        OwnedCertificate next(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
        if (!next) break;
        if (!first) first = std::move(next);
    }
    ERR_clear_error();
    if (!first) return failure(ErrorKind::invalid, "there is no certificate in PEM in it");
    if (count > most_certificates)
        return failure(ErrorKind::invalid, "the authority's chain has more than ten certificates");
    return first;
}

ChainFacts facts_of(X509& certificate) {
    return {.names = names_of(certificate),
            .not_before = time_of(X509_get0_notBefore(&certificate)),
            .not_after = time_of(X509_get0_notAfter(&certificate)),
            .serial = serial_of(certificate),
            .issuer = issuer_of(certificate),
            .renewal_id = renewal_id_of(certificate)};
}

// RFC 8737 §3: critical, an OCTET STRING of 32 octets.
OwnedExtension identifier_extension(std::string_view key_authorization) {
    const std::string value = std::string("\x04\x20", 2) + sha256(key_authorization);
    const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> octets(ASN1_OCTET_STRING_new());
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(acme_identifier, 1));
    if (!octets || !object ||
        ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(value.data()),
                              static_cast<int>(value.size())) != 1)
        return nullptr;
    return OwnedExtension(X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 1, octets.get()));
}

bool fill_challenge(X509& certificate, EVP_PKEY& key, std::string_view name, std::string_view key_authorization,
                    Time now) {
    std::uint64_t serial = 0;
    std::time_t time = std::chrono::system_clock::to_time_t(now);
    const OwnedExtension alternative = alternative_name(name), identifier = identifier_extension(key_authorization);
    X509_NAME* subject = X509_get_subject_name(&certificate);
    return RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1 && alternative && identifier &&
           X509_set_version(&certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(&certificate), serial >> 1U) == 1 &&
           X509_time_adj(X509_getm_notBefore(&certificate), -3600, &time) != nullptr &&
           X509_time_adj(X509_getm_notAfter(&certificate), 7L * 86400, &time) != nullptr &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>("ACME challenge"), -1, -1, 0) == 1 &&
           X509_set_issuer_name(&certificate, subject) == 1 && X509_set_pubkey(&certificate, &key) == 1 &&
           X509_add_ext(&certificate, alternative.get(), -1) == 1 &&
           X509_add_ext(&certificate, identifier.get(), -1) == 1 && X509_sign(&certificate, &key, EVP_sha256()) > 0;
}

}  // namespace

Result<std::string> generate_certificate_key() {
    const OwnedKey key(EVP_EC_gen("P-256"));
    std::string pem = key ? pem_of(*key) : std::string();
    if (pem.empty()) return openssl_failure("make a key");
    return pem;
}

Result<std::string> certificate_request(std::string_view key_pem, std::string_view name) {
    RELEVO_TRY(const OwnedKey key, parse_key(key_pem));
    if (!is_plain_name(name)) return failure(ErrorKind::invalid, "this is no host name");
    const OwnedRequest request(X509_REQ_new());
    OwnedExtension alternative = alternative_name(name);
    const Owned<STACK_OF(X509_EXTENSION),
                [](STACK_OF(X509_EXTENSION) * all) { sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free); }>
        extensions(sk_X509_EXTENSION_new_null());
    if (!request || !alternative || !extensions || sk_X509_EXTENSION_push(extensions.get(), alternative.get()) <= 0)
        return openssl_failure("make a request for a certificate");
    (void)alternative.release();
    if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
        X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0)
        return openssl_failure("make a request for a certificate");
    unsigned char* der = nullptr;
    const int length = i2d_X509_REQ(request.get(), &der);
    if (length <= 0) return openssl_failure("make a request for a certificate");
    std::string octets(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    OPENSSL_free(der);
    return octets;
}

Result<CertificatePair> challenge_certificate(std::string_view name, std::string_view key_authorization, Time now) {
    if (!is_plain_name(name)) return failure(ErrorKind::invalid, "this is no host name");
    const OwnedKey key(EVP_EC_gen("P-256"));
    const OwnedCertificate certificate(X509_new());
    if (!key || !certificate || !fill_challenge(*certificate, *key, name, key_authorization, now))
        return openssl_failure("make the certificate of a challenge");
    const OwnedBio memory(BIO_new(BIO_s_mem()));
    if (!memory || PEM_write_bio_X509(memory.get(), certificate.get()) != 1)
        return openssl_failure("write the certificate of a challenge");
    return CertificatePair{.certificate = text_of(*memory), .key = pem_of(*key)};
}

std::string dns_challenge_value(std::string_view key_authorization) {
    return encode_base64url(sha256(key_authorization));
}

Result<ChainFacts> inspect_chain(std::string_view pem) {
    RELEVO_TRY(const OwnedCertificate certificate, first_of(pem));
    return facts_of(*certificate);
}

Result<ChainFacts> verify_chain(std::string_view pem, std::string_view key_pem, std::string_view name, Time now) {
    RELEVO_TRY(const OwnedCertificate certificate, first_of(pem));
    RELEVO_TRY(const OwnedKey key, parse_key(key_pem));
    const bool is_ours = X509_check_private_key(certificate.get(), key.get()) == 1;
    ERR_clear_error();
    if (!is_ours) return failure(ErrorKind::invalid, "the certificate is for another key");
    ChainFacts facts = facts_of(*certificate);
    if (std::ranges::find(facts.names, name) == facts.names.end())
        return failure(ErrorKind::invalid, fmt::format("the certificate is not for {}", name));
    // An hour for a clock of ours that is slow.
    if (facts.not_after <= now || facts.not_before > now + std::chrono::hours(1))
        return failure(ErrorKind::invalid, "the certificate is not valid now: is the clock of this machine right?");
    return facts;
}

}  // namespace relevo::acme
