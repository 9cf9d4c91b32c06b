#include "lib/base/text.h"
#include "lib/mailauth/arc_test_peer.h"
#include "lib/mailauth/sha256.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

const std::string message =
    "From: Ana <ana@author.example>\r\nTo: list@list.example\r\nSubject: Hola\r\n"
    "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\nUno  dos \r\n\r\ntres\r\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string sealed_by(ArcTestPeer& peer, const std::vector<std::string>& domains) {
    std::string content = message;
    for (const std::string& domain : domains) {
        auto passed_on = peer.pass_on(content, domain);
        EXPECT_TRUE(passed_on.has_value()) << passed_on.error().detail;
        if (passed_on) content = *std::move(passed_on);
    }
    return content;
}

// The part of `content` that is the field with this name and instance.
std::string field_of(const std::string& content, std::string_view name, unsigned instance) {
    const auto header = mail::Header::parse(content).value();
    for (const mail::Field& field : header.fields())
        if (field.name == name &&
            (fmt::format("{};", field.value).find(fmt::format("i={};", instance)) != std::string::npos))
            return std::string(field.raw);
    ADD_FAILURE() << name << " " << instance;
    return {};
}

TEST(Arc, IsNoneWithoutFields) {
    ArcTestPeer peer;
    const ArcVerdict verdict = peer.verify(message);
    EXPECT_EQ(verdict.result, ArcResult::none);
    EXPECT_EQ(verdict.instances, 0U);
    EXPECT_TRUE(peer.questions.empty());
    EXPECT_FALSE(ArcVerifier(mail::Header::parse(message).value()).needs_body());
}

TEST(Arc, HoldsOverManyServersInAnySplit) {  // RFC 8617 §5
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example", "b.example", "c.example"});
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
        const ArcVerdict verdict = peer.verify(content, piece);
        EXPECT_EQ(verdict.result, ArcResult::pass) << verdict.reason;
        EXPECT_EQ(verdict.instances, 3U);
        EXPECT_EQ(verdict.oldest_pass, 0U);
        EXPECT_EQ(verdict.sealers, (std::vector<std::string>{"a.example", "b.example", "c.example"}));
        EXPECT_EQ(verdict.first_passed_domains, std::vector<std::string>{"author.example"});
    }
}

TEST(Arc, HoldsWithRsaKeys) {
    const DkimIdentity identity{"a.example", "s", SigningKey::generate(SigningAlgorithm::rsa_sha256).value()};
    const auto header = mail::Header::parse(message).value();
    ArcSealer sealer;
    sealer.update(std::string_view(message).substr(header.body_offset()));
    const auto fields = sealer.seal(header.fields(), {.time = ArcTestPeer::now()}, identity);
    ASSERT_TRUE(fields.has_value());
    for (const std::string_view line : split(*fields, '\n')) EXPECT_LE(line.size(), 79U) << line;
    const std::string content = *fields + message;
    const auto sealed = mail::Header::parse(content).value();
    ArcVerifier verifier(sealed);
    verifier.update(std::string_view(content).substr(sealed.body_offset()));
    const ArcVerdict verdict = dns::run(verifier.finish(ArcTestPeer::now()), [&](const dns::Question&) {
        dns::Answer answer;
        answer.texts.push_back(identity.key.record());
        return Result<dns::Answer>(answer);
    });
    EXPECT_EQ(verdict.result, ArcResult::pass) << verdict.reason;
}

TEST(Arc, SaysSinceWhenTheMessageIsUnchanged) {  // RFC 8617 §5.2 step 5
    ArcTestPeer peer;
    std::string content = sealed_by(peer, {"a.example"});
    content = replaced(content, "Subject: Hola", "Subject: [list] Hola");
    // The list checked before it changed the subject.
    content = ArcTestPeer::seal(content, "list.example", "author.example", ArcResult::pass).value();
    content = peer.pass_on(content, "c.example").value();
    const ArcVerdict verdict = peer.verify(content);
    EXPECT_EQ(verdict.result, ArcResult::pass) << verdict.reason;
    EXPECT_EQ(verdict.oldest_pass, 2U);
}

TEST(Arc, FailsWhenTheMessageWasChangedAfterTheLastSeal) {
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example", "b.example"});
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"tres", "cuatro"},
                                                          {"Subject: Hola", "Subject: Adios"},
                                                          {"To: list", "From: x@bank.example\r\nTo: list"}}) {
        const ArcVerdict verdict = peer.verify(replaced(content, from, to));
        EXPECT_EQ(verdict.result, ArcResult::fail) << to;
        EXPECT_NE(verdict.reason.find("i=2"), std::string::npos) << verdict.reason;
        EXPECT_TRUE(verdict.sealers.empty() && verdict.first_passed_domains.empty());
    }
}

