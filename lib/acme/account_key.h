// The key of an account at an authority, and requests signed with it (RFC 8555 §6.2, RFC 7515, RFC 7518 §3.4).
#pragma once

#include "lib/base/result.h"

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace relevo::acme {

// "kid" and "hmac" of an external account (RFC 8555 §7.3.4); the key as the authority gives it, in base64url.
struct ExternalAccount {
    std::string key_id;
    std::string key;
};

// EC P-256, signs with ES256. Threads: any.
class AccountKey {
 public:
    [[nodiscard]] static Result<AccountKey> generate();
    // Errors: invalid – no private key of that kind in PEM.
    [[nodiscard]] static Result<AccountKey> parse(std::string_view pem);
    // PKCS #8; a secret.
    [[nodiscard]] std::string pem() const;

    // The public key as a JWK, its members in the order of RFC 7638 §3.
    [[nodiscard]] std::string jwk() const;
    // Of the JWK by SHA-256, in base64url (RFC 7638).
    [[nodiscard]] std::string thumbprint() const;
    // What proves control of a name to whoever sees it there (RFC 8555 §8.1).
    [[nodiscard]] std::string authorize(std::string_view token) const;

    // A request as the authority takes it: JWS in flattened JSON. `account` is the account's address, "" before there
    // is one: then the public key itself goes along. `payload` is JSON, or "" for POST-as-GET (§6.3). Errors: internal.
    [[nodiscard]] Result<std::string> sign(std::string_view url, std::string_view nonce, std::string_view account,
                                           std::string_view payload) const;
    // The member "externalAccountBinding" of a new account. Errors: invalid – the key is not base64url.
    [[nodiscard]] Result<std::string> bind(const ExternalAccount& external, std::string_view new_account_url) const;

 private:
    explicit AccountKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}
    std::shared_ptr<EVP_PKEY> key_;  // never changes; copies share it
};

}  // namespace relevo::acme
