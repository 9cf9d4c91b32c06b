#include "lib/acme/openssl.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace relevo::acme {
namespace {
// Without it OpenSSL would ask on the terminal.
int refuse_password(char*, int, int, void*) { return 0; }
}  // namespace

std::unexpected<Error> openssl_failure(std::string_view doing) {
    ERR_clear_error();
    return failure(ErrorKind::internal, fmt::format("OpenSSL could not {}", doing));
}

Result<OwnedKey> parse_key(std::string_view pem) {
    const OwnedBio memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    OwnedKey key(memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, refuse_password, nullptr) : nullptr);
    ERR_clear_error();
    if (!key) return failure(ErrorKind::invalid, "there is no usable private key in it");
    return key;
}

std::string text_of(BIO& memory) {
    char* start = nullptr;
    const long length = BIO_get_mem_data(&memory, &start);
    return length > 0 ? std::string(start, static_cast<std::size_t>(length)) : std::string();
}

std::string pem_of(EVP_PKEY& key) {
    const OwnedBio memory(BIO_new(BIO_s_secmem()));
    if (!memory || PEM_write_bio_PKCS8PrivateKey(memory.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return {};
    return text_of(*memory);
}

}  // namespace relevo::acme
