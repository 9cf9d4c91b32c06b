// OpenSSL's objects as values. For the files that use OpenSSL alone.
#pragma once

#include "lib/base/owned.h"
#include "lib/base/result.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>

namespace relevo::acme {

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedCertificate = Owned<X509, X509_free>;
using OwnedBio = Owned<BIO, BIO_free_all>;

[[nodiscard]] std::unexpected<Error> openssl_failure(std::string_view doing);
// Errors: invalid – no private key without a passphrase in PEM.
[[nodiscard]] Result<OwnedKey> parse_key(std::string_view pem);
// PKCS #8.
[[nodiscard]] std::string pem_of(EVP_PKEY& key);
// What was written into memory.
[[nodiscard]] std::string text_of(BIO& memory);

}  // namespace relevo::acme