TEST(Arc, FailsWhenAnOlderSetWasChanged) {
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example", "b.example"});
    const std::string results = field_of(content, "ARC-Authentication-Results", 1);
    const ArcVerdict verdict = peer.verify(replaced(content, results, replaced(results, "author", "banker")));
    EXPECT_EQ(verdict.result, ArcResult::fail);
    EXPECT_EQ(verdict.reason.substr(0, 24), "the seal of i=2 by b.exa") << verdict.reason;
}

// RFC 8617 §5.2 steps 1 to 3; security row C6.
TEST(Arc, FailsWithABrokenStructure) {
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example", "b.example", "c.example"});
    const auto results = [&](unsigned instance) { return field_of(content, "ARC-Authentication-Results", instance); };
    const auto seal = [&](unsigned instance) { return field_of(content, "ARC-Seal", instance); };
    const std::string whole_set = seal(2) + field_of(content, "ARC-Message-Signature", 2) + results(2);
    const std::vector<std::pair<std::string, std::string>> cases = {
        {replaced(content, whole_set, ""), "i=2 has no ARC-Authentication-Results"},
        {replaced(content, seal(3), ""), "i=3 has no ARC-Seal"},
        {replaced(content, field_of(content, "ARC-Message-Signature", 1), ""), "i=1 has no ARC-Message-Signature"},
        {seal(2) + content, "ARC-Seal with i=2 stands there twice"},
        {results(1) + content, "ARC-Authentication-Results with i=1 stands there twice"},
        {replaced(content, results(1), replaced(results(1), "i=1", "i=0")),
         "ARC-Authentication-Results has no instance i= from 1 to 50"},
        {replaced(content, seal(1), replaced(seal(1), "i=1", "i=0")), "ARC-Seal has no instance i= from 1 to 50"},
        {replaced(content, seal(1), replaced(seal(1), "i=1", "i=51")), "ARC-Seal has no instance i= from 1 to 50"},
        {replaced(content, seal(1), replaced(seal(1), "i=1", "i=-1")), "ARC-Seal has no instance i= from 1 to 50"},
        {replaced(content, seal(1), replaced(seal(1), "i=1", "i=4294967297")),
         "ARC-Seal has no instance i= from 1 to 50"},
        {replaced(content, seal(3), replaced(seal(3), "cv=pass", "cv=none")),
         "cv=none at i=3, where cv=pass must stand"},
        {replaced(content, seal(1), replaced(seal(1), "cv=none", "cv=pass")),
         "cv=pass at i=1, where cv=none must stand"},
        {replaced(content, seal(3), replaced(seal(3), "cv=pass", "cv=fail")),
         "c.example found the chain broken (cv=fail at i=3)"},
        {replaced(content, seal(3), replaced(seal(3), "cv=pass", "h=from; cv=pass")),
         "the ARC-Seal of i=3 cannot be read: h= may not stand in a seal"},
        {"ARC-Seal: i=1; \x01=x\r\n" + message, "ARC-Seal has no instance i= from 1 to 50"},
        {"ARC-Authentication-Results: i=1; x=" + std::string(300'000, 'x') + "\r\n" + message,
         "the ARC fields have more than 256 KiB"},
    };
    peer.questions.clear();
    for (const auto& [broken, reason] : cases) {
        const ArcVerdict verdict = peer.verify(broken);
        EXPECT_EQ(verdict.result, ArcResult::fail) << reason;
        EXPECT_EQ(verdict.reason, reason);
    }
    EXPECT_TRUE(peer.questions.empty()) << "a broken structure asks nobody for keys";
}

TEST(Arc, EndsWithFiftySets) {  // RFC 8617 §4.2.1; security row C6
    ArcTestPeer peer;
    std::vector<std::string> domains;
    for (int i = 0; i < 50; ++i) domains.push_back(fmt::format("s{}.example", i % 5));
    const std::string content = sealed_by(peer, domains);
    peer.questions.clear();
    const ArcVerdict verdict = peer.verify(content);
    EXPECT_EQ(verdict.result, ArcResult::pass) << verdict.reason;
    EXPECT_EQ(verdict.instances, 50U);
    EXPECT_EQ(verdict.oldest_pass, 41U) << "ten message signatures are checked";
    EXPECT_EQ(peer.questions.size(), 5U);
    for (const auto& [name, count] : peer.questions) EXPECT_EQ(count, 1U) << name;
    const auto more = peer.pass_on(content, "late.example");
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().kind, ErrorKind::refused);
    const std::string newest = content.substr(0, content.find("ARC-Seal", 1));
    std::string forged = newest;
    for (auto at = forged.find("i=50"); at != std::string::npos; at = forged.find("i=50"))
        forged.replace(at, 4, "i=51");
    EXPECT_EQ(peer.verify(forged + content).result, ArcResult::fail);
}

