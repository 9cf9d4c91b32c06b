#include "core/verification/verification.h"

#include "adapters/memory/resolver.h"
#include "lib/mailauth/dkim_signer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace relevo {
namespace {

using mailauth::DkimResult;
using mailauth::DmarcPolicy;
using mailauth::DmarcResult;
using mailauth::IprevResult;
using mailauth::SpfResult;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view plain_mail =
    "From: Ana <ana@example.com>\r\nTo: b@inbound.example\r\nSubject: hello\r\n\r\nHello\r\n";

class VerificationTest : public testing::Test {
 protected:
    VerificationTest() {
        dns_.txt("example.com", "v=spf1 ip4:192.0.2.0/24 -all")
            .txt("_dmarc.example.com", "v=DMARC1; p=reject")
            .address("mx.example.com", "192.0.2.1")
            .ptr("192.0.2.1", "mx.example.com");
    }

    static Task<> finish_into(MessageVerification& verification, std::optional<Findings>& findings, Shard& shard) {
        findings = co_await verification.finish();
        shard.stop();
    }

    // Checks `content`, its body in pieces of three octets.
    Findings check(std::string_view content, std::string_view client = "192.0.2.1",
                   std::string_view sender = "<ana@example.com>") {
        Verifier verifier(shard_, dns_, std::make_shared<const VerificationOptions>(options_));
        const auto verification =
            verifier.begin({.client = dns::IpAddress::parse(client).value(),
                            .client_name = "mx.example.com",
                            .sender = mail::ReversePath::parse(sender, mail::Utf8::refused).value()});
        const auto header = mail::Header::parse(content);
        verification->header(*header);
        for (std::size_t at = header->body_offset(); at < content.size(); at += 3)
            verification->body(content.substr(at, 3));
        std::optional<Findings> findings;
        shard_.spawn(finish_into(*verification, findings, shard_));
        shard_.context().restart();
        shard_.run();
        sealer_ = verification->take_sealer();
        return *std::move(findings);
    }

    std::string arrived(std::string_view content, const std::optional<std::string>& marked = {}) {
        const auto header = mail::Header::parse(content);
        return mail::apply_fixes(
            {}, content, fixes_for_arrival(*header, content, options_, check(content), mail::Utf8::refused, marked));
    }

    Shard shard_{0};
    MemoryResolver dns_;
    std::optional<mailauth::ArcSealer> sealer_;  // of the message checked last
    VerificationOptions options_{.authserv_id = "mx.relevo.example", .time_limit = std::chrono::milliseconds(300)};
};

// plain_mail with a signature of its author's domain, whose key is in the DNS.
std::string signed_by_author(MemoryResolver& dns) {
    const auto key = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value();
    dns.txt("s._domainkey.example.com", key.record());
    const auto header = mail::Header::parse(plain_mail);
    mailauth::DkimSigner signer;
    signer.update(plain_mail.substr(header->body_offset()));
    const std::vector<mailauth::DkimIdentity> identities{{"example.com", "s", key}};
    return signer.sign(header->fields(), identities, WallClock::now()).value() + std::string(plain_mail);
}

TEST_F(VerificationTest, FindsASenderThatItsDomainLists) {
    const Findings findings = check(plain_mail);
    EXPECT_EQ(findings.spf.at(0).result, SpfResult::pass);
    EXPECT_EQ(findings.iprev->result, IprevResult::pass);
    EXPECT_EQ(findings.dmarc->result, DmarcResult::pass);
    EXPECT_TRUE(findings.dkim->empty());
    EXPECT_TRUE(judge_authenticity(findings, {}).decision.is_accepted());
}

TEST_F(VerificationTest, FindsSignaturesOverContentInPieces) {
    const std::string content = signed_by_author(dns_);
    const Findings findings = check(content, "203.0.113.9", "<bounce@elsewhere.example>");
    EXPECT_EQ(findings.dkim->at(0).result, DkimResult::pass) << findings.dkim->at(0).reason;
    EXPECT_EQ(findings.dmarc->result, DmarcResult::pass);
    EXPECT_EQ(check(content + "more\r\n").dkim->at(0).result, DkimResult::fail);
}

TEST_F(VerificationTest, ForgedAuthorIsRefusedMarkedOrTakenAsTheRecipientWants) {  // RFC 7372 §3.3
    const Findings findings = check(plain_mail, "203.0.113.9", "<x@elsewhere.example>");
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail);
    const auto refused = judge_authenticity(findings, {.dmarc = DmarcHandling::reject});
    EXPECT_EQ(refused.decision.reply.code, 550);
    EXPECT_EQ(refused.decision.key, ReplyKey::dmarc_failed);
    const auto marked = judge_authenticity(findings, {.dmarc = DmarcHandling::quarantine});
    EXPECT_TRUE(marked.decision.is_accepted());
    EXPECT_THAT(marked.marked.value(), HasSubstr("header.from=example.com"));
    const auto taken = judge_authenticity(findings, {.dmarc = DmarcHandling::none});
    EXPECT_TRUE(taken.decision.is_accepted());
    EXPECT_FALSE(taken.marked.has_value());
}

