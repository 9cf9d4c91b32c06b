#include "core/signing/publication.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

dns::Answer texts(std::vector<std::string> records) {
    dns::Answer answer;
    answer.texts = std::move(records);
    return answer;
}

KeyRow key(std::string record) {
    KeyRow row;
    row.record = std::move(record);
    return row;
}

TEST(Publication, FindsTheKeyInHoweverItsRecordIsWritten) {  // RFC 6376 §3.6.1, §3.2
    const KeyRow rsa = key("v=DKIM1; k=rsa; p=AbCd+/8=");
    for (const char* record : {"v=DKIM1; k=rsa; p=AbCd+/8=", "v=DKIM1;k=RSA;p=AbCd+/8=;", "p=AbCd+/8=",
                               " v=DKIM1 ; p = AbCd \t +/8= ; t=y; n=note", "v=DKIM1; h=sha1:sha256; s=*; p=AbCd+/8="})
        EXPECT_EQ(presence_of(rsa, texts({record})), Presence::present) << record;
}

TEST(Publication, TakesNothingElseForTheKey) {
    const KeyRow rsa = key("v=DKIM1; k=rsa; p=AbCd");
    for (const char* record :
         {"", "v=DKIM1; k=rsa; p=", "v=DKIM1; k=rsa", "v=DKIM1; k=ed25519; p=AbCd", "v=DKIM2; p=AbCd",
          "v=DKIM1; p=abcd", "v=DKIM1; p=AbCdE", "v=DKIM1; h=sha1; p=AbCd", "v=DKIM1; s=tlsrpt; p=AbCd", "v=spf1 -all"})
        EXPECT_EQ(presence_of(rsa, texts({record})), Presence::different) << record;
    EXPECT_EQ(presence_of(rsa, texts({})), Presence::absent);
    EXPECT_EQ(presence_of(rsa, texts({"v=DKIM1; p=AbCd", "v=DKIM1; p=AbCd"})), Presence::different);
    EXPECT_EQ(presence_of(key("v=DKIM1; k=ed25519; p=AbCd"), texts({"p=AbCd"})), Presence::different);
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
