#include "lib/mailauth/dkim_verifier.h"

#include "lib/mailauth/dkim_test_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using namespace testing_peer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view message =
    "From: Ana <ana@example.com>\r\nTo: bob@example.net\r\nSubject: hello\r\n\r\nHello,\r\n\r\nBob.\r\n";

Zone our_zone() { return Zone().publish(rsa_identity()).publish(ed25519_identity()); }

DkimVerdict only(const std::vector<DkimVerdict>& verdicts) {
    EXPECT_EQ(verdicts.size(), 1U);
    return verdicts.empty() ? DkimVerdict{} : verdicts.front();
}

DkimVerdict judge(std::string_view content, Zone zone = our_zone(), TimePoint at = now) {
    return only(verify(content, zone, at));
}

void expect(const DkimVerdict& verdict, DkimResult result, std::string_view reason) {
    EXPECT_EQ(name_of(verdict.result), name_of(result)) << verdict.reason;
    EXPECT_THAT(verdict.reason, HasSubstr(std::string(reason)));
}

TEST(DkimVerifier, FindsNothingInAMessageWithoutSignature) {
    Zone zone;
    EXPECT_THAT(verify(message, zone), IsEmpty());
    EXPECT_THAT(zone.questions, IsEmpty());
}

TEST(DkimVerifier, SaysWhoSignedAndHow) {
    const DkimVerdict verdict = judge(sign(message, {rsa_identity()}));
    expect(verdict, DkimResult::pass, "");
    EXPECT_EQ(verdict.domain, "example.com");
    EXPECT_EQ(verdict.selector, "r1");
    EXPECT_EQ(verdict.identity, "@example.com");
    EXPECT_EQ(verdict.algorithm, "rsa-sha256");
    EXPECT_EQ(verdict.key_bits, 2048U);
    EXPECT_EQ(verdict.signature.size(), 8U);
    EXPECT_TRUE(verdict.covers_body);
    EXPECT_EQ(verdict.steps.size(), 2U);
}

TEST(DkimVerifier, TellsAChangedBodyFromAChangedHeader) {
    std::string body_changed = sign(message, {ed25519_identity()});
    body_changed.replace(body_changed.find("Bob."), 4, "Eve.");
    Zone zone = our_zone();
    expect(only(verify(body_changed, zone)), DkimResult::fail, "body hash differs");
    EXPECT_THAT(zone.questions, IsEmpty()) << "no key is needed to see that";
    std::string header_changed = sign(message, {ed25519_identity()});
    header_changed.replace(header_changed.find("hello"), 5, "HELLO");
    expect(judge(header_changed), DkimResult::fail, "the signature does not match the header fields");
}

TEST(DkimVerifier, SurvivesWhatRelaxedFormsAllow) {  // RFC 6376 §3.4.2, §3.4.4
    std::string content = sign(message, {rsa_identity()});
    content.replace(content.find("Subject: hello"), 14, "SUBJECT :\r\n   hello \t");
    content.replace(content.find("Hello,"), 6, "Hello, \t ");
    content += "\r\n\r\n";
    expect(judge(content), DkimResult::pass, "");
}

TEST(DkimVerifier, GivesTheSameForAnySplitOfTheBody) {
    const std::string content = sign(message, {rsa_identity(), ed25519_identity()});
    for (std::size_t piece = 1; piece < 20; ++piece) {
        Zone zone = our_zone();
        for (const DkimVerdict& verdict : verify(content, zone, now, piece)) expect(verdict, DkimResult::pass, "");
    }
}

TEST(DkimVerifier, NamesEachWayAKeyCannotBeHad) {  // RFC 6376 §6.1.2
    const std::string content = sign(message, {ed25519_identity()});
    const std::string name = "e1._domainkey.example.com";
    expect(judge(content, Zone()), DkimResult::permerror, "no TXT record at e1._domainkey.example.com");
    expect(judge(content, Zone().fail(name, ErrorKind::timeout, "no answer")), DkimResult::temperror, "no answer");
    expect(judge(content, Zone().fail(name, ErrorKind::temporary, "SERVFAIL")), DkimResult::temperror, "SERVFAIL");
    expect(judge(content, Zone().publish(name, "v=DKIM1; k=ed25519; p=")), DkimResult::permerror, "revoked");
    expect(judge(content, Zone().publish(name, "v=spf1 -all")), DkimResult::permerror, "is no key");
    expect(judge(content, our_zone().secure(name, dns::Security::bogus)), DkimResult::temperror, "DNSSEC");
    EXPECT_EQ(judge(content, our_zone().secure(name, dns::Security::secure)).security, dns::Security::secure);
}