TEST(Arc, SealsAChainThatFailedOnceAndAlone) {  // RFC 8617 §5.1, §5.1.2
    ArcTestPeer peer;
    const std::string broken = replaced(sealed_by(peer, {"a.example"}), "tres", "cuatro");
    const std::string content = peer.pass_on(broken, "b.example").value();
    const std::string seal = field_of(content, "ARC-Seal", 2);
    EXPECT_NE(seal.find("cv=fail"), std::string::npos);
    std::string input;
    append_canonical_field(input, Canonicalisation::relaxed, field_of(content, "ARC-Authentication-Results", 2));
    append_canonical_field(input, Canonicalisation::relaxed, field_of(content, "ARC-Message-Signature", 2));
    append_signature_field(input, Canonicalisation::relaxed, seal);
    const auto key = VerificationKey::from_octets(SigningAlgorithm::ed25519_sha256,
                                                  decode_base64(ArcTestPeer::key().public_key()).value());
    EXPECT_TRUE(key.value().verifies(sha256_of(input), ArcSeal::read(seal.substr(9)).signature));
    const ArcVerdict verdict = peer.verify(content);
    EXPECT_EQ(verdict.reason, "b.example found the chain broken (cv=fail at i=2)");
    const auto more = peer.pass_on(content, "c.example");
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().kind, ErrorKind::refused);
}

TEST(Arc, IsNotSealedOnAVerdictAboutAnotherMessage) {
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example"});
    const auto kind = [](const std::string& text, ArcResult chain) {
        return ArcTestPeer::seal(text, "b.example", "x", chain).error().kind;
    };
    EXPECT_EQ(kind(content, ArcResult::none), ErrorKind::invalid);
    EXPECT_EQ(kind(message, ArcResult::pass), ErrorKind::invalid);
    EXPECT_EQ(kind(content, ArcResult::temperror), ErrorKind::refused);
    const std::string without_seal = replaced(content, field_of(content, "ARC-Seal", 1), "");
    EXPECT_EQ(kind(without_seal, ArcResult::pass), ErrorKind::invalid);
}

TEST(Arc, IsTemporaryWhenTheDnsIs) {
    ArcTestPeer peer;
    const std::string content = sealed_by(peer, {"a.example", "b.example"});
    for (const std::string domain : {"a.example", "b.example"}) {
        peer.silent_domain = domain;
        EXPECT_EQ(peer.verify(content).result, ArcResult::temperror) << domain;
    }
}

TEST(Arc, FailsWithoutItsKey) {
    ArcTestPeer peer;
    const std::string content = replaced(sealed_by(peer, {"a.example"}), "s=s;", "s=t;");
    const ArcVerdict verdict = peer.verify(content);
    EXPECT_EQ(verdict.result, ArcResult::fail);
    EXPECT_NE(verdict.reason.find("t._domainkey.a.example"), std::string::npos) << verdict.reason;
}

// RFC 8617 §9; security row C6: ARC changes a DMARC result only for listed sealers.
TEST(Arc, VouchesOnlyIfEverySealerIsTrusted) {
    ArcTestPeer peer;
    const ArcVerdict verdict = peer.verify(sealed_by(peer, {"a.example", "b.example"}));
    ASSERT_EQ(verdict.result, ArcResult::pass) << verdict.reason;
    EXPECT_TRUE(arc_vouches_for(verdict, "author.example", {"b.example", "A.example"}));
    EXPECT_TRUE(arc_vouches_for(verdict, "AUTHOR.example", {"x.example", "a.example", "b.example"}));
    EXPECT_FALSE(arc_vouches_for(verdict, "author.example", {}));
    EXPECT_FALSE(arc_vouches_for(verdict, "author.example", {"a.example"}));
    EXPECT_FALSE(arc_vouches_for(verdict, "author.example", {"b.example"}));
    EXPECT_FALSE(arc_vouches_for(verdict, "author.example", {"example"}));
    EXPECT_FALSE(arc_vouches_for(verdict, "other.example", {"a.example", "b.example"}));
    EXPECT_FALSE(arc_vouches_for(verdict, "", {"a.example", "b.example"}));
    ArcVerdict changed = verdict;
    changed.first_passed_domains.clear();
    EXPECT_FALSE(arc_vouches_for(changed, "author.example", {"a.example", "b.example"}));
    for (const auto result : {ArcResult::none, ArcResult::fail, ArcResult::temperror}) {
        changed = verdict;
        changed.result = result;
        EXPECT_FALSE(arc_vouches_for(changed, "author.example", {"a.example", "b.example"}));
    }
}

TEST(Arc, TakesResultsOfTheFirstSealerAlone) {  // a later one says what it likes
    ArcTestPeer peer;
    std::string content = ArcTestPeer::seal(message, "a.example", "other.example", ArcResult::none).value();
    content = peer.pass_on(content, "b.example", "author.example").value();
    const ArcVerdict verdict = peer.verify(content);
    EXPECT_EQ(verdict.first_passed_domains, std::vector<std::string>{"other.example"});
    EXPECT_FALSE(arc_vouches_for(verdict, "author.example", {"a.example", "b.example"}));
}

}  // namespace
}  // namespace relevo::mailauth
