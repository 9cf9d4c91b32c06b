// Certificates for tests of what an authority would sign.
#pragma once

#include "lib/acme/certificate.h"
#include "lib/acme/openssl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace relevo::acme {

// A certificate for `name`, valid for a week from now on, that names its issuer's key as those of authorities do
// (RFC 5280 §4.2.1.1); signed by its own key.
inline CertificatePair issued_certificate(std::string_view name) {
    CertificatePair pair = challenge_certificate(name, "x", std::chrono::system_clock::now()).value();
    const OwnedBio certificate_text(BIO_new_mem_buf(pair.certificate.data(), -1));
    const OwnedCertificate certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const OwnedKey key = parse_key(pair.key).value();
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
    for (const auto& [kind, value] :
         {std::pair(NID_subject_key_identifier, "hash"), std::pair(NID_authority_key_identifier, "keyid:always")}) {
        const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
        X509_add_ext(certificate.get(), extension.get(), -1);
    }
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const OwnedBio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    pair.certificate = text_of(*out);
    return pair;
}

}  // namespace relevo::acme