TEST(Handling, IsTheMildestThatOneOfTheRecipientsWants) {
    Tenant tenant;
    tenant.id = TenantId{1};
    const auto domain = [&](std::int64_t id, std::string name, std::optional<DmarcHandling> dmarc) {
        Domain made;
        made.id = DomainId{id};
        made.tenant = tenant.id;
        made.name = std::move(name);
        made.dmarc = dmarc;
        return made;
    };
    const auto directory =
        Directory::of({tenant},
                      {domain(1, "strict.example", DmarcHandling::reject),
                       domain(2, "mild.example", DmarcHandling::quarantine), domain(3, "usual.example", std::nullopt)},
                      {}, {});
    const auto handling = [&](std::vector<std::string_view> recipients, DmarcHandling usual) {
        mail::Envelope envelope;
        for (const auto recipient : recipients)
            envelope.recipients.push_back({.address = mail::Address::parse(recipient, mail::Utf8::refused).value()});
        return handling_for(*directory, envelope, {.dmarc = usual}).dmarc;
    };
    EXPECT_EQ(handling({"a@strict.example"}, DmarcHandling::none), DmarcHandling::reject);
    EXPECT_EQ(handling({"a@strict.example", "b@mild.example"}, DmarcHandling::reject), DmarcHandling::quarantine);
    EXPECT_EQ(handling({"a@usual.example"}, DmarcHandling::none), DmarcHandling::none);
    EXPECT_EQ(handling({"a@nobody.example", "b@strict.example"}, DmarcHandling::quarantine), DmarcHandling::quarantine);
}

TEST_F(VerificationTest, NeverGoesBeyondWhatTheAuthorsDomainAsks) {
    dns_.txt("_dmarc.mild.example", "v=DMARC1; p=none").txt("mild.example", "v=spf1 -all");
    const Findings findings = check("From: a@mild.example\r\n\r\n", "203.0.113.9", "<a@mild.example>");
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail);
    const auto judged = judge_authenticity(findings, {.dmarc = DmarcHandling::reject});
    EXPECT_TRUE(judged.decision.is_accepted());
    EXPECT_FALSE(judged.marked.has_value());
    const auto by_spf = judge_authenticity(findings, {.spf = SpfHandling::reject});
    EXPECT_EQ(by_spf.decision.key, ReplyKey::spf_failed) << "for those that want it";
}

TEST_F(VerificationTest, AFaultOfTheDnsRefusesNothing) {  // security row R12
    dns_.fault("example.com", MemoryResolver::Fault::servfail)
        .fault("_dmarc.example.com", MemoryResolver::Fault::timeout);
    const Findings findings = check(plain_mail);
    EXPECT_EQ(findings.spf.at(0).result, SpfResult::temperror);
    EXPECT_EQ(findings.dmarc->result, DmarcResult::temperror);
    const auto judged = judge_authenticity(findings, {.dmarc = DmarcHandling::reject, .spf = SpfHandling::reject});
    EXPECT_TRUE(judged.decision.is_accepted());
    EXPECT_FALSE(judged.marked.has_value());
}

