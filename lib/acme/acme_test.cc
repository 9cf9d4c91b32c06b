#include "lib/acme/account_key.h"
#include "lib/acme/answers.h"
#include "lib/acme/certificate.h"
#include "lib/acme/openssl.h"
#include "lib/base/base64url.h"
#include "lib/json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

namespace relevo::acme {
namespace {

using testing::HasSubstr;

// RFC 7515 §A.3.1, as PKCS #8.
constexpr std::string_view known_key = R"(-----BEGIN EC PRIVATE KEY-----
MDECAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
AwEH
-----END EC PRIVATE KEY-----
)";

bool verifies(std::string_view pem, std::string_view input, std::string_view raw) {
    const auto key = parse_key(pem);
    const auto* octets = reinterpret_cast<const unsigned char*>(raw.data());
    const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
    ECDSA_SIG_set0(signature.get(), BN_bin2bn(octets, 32, nullptr), BN_bin2bn(octets + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(signature.get(), &der);
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key->get());
    const bool holds = EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(length),
                                        reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
    OPENSSL_free(der);
    return holds;
}

TEST(AccountKey, ShowsThePublicKeyOfRfc7515) {  // RFC 7515 §A.3.1
    const auto key = AccountKey::parse(known_key);
    ASSERT_TRUE(key.has_value()) << key.error().detail;
    EXPECT_EQ(key->jwk(), R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                          R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
}

TEST(AccountKey, SignsWhatAnybodyCanVerify) {  // RFC 7518 §3.4
    const AccountKey key = AccountKey::generate().value();
    for (int i = 0; i < 50; ++i) {  // short numbers come by chance
        const auto parsed =
            json::parse(key.sign("https://ca.example/order", "n", "https://ca.example/1", "{}").value());
        const std::string header(json::text_of(json::member(*parsed, "protected")));
        const std::string payload(json::text_of(json::member(*parsed, "payload")));
        const std::string raw = decode_base64url(json::text_of(json::member(*parsed, "signature"))).value();
        ASSERT_EQ(raw.size(), 64U);
        EXPECT_TRUE(verifies(key.pem(), header + "." + payload, raw));
        EXPECT_FALSE(verifies(key.pem(), header + "." + payload + "x", raw));
        EXPECT_EQ(decode_base64url(payload).value(), "{}");
    }
}

TEST(AccountKey, ComesBackFromItsFile) {
    const AccountKey key = AccountKey::generate().value();
    EXPECT_EQ(AccountKey::parse(key.pem())->thumbprint(), key.thumbprint());
    EXPECT_FALSE(AccountKey::parse("").has_value());
    EXPECT_FALSE(AccountKey::parse("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").has_value());
}

TEST(Certificate, RequestIsForTheNameAndSignedByTheKey) {
    const std::string key = generate_certificate_key().value();
    const std::string der = certificate_request(key, "mail.example.com").value();
    const auto* start = reinterpret_cast<const unsigned char*>(der.data());
    const Owned<X509_REQ, X509_REQ_free> request(d2i_X509_REQ(nullptr, &start, static_cast<long>(der.size())));
    ASSERT_TRUE(request);
    EXPECT_EQ(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())), 1);
    EXPECT_THAT(der, HasSubstr("mail.example.com"));
    EXPECT_FALSE(certificate_request(key, "a.example,DNS:evil.example").has_value());
    EXPECT_FALSE(certificate_request("no key", "a.example").has_value());
}

TEST(Certificate, ChallengeCarriesTheDigestInACriticalExtension) {  // RFC 8737 §3
    const auto now = std::chrono::system_clock::now();
    const auto pair = challenge_certificate("mail.example.com", "token.thumbprint", now).value();
    const auto facts = verify_chain(pair.certificate, pair.key, "mail.example.com", now);
    ASSERT_TRUE(facts.has_value()) << facts.error().detail;
    const OwnedBio memory(BIO_new_mem_buf(pair.certificate.data(), static_cast<int>(pair.certificate.size())));
    const OwnedCertificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> identifier(OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
    const int place = X509_get_ext_by_OBJ(certificate.get(), identifier.get(), -1);
    ASSERT_GE(place, 0);
    X509_EXTENSION* extension = X509_get_ext(certificate.get(), place);
    EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1);
    const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(extension);
    const std::string octets(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
                             static_cast<std::size_t>(ASN1_STRING_length(data)));
    EXPECT_EQ(encode_base64url(octets.substr(2)), dns_challenge_value("token.thumbprint"));
    EXPECT_EQ(octets.substr(0, 2), (std::string{4, 32}));
}

TEST(Answers, RetryAfterIsSecondsOrADate) {                              // RFC 9110 §10.2.3
    const auto now = std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
    EXPECT_EQ(parse_retry_after("120", now), std::chrono::seconds(120));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), std::chrono::seconds(60));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), std::chrono::seconds(0));
    EXPECT_EQ(parse_retry_after("4000000000", now), std::chrono::days(7));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 4953 08:59:37 GMT", now), std::chrono::days(7));
    EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
    EXPECT_EQ(parse_retry_after("", now), std::nullopt);
}

}  // namespace
}  // namespace relevo::acme
