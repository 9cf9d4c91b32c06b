#include "core/signing/publication.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

dns::Answer texts(std::vector<std::string> records) {
    dns::Answer answer;
    answer.texts = std::move(records);
    return answer;
}

// Ed25519, because it is short and quick to make; what is compared does not depend on the kind.
class PublishedKey : public testing::Test {
 protected:
    PublishedKey() {
        row.algorithm = key.algorithm();
        row.record = key.record();
    }
    [[nodiscard]] Presence presence(const std::string& record) const { return presence_of(row, texts({record})); }

    const mailauth::SigningKey key = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value();
    const std::string p = key.public_key();
    KeyRow row;
};

TEST_F(PublishedKey, IsFoundHoweverItsRecordIsWritten) {  // RFC 6376 §3.6.1, §3.2
    for (const std::string& record :
         {row.record, "v=DKIM1;k=ed25519;p=" + p + ";", "k=ed25519; p=" + p,
          " v=DKIM1 ; k=ed25519; p = " + p.substr(0, 9) + " \t " + p.substr(9) + " ; t=y; n=note",
          "v=DKIM1; k=ed25519; h=sha1:sha256; s=*; p=" + p})
        EXPECT_EQ(presence(record), Presence::present) << record;
}

TEST_F(PublishedKey, IsNotTakenForAnother) {
    const auto other = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value();
    for (const std::string& record :
         {std::string(), std::string("v=DKIM1; k=ed25519; p="), std::string("v=DKIM1; k=ed25519"), "v=DKIM1; p=" + p,
          "v=DKIM2; k=ed25519; p=" + p, other.record(), "v=DKIM1; k=ed25519; h=sha1; p=" + p,
          "v=DKIM1; k=ed25519; s=tlsrpt; p=" + p, "v=DKIM1; k=ed25519; p=" + p + "; p=" + p,
          std::string("v=spf1 -all")})
        EXPECT_EQ(presence(record), Presence::different) << record;
    EXPECT_EQ(presence_of(row, texts({})), Presence::absent);
    EXPECT_EQ(presence_of(row, texts({row.record, row.record})), Presence::different);
}

TEST(Publication, TakesOnlyTheChallengeOfTheDomainForProof) {
    Domain domain;
    domain.name = "example.com";
    domain.challenge = "k3yy";
    EXPECT_TRUE(proves_ownership(domain, texts({"v=spf1 -all", "relevo-verification=k3yy"})));
    EXPECT_TRUE(proves_ownership(domain, texts({" relevo-verification=k3yy "})));
    EXPECT_FALSE(proves_ownership(domain, texts({"relevo-verification=other", "k3yy", "relevo-verification="})));
    EXPECT_FALSE(proves_ownership(domain, texts({})));
    domain.challenge.clear();  // a row of an older release
    EXPECT_FALSE(proves_ownership(domain, texts({"relevo-verification="})));
}

}  // namespace
}  // namespace relevo
