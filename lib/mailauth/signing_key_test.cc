#include "lib/mailauth/signing_key.h"

#include "lib/base/base64.h"

#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

// RFC 8463 appendix A.2: private key seed, and the record that publishes its other half.
constexpr std::string_view rfc8463_seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
constexpr std::string_view rfc8463_public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const std::string pkcs8_ed25519_prefix("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);

TEST(SigningKey, PublishesEd25519AsItsThirtyTwoOctets) {  // RFC 8463 §4.2
    const auto key = SigningKey::from_der(pkcs8_ed25519_prefix + decode_base64(rfc8463_seed).value());
    ASSERT_TRUE(key.has_value()) << key.error().detail;
    EXPECT_EQ(key->record(), "v=DKIM1; k=ed25519; p=" + std::string(rfc8463_public));
    EXPECT_EQ(key->bits(), 256U);
}

TEST(SigningKey, SurvivesBeingStored) {
    for (const auto algorithm : {SigningAlgorithm::rsa_sha256, SigningAlgorithm::ed25519_sha256}) {
        const auto made = SigningKey::generate(algorithm);
        ASSERT_TRUE(made.has_value()) << made.error().detail;
        const auto read = SigningKey::from_der(made->to_der());
        ASSERT_TRUE(read.has_value()) << read.error().detail;
        EXPECT_EQ(read->algorithm(), algorithm);
        EXPECT_EQ(read->record(), made->record());
        const std::string digest(32, 'd');
        EXPECT_EQ(read->sign_digest(digest).value(), made->sign_digest(digest).value()) << "both are deterministic";
    }
}

TEST(SigningKey, MakesRsaKeysOf2048Bits) {  // RFC 8301 §3.2; security row C7
    EXPECT_EQ(SigningKey::generate(SigningAlgorithm::rsa_sha256).value().bits(), 2048U);
}

TEST(SigningKey, RefusesWhatIsNoKeyForDkim) {
    for (const std::string_view nonsense :
         {"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
        EXPECT_FALSE(SigningKey::from_der(nonsense).has_value());
        EXPECT_FALSE(SigningKey::from_pem(nonsense).has_value());
    }
    EXPECT_FALSE(SigningKey::from_der(std::string(100'000, '0')).has_value());
}

}  // namespace
}  // namespace relevo::mailauth