TEST(DkimVerifier, ObeysWhatTheKeyRecordAllows) {  // RFC 6376 §3.6.1
    const std::string content = sign(message, {ed25519_identity()});
    const auto with = [&](std::string_view tags) {
        return judge(content,
                     Zone().publish("e1._domainkey.example.com",
                                    "k=ed25519; p=" + ed25519_identity().key.public_key() + std::string(tags)));
    };
    expect(with("; h=sha1"), DkimResult::permerror, "does not allow SHA-256");
    expect(with("; h=sha1 : sha256"), DkimResult::pass, "");
    expect(with("; s=tlsrpt"), DkimResult::permerror, "excludes mail");
    expect(with("; s=tlsrpt:email"), DkimResult::pass, "");
    expect(with("; t=s"), DkimResult::pass, "");
    EXPECT_TRUE(with("; t=s : y").is_testing);
    expect(judge(content, Zone().publish("e1._domainkey.example.com", rsa_identity().key.record())),
           DkimResult::permerror, "k=rsa");
}

TEST(DkimVerifier, TriesSeveralRecordsAtOneName) {  // RFC 6376 §6.1.2
    const std::string name = "e1._domainkey.example.com";
    Zone zone = Zone().publish(name, "some text").publish(name, rsa_identity().key.record());
    expect(judge(sign(message, {ed25519_identity()}), zone.publish(ed25519_identity())), DkimResult::pass, "");
}

TEST(DkimVerifier, KeepsToTheTimesOfTheSignature) {  // RFC 6376 §3.5; security row C3
    const std::string content = sign(message, {ed25519_identity()});
    const auto lifetime = DkimSigner::usual_lifetime;
    expect(judge(content, our_zone(), now + lifetime), DkimResult::pass, "");
    expect(judge(content, our_zone(), now + lifetime + std::chrono::hours(1)), DkimResult::policy,
           "expired at 2026-12-09 12:00:00 UTC");
    expect(judge(content, our_zone(), now - std::chrono::minutes(4)), DkimResult::pass, "");
    expect(judge(content, our_zone(), now - std::chrono::hours(1)), DkimResult::policy, "in the future");
}

TEST(DkimVerifier, IgnoresSignaturesThatLeaveFromUnsigned) {  // RFC 6376 §6.1.1
    HandMade made;
    made.tags = "v=1; a=ed25519-sha256; d=example.com; s=e1; h=To; bh=BODYHASH";
    expect(judge(sign_by_hand(message, made)), DkimResult::permerror, "From field is not signed");
}

TEST(DkimVerifier, RefusesASecondFromThatNobodySigned) {  // RFC 6376 §8.15; security row C2
    const std::string content = sign_by_hand(message, {});
    expect(judge(content), DkimResult::pass, "");
    expect(judge("From: eve@example.org\r\n" + content), DkimResult::policy, "of 2 From fields only 1 is signed");
}

TEST(DkimVerifier, HoldsTheIdentityAgainstTheDomain) {  // RFC 6376 §3.5, §3.6.1
    HandMade made;
    made.tags += "; i=ana=20x@mail.example.com";
    DkimVerdict verdict = judge(sign_by_hand(message, made));
    expect(verdict, DkimResult::pass, "");
    EXPECT_EQ(verdict.identity, "ana x@mail.example.com");
    const std::string strict = ed25519_identity().key.record() + "; t=s";
    expect(judge(sign_by_hand(message, made), Zone().publish("e1._domainkey.example.com", strict)),
           DkimResult::permerror, "(t=s)");
    made.tags = HandMade().tags + "; i=@badexample.com";
    expect(judge(sign_by_hand(message, made)), DkimResult::permerror, "not within d=example.com");
    made.tags = HandMade().tags + "; i=a=0D=0Ab@example.com";
    verdict = judge(sign_by_hand(message, made));
    expect(verdict, DkimResult::neutral, "malformed");
    EXPECT_EQ(verdict.identity, "@example.com") << "a line end must not get into other fields (security row C5)";
}

