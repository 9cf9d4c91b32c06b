// Security row E16.
#include "lib/webauthn/cbor_bounds.h"
#include "lib/webauthn/client_data.h"
#include "lib/webauthn/credential.h"
#include "lib/webauthn/relying_party.h"
#include "lib/webauthn/software_authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::webauthn {
namespace {

using test::client_data;
using test::SoftwareAuthenticator;
using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr std::string_view site = "mail.example.com", origin = "https://mail.example.com";
const std::string asked = client_data("webauthn.get", "Y2hhbGxlbmdl", origin);

PublicKey key_of(const SoftwareAuthenticator& authenticator) {
    return read_new_credential(authenticator.new_key(), authenticator.relying_party).value().key;
}

// --- relying parties

TEST(RelyingPartyTest, IsTheHostOfTheSite) {
    EXPECT_EQ(relying_party_of("https://Mail.Example.com").value(),
              (RelyingParty{"mail.example.com", "https://mail.example.com"}));
    EXPECT_EQ(relying_party_of("https://mail.example.com:8443/console").value(),
              (RelyingParty{"mail.example.com", "https://mail.example.com:8443"}));
    EXPECT_EQ(relying_party_of("https://mail.example.com:443").value().origin, origin);
}

TEST(RelyingPartyTest, IsNeitherAnAddressNorWithoutTls) {
    for (const std::string_view url :
         {"http://mail.example.com", "https://192.0.2.1", "https://[2001:db8::1]:8443", ""})
        EXPECT_FALSE(relying_party_of(url).has_value()) << url;
}

TEST(RelyingPartyTest, IsLocalhostForDevelopers) {
    EXPECT_EQ(relying_party_of_localhost("localhost:8080").value(),
              (RelyingParty{"localhost", "http://localhost:8080"}));
    EXPECT_EQ(relying_party_of_localhost("LocalHost").value().origin, "http://localhost");
    for (const std::string_view host : {"127.0.0.1:8080", "localhost.example.com", "localhost:8080/x", "localhost:", "",
                                        "localhost:99999", "evil.example\"localhost"})
        EXPECT_FALSE(relying_party_of_localhost(host).has_value()) << host;
}

// --- client data

TEST(ClientDataTest, IsRead) {
    const ClientData data = parse_client_data(client_data("webauthn.create", "Y2hhbGxlbmdl", origin)).value();
    EXPECT_EQ(data.ceremony, Ceremony::create);
    EXPECT_EQ(data.challenge, "Y2hhbGxlbmdl");
    EXPECT_EQ(data.origin, origin);
    EXPECT_FALSE(data.cross_origin);
    // "Level 3 adds members; nobody may count on their order or number" (§5.8.1.2).
    EXPECT_TRUE(parse_client_data(R"({"origin":"https://a.example","x":[1],"type":"webauthn.get","challenge":"YQ",)"
                                  R"("crossOrigin":true,"topOrigin":"https://b.example"})")
                    ->cross_origin);
}

TEST(ClientDataTest, IsRefusedIfItCanBeReadInTwoWays) {
    for (const std::string_view text :
         {"", "[]", "null", "{}", R"({"type":"webauthn.get","challenge":"YQ"})",
          R"({"type":"webauthn.get","origin":"x"})", R"({"type":"payment.get","challenge":"YQ","origin":"x"})",
          R"({"type":1,"challenge":"YQ","origin":"x"})", R"({"type":"webauthn.get","challenge":["YQ"],"origin":"x"})",
          R"({"type":"webauthn.get","challenge":"YQ","origin":"x","crossOrigin":"false"})",
          R"({"type":"webauthn.get","challenge":"YQ","origin":"x","origin":"y"})",
          R"({"type":"webauthn.get","challenge":"YQ","origin":"x"} )"
          "\x01"})
        EXPECT_FALSE(parse_client_data(text).has_value()) << text;
    const std::string long_one = client_data("webauthn.get", "YQ", std::string(client_data_limit, 'a'));
    EXPECT_EQ(parse_client_data(long_one).error().kind, ErrorKind::limit);
}

// --- CBOR

TEST(CborBoundsTest, MeasuresOneItem) {
    const auto size = [](std::string_view octets) { return cbor_item_size(octets); };
    EXPECT_EQ(size("\x01"), 1U);
    EXPECT_EQ(size("\x39\x01\x00 and more"sv), 3U);
    EXPECT_EQ(size("\x43"
                   "abcd"),
              4U);
    EXPECT_EQ(size("\x83\x01\x02\x61z"), 5U);
    EXPECT_EQ(size("\xA1\x6B"
                   "credProtect"
                   "\x02"),
              14U);
    EXPECT_EQ(size("\xFB\x00\x00\x00\x00\x00\x00\x00\x00"sv), 9U);
    EXPECT_EQ(size(SoftwareAuthenticator(Algorithm::rs256).cose_key()),
              SoftwareAuthenticator(Algorithm::rs256).cose_key().size());
}

TEST(CborBoundsTest, BelievesNoCountThatTheOctetsDoNotBear) {
    for (const std::string_view octets :
         {""sv, "\x18"sv, "\x1B\x00\x00"sv, "\x41"sv, "\x5A\xFF\xFF\xFF\xFF"sv, "\x9A\x9A\x9A\x9A\x9A\x01"sv,
          "\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv, "\xBB\x80\x00\x00\x00\x00\x00\x00\x00\x01\x01"sv,
          "\xBA\xFF\xFF\xFF\xFF\x01\x01"sv, "\xA1\x01"sv, "\x82\x01"sv, "\x9F\x01\xFF"sv,
          "\x5F\x41"
          "a\xFF"sv,
          "\xC1\x01"sv, "\x1C"sv, "\x81\x81\x81\x81\x81\x01"sv})
        EXPECT_FALSE(cbor_item_size(octets).has_value()) << testing::PrintToString(octets);
    EXPECT_TRUE(cbor_item_size("\x81\x81\x81\x81\x01").has_value());
}

// --- new keys

class EveryAlgorithmTest : public testing::TestWithParam<Algorithm> {
 protected:
    SoftwareAuthenticator authenticator{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithmTest, testing::ValuesIn(algorithms));

TEST_P(EveryAlgorithmTest, SignsWithTheKeyThatItBrought) {
    authenticator.sign_count = 7;
    const NewCredential made = read_new_credential(authenticator.new_key(), site).value();
    EXPECT_EQ(made.id, "key-1");
    EXPECT_EQ(made.key.algorithm, GetParam());
    EXPECT_EQ(made.sign_count, 7U);
    authenticator.sign_count = 0x01020304;
    EXPECT_EQ(verify_assertion(made.key, site, authenticator.assertion(asked)).value(), 0x01020304U);
}

TEST_P(EveryAlgorithmTest, DoesNotSignForAnotherKey) {
    const PublicKey other = key_of(SoftwareAuthenticator(GetParam()));
    const auto checked = verify_assertion(other, site, authenticator.assertion(asked));
    EXPECT_EQ(checked.error().kind, ErrorKind::refused);
    EXPECT_THAT(checked.error().detail, HasSubstr("signature"));
}

TEST_P(EveryAlgorithmTest, CoversEverythingThatIsSigned) {
    const PublicKey key = key_of(authenticator);
    const Assertion good = authenticator.assertion(asked);
    ASSERT_TRUE(verify_assertion(key, site, good).has_value());
    const auto flips = [&](std::string Assertion::* part) {
        for (std::size_t i = 0; i < (good.*part).size(); ++i) {
            Assertion altered = good;
            (altered.*part)[i] = static_cast<char>((altered.*part)[i] ^ 0x01);
            EXPECT_FALSE(verify_assertion(key, site, altered).has_value()) << i;
        }
    };
    flips(&Assertion::client_data);
    flips(&Assertion::authenticator_data);
    flips(&Assertion::signature);
}

TEST_P(EveryAlgorithmTest, IsNoKeyIfItIsCutOrOfAnotherKind) {
    const std::string whole = authenticator.new_key();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(read_new_credential(whole.substr(0, size), site).has_value()) << size;
    PublicKey key = key_of(authenticator);
    for (const Algorithm other : algorithms) {
        if (other == GetParam()) continue;
        key.algorithm = other;
        EXPECT_FALSE(verify_assertion(key, site, authenticator.assertion(asked)).has_value());
    }
    key = {.algorithm = GetParam(), .octets = "short"};
    EXPECT_FALSE(verify_assertion(key, site, authenticator.assertion(asked)).has_value());
}

TEST(NewCredentialTest, IsForOneSiteAndAVerifiedUser) {
    SoftwareAuthenticator authenticator;
    EXPECT_EQ(read_new_credential(authenticator.new_key(), "evil.example").error().kind, ErrorKind::refused);
    for (const char flags : {'\x00', '\x01', '\x04'}) {
        authenticator.flags = flags;
        EXPECT_EQ(read_new_credential(authenticator.new_key(), site).error().kind, ErrorKind::refused) << int{flags};
    }
    authenticator.flags = 0x15;  // backed up, and not eligible for that (§6.1.3)
    EXPECT_EQ(read_new_credential(authenticator.new_key(), site).error().kind, ErrorKind::invalid);
    authenticator.flags = 0x1D;
    EXPECT_TRUE(read_new_credential(authenticator.new_key(), site).has_value());
    EXPECT_EQ(read_new_credential(authenticator.head(), site).error().kind, ErrorKind::invalid);  // no key with it
}

TEST(NewCredentialTest, HasAnIdOfBoundedLength) {
    EXPECT_FALSE(read_new_credential(SoftwareAuthenticator(Algorithm::es256, "").new_key(), site).has_value());
    const std::string longest(credential_id_limit, 'i');
    EXPECT_EQ(read_new_credential(SoftwareAuthenticator(Algorithm::es256, longest).new_key(), site)->id, longest);
    const std::string too_long(credential_id_limit + 1, 'i');
    EXPECT_FALSE(read_new_credential(SoftwareAuthenticator(Algorithm::es256, too_long).new_key(), site).has_value());
    const std::string much(authenticator_data_limit, 'x');
    EXPECT_EQ(read_new_credential(SoftwareAuthenticator().new_key() + much, site).error().kind, ErrorKind::limit);
}

TEST(NewCredentialTest, MayComeWithExtensionsAndNothingElse) {
    SoftwareAuthenticator authenticator;
    const std::string protected_key =
        "\xA1\x6B"
        "credProtect"
        "\x02";
    EXPECT_FALSE(read_new_credential(authenticator.new_key() + protected_key, site).has_value());
    authenticator.flags = static_cast<char>(0x85);
    EXPECT_TRUE(read_new_credential(authenticator.new_key() + protected_key, site).has_value());
    EXPECT_FALSE(read_new_credential(authenticator.new_key(), site).has_value());
    EXPECT_FALSE(read_new_credential(authenticator.new_key() + protected_key + "\x01", site).has_value());
    // What libcbor would make room for.
    const std::string_view huge = "\x9A\xFF\xFF\xFF\xFF";
    EXPECT_FALSE(read_new_credential(authenticator.new_key() + std::string(huge), site).has_value());
    EXPECT_FALSE(read_new_credential(authenticator.new_key(huge), site).has_value());
    EXPECT_EQ(verify_assertion(key_of(SoftwareAuthenticator()), site, authenticator.assertion(asked)).error().kind,
              ErrorKind::invalid);
}

TEST(NewCredentialTest, IsAPointOfItsCurve) {
    const SoftwareAuthenticator authenticator;
    std::string key = authenticator.cose_key();
    key.back() = static_cast<char>(key.back() ^ 0x01);
    EXPECT_FALSE(read_new_credential(authenticator.new_key(key), site).has_value());
    const std::string nowhere = key.substr(0, 10) + std::string(32, '\0') + key.substr(42, 3) + std::string(32, '\0');
    EXPECT_FALSE(read_new_credential(authenticator.new_key(nowhere), site).has_value());
}

TEST(NewCredentialTest, IsOfAnAlgorithmThatWasOffered) {
    const SoftwareAuthenticator authenticator;
    std::string key = authenticator.cose_key();
    key.replace(3, 2, "\x03\x38\x22", 3);  // ES384
    EXPECT_EQ(read_new_credential(authenticator.new_key(key), site).error().kind, ErrorKind::unsupported);
    EXPECT_FALSE(
        read_new_credential(SoftwareAuthenticator(Algorithm::rs256, "key-1", std::string(site), 1024).new_key(), site)
            .has_value());
    EXPECT_EQ(algorithm_of(-7), Algorithm::es256);
    EXPECT_EQ(algorithm_of(-257), Algorithm::rs256);
    EXPECT_FALSE(algorithm_of(-65535).has_value());  // RS1: SHA-1
    EXPECT_FALSE(algorithm_of(5).has_value());
}

// --- signatures

TEST(AssertionTest, IsOfAVerifiedUserAtThisSite) {
    SoftwareAuthenticator authenticator;
    const PublicKey key = key_of(authenticator);
    EXPECT_EQ(verify_assertion(key, "evil.example", authenticator.assertion(asked)).error().kind, ErrorKind::refused);
    authenticator.flags = 0x01;
    EXPECT_THAT(verify_assertion(key, site, authenticator.assertion(asked)).error().detail, HasSubstr("who holds it"));
    authenticator.flags = 0x04;
    EXPECT_EQ(verify_assertion(key, site, authenticator.assertion(asked)).error().kind, ErrorKind::refused);
}

TEST(AssertionTest, HasPartsOfBoundedLength) {
    const SoftwareAuthenticator authenticator;
    const PublicKey key = key_of(authenticator);
    Assertion one = authenticator.assertion(std::string(client_data_limit + 1, ' '));
    EXPECT_EQ(verify_assertion(key, site, one).error().kind, ErrorKind::limit);
    one = authenticator.assertion(asked);
    one.signature.append(signature_limit, '\0');
    EXPECT_EQ(verify_assertion(key, site, one).error().kind, ErrorKind::limit);
    one = authenticator.assertion(asked);
    one.authenticator_data.append(authenticator_data_limit, '\0');
    EXPECT_EQ(verify_assertion(key, site, one).error().kind, ErrorKind::limit);
    EXPECT_FALSE(verify_assertion(key, site, {}).has_value());
}

TEST(AssertionTest, CountsUpwardsIfItCounts) {
    EXPECT_TRUE(is_next_count(0, 0));  // keys that are copied between devices do not count
    EXPECT_TRUE(is_next_count(0, 1));
    EXPECT_TRUE(is_next_count(5, 6));
    EXPECT_FALSE(is_next_count(5, 5));
    EXPECT_FALSE(is_next_count(5, 4));
    EXPECT_FALSE(is_next_count(5, 0));
}

}  // namespace
}  // namespace relevo::webauthn
