#include "lib/mailauth/dkim_key_record.h"

#include "lib/base/base64.h"
#include "lib/mailauth/sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using ::testing::HasSubstr;

const SigningKey& rsa() {
    static const SigningKey key = SigningKey::generate(SigningAlgorithm::rsa_sha256).value();
    return key;
}

std::string der(char tag, const std::string& content) {
    std::string text(1, tag);
    if (content.size() < 128) {
        text += static_cast<char>(content.size());
    } else {
        text += '\x82';
        text += static_cast<char>(content.size() / 256);
        text += static_cast<char>(content.size() % 256);
    }
    return text + content;
}

// A bare RSAPublicKey of that many bits. Its modulus is no product of two primes; nothing looks at that.
std::string rsa_octets(unsigned bits, const std::string& exponent) {
    std::string modulus(bits / 8, '\xA5');
    return der('\x30', der('\x02', std::string(1, '\0') + modulus) + der('\x02', exponent));
}
std::string rsa_record(unsigned bits) {
    return "v=DKIM1; p=" + encode_base64(rsa_octets(bits, std::string("\x01\x00\x01", 3)));
}

KeyCheck check(std::string_view record, std::string_view digest, std::string_view signature) {
    const DkimKeys keys{{DkimKeyRecord::parse(record).value()}};
    return check_with_keys(keys, SigningAlgorithm::rsa_sha256, digest, signature);
}

std::string problem(std::string_view record) {
    const auto parsed = DkimKeyRecord::parse(record);
    return parsed ? "" : parsed.error().detail;
}

TEST(DkimKeyRecord, ReadsWhatWePublish) {
    for (const auto algorithm : {SigningAlgorithm::rsa_sha256, SigningAlgorithm::ed25519_sha256}) {
        const SigningKey key =
            algorithm == SigningAlgorithm::rsa_sha256 ? rsa() : SigningKey::generate(algorithm).value();
        const DkimKeys keys{{DkimKeyRecord::parse(key.record()).value()}};
        const std::string digest = sha256_of("text");
        const std::string signature = key.sign_digest(digest).value();
        EXPECT_EQ(check_with_keys(keys, algorithm, digest, signature).result, DkimResult::pass);
        EXPECT_EQ(check_with_keys(keys, algorithm, sha256_of("other"), signature).result, DkimResult::fail);
        EXPECT_EQ(check_with_keys(keys, algorithm, digest, signature.substr(1)).result, DkimResult::fail);
        EXPECT_EQ(check_with_keys(keys, algorithm, digest, "").result, DkimResult::fail);
    }
}

TEST(DkimKeyRecord, RefusesKeysOutsideTheBounds) {  // RFC 8301 §3.2; security rows B7, C7
    const std::string digest(32, 'd');
    for (const unsigned bits : {512U, 768U, 1016U, 4104U, 8192U, 16384U}) {
        const KeyCheck verdict = check(rsa_record(bits), digest, std::string(bits / 8, 's'));
        EXPECT_EQ(verdict.result, DkimResult::policy) << bits;
        EXPECT_EQ(verdict.key_bits, bits);
        EXPECT_THAT(verdict.reason, HasSubstr(std::to_string(bits)));
    }
    for (const unsigned bits : {1024U, 4096U})
        EXPECT_EQ(check(rsa_record(bits), digest, std::string(bits / 8, 's')).result, DkimResult::fail) << bits;
}

TEST(DkimKeyRecord, RefusesExponentsThatMakeCheckingSlow) {  // security row B7
    EXPECT_THAT(problem("p=" + encode_base64(rsa_octets(2048, "\x7F" + std::string(200, '\xFF')))),
                HasSubstr("exponent"));
}

TEST(DkimKeyRecord, NamesEveryProblem) {  // RFC 6376 §3.6.1
    const std::string& key = rsa().public_key();
    EXPECT_EQ(problem("v=DKIM1; p=" + key + "; x=unknown tags are ignored; g=*; n=a note"), "");
    EXPECT_EQ(problem("p=" + key.substr(0, 50) + " \r\n " + key.substr(50)), "");
    EXPECT_THAT(problem("v=DKIM2; p=" + key), HasSubstr("v=DKIM2"));
    EXPECT_THAT(problem("v=DKIM1: k=rsa; p=" + key), HasSubstr("is not DKIM1"));
    EXPECT_THAT(problem("k=rsa; v=DKIM1; p=" + key), HasSubstr("not the first"));
    EXPECT_THAT(problem("k=rsa; t; p=" + key), HasSubstr("no tag"));
    EXPECT_THAT(problem("k=foobar; p=" + key), HasSubstr("k=foobar"));
    EXPECT_THAT(problem("k=ed25519; p=" + key), HasSubstr("32 octets"));
    EXPECT_THAT(problem("v=DKIM1"), HasSubstr("no p="));
    EXPECT_THAT(problem("p=*"), HasSubstr("not base 64"));
    EXPECT_THAT(problem("p=AAAA"), HasSubstr("no RSA key"));
    EXPECT_THAT(problem("p=" + encode_base64(decode_base64(key).value() + "x")), HasSubstr("no RSA key"));
    EXPECT_THAT(problem("p=" + key + "; p=" + key), HasSubstr("twice"));
    EXPECT_THAT(problem("n=" + std::string(20'000, 'n') + "; p=" + key), HasSubstr("16 KiB"));
    EXPECT_THAT(problem(""), HasSubstr("no tag"));
}

TEST(DkimKeyRecord, KnowsThatAKeyIsRevoked) {  // RFC 6376 §3.6.1
    EXPECT_THAT(check("k=rsa; t=y; p=", "", "").reason, HasSubstr("revoked"));
    EXPECT_EQ(check("k=rsa; t=y; p=", "", "").result, DkimResult::permerror);
}

TEST(DkimKeyRecord, BuildsNamesInALabels) {  // RFC 8616 §4
    EXPECT_EQ(dkim_key_name("20230601", "Example.COM").value(), "20230601._domainkey.example.com");
    EXPECT_EQ(dkim_key_name("\xC3\xA1.b",
                            "b\xC3\xBC"
                            "cher.example")
                  .value(),
              "xn--1ca.b._domainkey.xn--bcher-kva.example");
    EXPECT_FALSE(dkim_key_name("a..b", "example.com").has_value());
    EXPECT_FALSE(dkim_key_name(std::string(250, 'a'), "example.com").has_value());
}

}  // namespace
}  // namespace relevo::mailauth