TEST(DkimVerifier, NeverPassesABodyThatGrew) {  // security row C1: l= and text or parts appended
    HandMade made;
    made.limit = 10;
    made.tags += "; l=10";
    for (const std::string_view appended :
         {"", "Click here.\r\n", "--next\r\nContent-Type: text/html\r\n\r\n<b>other</b>\r\n--next--\r\n"}) {
        const DkimVerdict verdict = judge(sign_by_hand(message, made) + std::string(appended));
        expect(verdict, DkimResult::policy, "unsigned");
        EXPECT_FALSE(verdict.covers_body);
    }
    made.limit = 16;
    made.tags = HandMade().tags + "; l=16";
    const DkimVerdict whole = judge(sign_by_hand(message, made));
    expect(whole, DkimResult::pass, "");
    EXPECT_TRUE(whole.covers_body);
    made.tags = HandMade().tags + "; l=17";
    expect(judge(sign_by_hand(message, made)), DkimResult::permerror, "l=17 is more than the body has");
}

TEST(DkimVerifier, ReadsInternationalNames) {  // RFC 8616 §4: U-labels in d=, s= and i=
    HandMade made;
    made.tags =
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=b\xC3\xBC"
        "cher.example; s=\xC3\xA1; "
        "i=\xC3\xB1@b\xC3\xBC"
        "cher.example; h=From; bh=BODYHASH";
    const DkimVerdict verdict =
        judge(sign_by_hand(message, made),
              Zone().publish("xn--1ca._domainkey.xn--bcher-kva.example", ed25519_identity().key.record()));
    expect(verdict, DkimResult::pass, "");
    EXPECT_EQ(verdict.domain, "xn--bcher-kva.example");
    EXPECT_EQ(verdict.identity, "\xC3\xB1@xn--bcher-kva.example");
}

TEST(DkimVerifier, TriesTenSignaturesOfAThousand) {  // security row B7
    std::string content = sign(message, {ed25519_identity()});
    const std::string field = content.substr(0, content.size() - message.size());
    for (int i = 1; i < 1000; ++i) content.insert(0, field);
    Zone zone = our_zone();
    const auto verdicts = verify(content, zone);
    ASSERT_EQ(verdicts.size(), DkimVerifier::signature_limit + 1);
    EXPECT_EQ(zone.questions.size(), DkimVerifier::signature_limit);
    expect(verdicts.front(), DkimResult::pass, "");
    expect(verdicts.back(), DkimResult::policy, "990 further signatures were not looked at");
}

TEST(DkimVerifier, BoundsTheListOfSignedFields) {  // security row B7
    HandMade made;
    for (int i = 0; i < 200'000; ++i) made.names.emplace_back("From");
    made.tags = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e1; bh=BODYHASH; h=From";
    for (int i = 0; i < 200'000; ++i) made.tags += ":From";
    expect(judge(sign_by_hand(message, made)), DkimResult::policy, "more than 1,000");
}

TEST(DkimVerifier, HashesTheBodyOnceForEachWay) {
    HandMade made;
    std::string content(message);
    for (const std::string_view more : {"", "; t=1", "; l=3", "; l=3; t=1", "; l=4"}) {
        made.tags = HandMade().tags + std::string(more);
        made.limit = more.find("l=3") != std::string_view::npos ? 3
                     : more.empty() || more == "; t=1"          ? BodyHasher::unlimited
                                                                : 4;
        content = sign_by_hand(content, made);
    }
    Zone zone = our_zone();
    std::vector<std::string_view> results;
    for (const DkimVerdict& verdict : verify(content, zone)) results.push_back(name_of(verdict.result));
    EXPECT_THAT(results, ElementsAre("policy", "policy", "policy", "pass", "pass"));
}

TEST(DkimVerifier, TellsSignaturesApart) {  // RFC 6008 §4
    Zone zone = our_zone();
    const auto verdicts = verify(sign(message, {rsa_identity(), ed25519_identity()}), zone);
    ASSERT_EQ(verdicts.size(), 2U);
    EXPECT_NE(verdicts[0].signature, verdicts[1].signature);
}

TEST(DkimVerifier, LeavesOutTheSignatureItself) {  // RFC 6376 §3.5: h= may name other signatures, never its own
    const std::string first = sign(message, {rsa_identity()});
    HandMade made;
    made.names = {"From", "DKIM-Signature", "DKIM-Signature"};
    made.tags =
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e1; "
        "h=From:DKIM-Signature:DKIM-Signature; bh=BODYHASH";
    Zone zone = our_zone();
    for (const DkimVerdict& verdict : verify(sign_by_hand(first, made), zone)) expect(verdict, DkimResult::pass, "");
}

}  // namespace
}  // namespace relevo::mailauth