TEST_F(VerificationTest, SilentServersCostTheTimeLimitAndNoMore) {  // RFC 7208 §4.6.4
    dns_.fault("example.com", MemoryResolver::Fault::timeout)
        .fault("_dmarc.example.com", MemoryResolver::Fault::timeout)
        .fault("1.2.0.192.in-addr.arpa", MemoryResolver::Fault::timeout);
    const auto begin = Clock::now();
    EXPECT_EQ(check(plain_mail).spf.at(0).result, SpfResult::temperror);
    EXPECT_LT(Clock::now() - begin, 4 * options_.time_limit);
}

TEST_F(VerificationTest, ASlowNameOfTheClientHidesNoForgery) {  // security row C4
    dns_.fault("9.113.0.203.in-addr.arpa", MemoryResolver::Fault::timeout);
    const Findings findings = check(plain_mail, "203.0.113.9");
    EXPECT_EQ(findings.iprev->result, IprevResult::temperror);
    EXPECT_EQ(findings.spf.at(0).result, SpfResult::fail);
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail);
}

TEST_F(VerificationTest, SlowTermsOfAnSpfRecordHideNoForgery) {  // security row C4
    dns_.txt("slow.example", "v=spf1 a:1.slow.example a:2.slow.example a:3.slow.example mx:4.slow.example -all");
    for (const char* name : {"1.slow.example", "2.slow.example", "3.slow.example", "4.slow.example"})
        dns_.fault(name, MemoryResolver::Fault::timeout);
    const Findings findings = check(plain_mail, "203.0.113.9", "<x@slow.example>");
    EXPECT_EQ(findings.spf.at(0).result, SpfResult::temperror);
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail);
}

// Nine signatures on top, whose keys nobody tells.
std::string with_slow_signatures(std::string_view content, MemoryResolver& dns) {
    std::vector<mailauth::DkimIdentity> identities;
    const auto key = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value();
    for (int number = 0; number < 9; ++number) {
        identities.push_back({"slow.example", fmt::format("s{}", number), key});
        dns.fault(fmt::format("s{}._domainkey.slow.example", number), MemoryResolver::Fault::timeout);
    }
    const auto header = mail::Header::parse(content);
    mailauth::DkimSigner signer;
    signer.update(content.substr(header->body_offset()));
    return signer.sign(header->fields(), identities, WallClock::now()).value() + std::string(content);
}

TEST_F(VerificationTest, SlowKeysOfStrangersHideNoForgery) {  // security row C4
    const Findings findings = check(with_slow_signatures(plain_mail, dns_), "203.0.113.9", "<x@elsewhere.example>");
    EXPECT_EQ(findings.dkim->at(0).result, DkimResult::temperror);
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail) << findings.dmarc->reason;
    EXPECT_FALSE(judge_authenticity(findings, {}).decision.is_accepted());
}

TEST_F(VerificationTest, TheAuthorsSignatureIsCheckedBeforeSlowKeysOfStrangers) {
    const std::string content = signed_by_author(dns_);
    const Findings findings = check(with_slow_signatures(content, dns_), "203.0.113.9", "<x@elsewhere.example>");
    EXPECT_EQ(findings.dkim->at(0).result, DkimResult::temperror);
    EXPECT_EQ(findings.dkim->at(9).result, DkimResult::pass) << "in the order of the message";
    EXPECT_EQ(findings.dmarc->result, DmarcResult::pass);
    const auto& asked = dns_.questions();
    const auto own = std::ranges::find(asked, "s._domainkey.example.com 16");
    ASSERT_NE(own, asked.end());
    EXPECT_LT(own, std::ranges::find(asked, "s0._domainkey.slow.example 16"));
}

