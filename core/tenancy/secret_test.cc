#include "core/tenancy/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace relevo {
namespace {

TEST(Secret, MakesPasswordsThatDifferAndReadWell) {
    std::set<std::string> passwords;
    const auto random = system_random();
    for (int i = 0; i < 1000; ++i) {
        const auto password = generate_password(random);
        EXPECT_EQ(password.size(), 26U);
        EXPECT_TRUE(std::ranges::none_of(password, [](char c) { return std::string_view("ilou").contains(c); }));
        passwords.insert(password);
    }
    EXPECT_EQ(passwords.size(), 1000U);
}

TEST(Secret, KeepsNothingReadableOfThePassword) {
    const auto random = system_random();
    const auto password = generate_password(random);
    const auto secret = make_secret(password, random).value();
    EXPECT_TRUE(secret.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << secret.password_hash;
    EXPECT_TRUE(verify_password(secret.password_hash, password));
    EXPECT_FALSE(verify_password(secret.password_hash, password + "0"));
    EXPECT_EQ(secret.scram.iterations, 4096U);
    EXPECT_EQ(secret.scram.salt.size(), 16U);
    EXPECT_EQ(secret.scram.stored_key.size(), 32U);
    EXPECT_EQ(secret.scram.server_key.size(), 32U);
    EXPECT_FALSE((secret.password_hash + scram_text(secret.scram)).contains(password));
}

TEST(Secret, RefusesChosenPasswordsThatMechanismsReadDifferently) {
    const auto random = system_random();
    for (const std::string& password : {std::string(11, 'a'), std::string(129, 'a'), std::string("with a space in it"),
                                        std::string("contraseña-larga"), std::string("tab\tinside-it")})
        EXPECT_EQ(make_secret(password, random).error().kind, ErrorKind::invalid) << password;
    EXPECT_TRUE(make_secret("chosen-by-a-person", random).has_value());
}

TEST(Secret, WritesAndReadsTheVerifierOfRfc5803) {
    const sasl::ScramVerifier verifier{4096, "salt of sixteen.", std::string(32, '\1'), std::string(32, '\xff')};
    const auto text = scram_text(verifier);
    EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$4096:"));
    const auto parsed = parse_scram_text(text).value();
    EXPECT_EQ(parsed.iterations, verifier.iterations);
    EXPECT_EQ(parsed.salt, verifier.salt);
    EXPECT_EQ(parsed.stored_key, verifier.stored_key);
    EXPECT_EQ(parsed.server_key, verifier.server_key);
    for (const auto* malformed :
         {"", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:YQ==$YQ==:YQ==", "SCRAM-SHA-1$1:YQ==$YQ==:YQ==",
          "SCRAM-SHA-256$1:YQ==$YQ==", "SCRAM-SHA-256$1:?$YQ==:YQ=="})
        EXPECT_FALSE(parse_scram_text(malformed).has_value()) << malformed;
}

TEST(Secret, SuggestsALoginFromTheTenantsName) {
    const auto random = system_random();
    EXPECT_TRUE(suggest_login("Viajes Ñandú S.L.", random).starts_with("viajesandsl-"));
    EXPECT_TRUE(suggest_login("日本", random).starts_with("smtp-"));
}

}  // namespace
}  // namespace relevo
