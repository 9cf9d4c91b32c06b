#include "lib/mailauth/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <new>

namespace relevo::mailauth {
namespace {

// Only a lack of memory makes these calls fail.
void require(bool succeeded) {
    if (!succeeded) throw std::bad_alloc();
}

}  // namespace

const evp_md_st* sha256_algorithm() {
    static const EVP_MD* const algorithm = [] {
        EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        if (fetched == nullptr) std::abort();
        return fetched;
    }();
    return algorithm;
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    require(context_ && EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1);
}

void Sha256::update(std::string_view octets) {
    require(EVP_DigestUpdate(context_.get(), octets.data(), octets.size()) == 1);
}

std::string Sha256::finish() {
    std::string digest(sha256_octets, '\0');
    require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1 &&
            EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
    return digest;
}

std::string sha256_of(std::string_view octets) {
    Sha256 hash;
    hash.update(octets);
    return hash.finish();
}

}  // namespace relevo::mailauth
