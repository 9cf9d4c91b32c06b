// A SCRAM-SHA-256 client for tests (RFC 5802 §3), made apart from the library under test and free to misbehave.
#pragma once

#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

namespace relevo::sasl {

inline std::string hmac_sha256(std::string_view key, std::string_view text) {
    std::string hash(32, '\0');
    unsigned size = 32;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), reinterpret_cast<unsigned char*>(hash.data()), &size);
    return hash;
}

inline std::string sha256(std::string_view text) {
    std::string hash(32, '\0');
    unsigned size = 32;
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(hash.data()), &size, EVP_sha256(), nullptr);
    return hash;
}

inline std::string exclusive_or(std::string a, std::string_view b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
    return a;
}

struct ScramTestPeer {
    std::string user, password;
    std::string header = "n,,";  // gs2-header
    std::string binding;         // the octets behind it in c=
    std::string nonce = "fyko+d2lbbFgONRv9qkxdawL";
    std::string expected_signature;

    [[nodiscard]] std::string bare() const { return "n=" + user + ",r=" + nonce; }
    [[nodiscard]] std::string first() const { return header + bare(); }

    // The answer to the server's first message.
    std::string final(std::string_view server_first) {
        std::string all_nonces, salt;
        int iterations = 0;
        for (const std::string_view part : split(server_first, ',')) {
            if (part.starts_with("r=")) all_nonces = part.substr(2);
            if (part.starts_with("s=")) salt = decode_base64(part.substr(2)).value();
            if (part.starts_with("i=")) iterations = parse_decimal<int>(part.substr(2)).value();
        }
        std::string salted(32, '\0');
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                          reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                          iterations, EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
        const std::string client_key = hmac_sha256(salted, "Client Key");
        const std::string without_proof = "c=" + encode_base64(header + binding) + ",r=" + all_nonces;
        const std::string authentication = bare() + "," + std::string(server_first) + "," + without_proof;
        expected_signature = "v=" + encode_base64(hmac_sha256(hmac_sha256(salted, "Server Key"), authentication));
        return without_proof +
               ",p=" + encode_base64(exclusive_or(client_key, hmac_sha256(sha256(client_key), authentication)));
    }
};

}  // namespace relevo::sasl
