#include "adapters/net/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

namespace relevo::net {
namespace {

constexpr std::size_t keys_kept = 3;
constexpr int ticket_failed = -1;
constexpr int ticket_unknown = 0;
constexpr int ticket_good = 1;
constexpr int ticket_good_but_renew = 2;

bool authenticate_with(EVP_MAC_CTX& context, TicketKeys::Key& key) {
    std::array<char, 7> digest{'S', 'H', 'A', '2', '5', '6', '\0'};
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.authentication.data(), key.authentication.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(&context, parameters) == 1;
}

int use_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                   int encrypting) {
    auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (keys == nullptr) return ticket_failed;
    auto newest = keys->current(Clock::now());
    if (!newest) return ticket_failed;
    if (encrypting != 0) {
        std::memcpy(name, newest->name.data(), newest->name.size());
        const bool ready = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                           EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), newest->cipher.data(), iv, nullptr) == 1 &&
                           authenticate_with(*mac, *newest);
        return ready ? ticket_good : ticket_failed;
    }
    auto key = keys->find(name);
    if (!key) return ticket_unknown;
    if (!authenticate_with(*mac, *key) ||
        EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) != 1)
        return ticket_failed;
    return key->name == newest->name ? ticket_good : ticket_good_but_renew;
}

}  // namespace

TicketKeys::~TicketKeys() {
    for (Key& key : keys_) OPENSSL_cleanse(&key, sizeof key);
}

std::optional<TicketKeys::Key> TicketKeys::current(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (keys_.empty() || keys_.front().made + ticket_key_life < now) {
        Key key{};
        if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
            RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
            RAND_priv_bytes(key.authentication.data(), static_cast<int>(key.authentication.size())) != 1)
            return std::nullopt;
        key.made = now;
        keys_.insert(keys_.begin(), key);
        if (keys_.size() > keys_kept) {
            OPENSSL_cleanse(&keys_.back(), sizeof(Key));
            keys_.pop_back();
        }
    }
    return keys_.front();
}

std::optional<TicketKeys::Key> TicketKeys::find(const std::uint8_t* name) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(
        keys_, [name](const Key& key) { return std::equal(key.name.begin(), key.name.end(), name); });
    if (found == keys_.end()) return std::nullopt;
    return *found;
}

void TicketKeys::install(SSL_CTX& context) {
    SSL_CTX_set_app_data(&context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, use_ticket_key);
}

}  // namespace relevo::net