TEST_F(VerificationTest, SlowAuthorsBesideAForgedOneHideNothing) {  // security row C4
    for (const char* name : {"_dmarc.a.example", "_dmarc.b.example", "_dmarc.c.example"})
        dns_.fault(name, MemoryResolver::Fault::timeout);
    const Findings findings =
        check("From: x@a.example, x@b.example, x@c.example, ana@example.com\r\n\r\n", "203.0.113.9", "<x@a.example>");
    EXPECT_EQ(findings.dmarc->result, DmarcResult::fail);
    EXPECT_EQ(findings.dmarc->author_domain, "example.com");
}

TEST_F(VerificationTest, WhatWasFoundCanBeSealed) {  // RFC 8617 §5.1
    check(plain_mail);
    EXPECT_FALSE(sealer_) << "nobody asked for it";
    options_.sealing = Sealing::on;
    const Findings findings = check(plain_mail);
    ASSERT_TRUE(sealer_);
    const auto key = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value();
    dns_.txt("s._domainkey.relevo.example", key.record());
    const auto fields = sealer_->seal(mail::Header::parse(plain_mail)->fields(),
                                      seal_request(options_, findings, mail::Utf8::refused, WallClock::now()),
                                      {"relevo.example", "s", key});
    ASSERT_TRUE(fields.has_value());
    EXPECT_THAT(*fields, HasSubstr("i=1; mx.relevo.example;\r\n"));
    const Findings next = check(*fields + std::string(plain_mail), "203.0.113.9");
    EXPECT_EQ(next.arc->result, mailauth::ArcResult::pass) << next.arc->reason;
    EXPECT_EQ(next.dmarc->result, DmarcResult::fail);
    EXPECT_EQ(next.arc->first_passed_domains, std::vector<std::string>{"example.com"});
}

TEST_F(VerificationTest, MailFromOurOwnServersIsNotChecked) {
    options_.trusted_networks = {dns::Network::parse("192.0.2.0/24").value()};
    Verifier verifier(shard_, dns_, std::make_shared<const VerificationOptions>(options_));
    EXPECT_EQ(verifier.begin({.client = dns::IpAddress::parse("192.0.2.1").value(), .client_name = "a", .sender = {}}),
              nullptr);
    EXPECT_TRUE(dns_.questions().empty());
}

TEST_F(VerificationTest, ResultsInOurNameComeFromUsAlone) {  // RFC 8601 §5, security row C4
    const std::string content =
        "Authentication-Results: MX.relevo.example; dmarc=pass header.from=bank.example\r\n"
        "x-relevo-quarantine: no\r\n"
        "Authentication-Results: other.example; spf=pass\r\n" +
        std::string(plain_mail);
    const std::string result = arrived(content, "dmarc=fail");
    EXPECT_TRUE(result.starts_with("Authentication-Results: mx.relevo.example;")) << result;
    EXPECT_THAT(result, HasSubstr("X-Relevo-Quarantine: dmarc=fail\r\n"));
    EXPECT_THAT(result, Not(HasSubstr("bank.example")));
    EXPECT_THAT(result, Not(HasSubstr("x-relevo-quarantine: no")));
    EXPECT_TRUE(result.ends_with("Authentication-Results: other.example; spf=pass\r\n" + std::string(plain_mail)));
}

TEST_F(VerificationTest, OurFieldsDoNotRunIntoABodyWithoutHeader) {
    EXPECT_THAT(arrived("no field here\r\n"), testing::EndsWith("\r\n\r\nno field here\r\n"));
}

TEST_F(VerificationTest, TheEventTellsWhatWasFound) {
    EXPECT_EQ(findings_as_json(check(plain_mail)),
              R"({"spf":"pass","spf_domain":"example.com","dkim":[],"arc":"none","dmarc":"pass",)"
              R"("author_domain":"example.com","iprev":"pass",)"
              R"("summary":"spf=pass example.com, dkim=none, dmarc=pass example.com"})");
}

}  // namespace
}  // namespace relevo
