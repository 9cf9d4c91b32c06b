#include "core/signing/message_signer.h"

#include "adapters/memory/telemetry.h"
#include "core/signing/key_fixture.h"
#include "lib/mailauth/arc_verifier.h"
#include "lib/mailauth/dkim_verifier.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using mailauth::BareLineEnds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const WallClock::time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h};
constexpr TenantId acme{1};
constexpr TenantId rival{2};
const Identity crm{.tenant = acme, .credential = {}, .grant = {}};

Domain domain(std::int64_t id, TenantId owner, std::string name, Subdomains subdomains,
              Ownership ownership = Ownership::trusted) {
    return {.id = DomainId{id},
            .tenant = owner,
            .name = std::move(name),
            .subdomains = subdomains,
            .addresses = {},
            .created_at = {},
            .ownership = ownership,
            .challenge = {},
            .verified_at = {}};
}

class MessageSignerTest : public testing::Test {
 protected:
    MessageSignerTest() {
        publish(store_.add(DomainId{1}, "example.com", "a"));
        publish(store_.add(DomainId{1}, "example.com", "r", KeyState::active, mailauth::SigningAlgorithm::rsa_sha256));
        publish(store_.add(DomainId{3}, "new.example", "n"));
        publish(store_.add(DomainId{4}, "rival.example", "v"));
        publish(store_.add(DomainId{}, "relay.example", "s"));
        ring_ = store_.ring("relay.example");
    }
    void publish(const KeyRow& key) { records_[record_host(key.selector, key.name)] = key.record; }

    MessageSigner::Signed sign(const std::string& message, const Identity& identity = crm) {
        StreamedBody body(BareLineEnds::converted);
        for (std::size_t i = 0; i < message.size(); i += 7) body.receive(std::string_view(message).substr(i, 7));
        const auto header = mail::Header::parse(message).value();
        return signer_.sign_submission(*directory_, identity, header.fields(),
                                       std::move(body).finish(message, header.body_offset()), noon);
    }
    // As if the message came from outside, with nothing found about it but this of its chain.
    MessageSigner::Signed seal(const std::string& message, mailauth::ArcResult chain = mailauth::ArcResult::none) {
        const auto header = mail::Header::parse(message).value();
        mailauth::ArcSealer sealer;
        sealer.update(std::string_view(message).substr(header.body_offset()));
        mailauth::ArcSealRequest request{.chain = chain, .results = {"mx.relay.example", {}}};
        request.time = noon;
        return signer_.seal(header.fields(), request, std::move(sealer));
    }
    // What a receiver finds of the keys that were published.
    [[nodiscard]] Result<dns::Answer> resolve(const dns::Question& question) const {
        dns::Answer answer;
        if (const auto record = records_.find(question.name); record != records_.end())
            answer.texts.push_back(record->second);
        return answer;
    }
    // "pass example.com, pass relay.example": what a receiver finds.
    [[nodiscard]] std::string verdicts(const std::string& message) const {
        const auto header = mail::Header::parse(message).value();
        mailauth::DkimVerifier verifier(header);
        verifier.update(std::string_view(message).substr(header.body_offset()));
        const auto found =
            dns::run(verifier.finish(noon), [this](const dns::Question& question) { return resolve(question); });
        std::string text;
        for (const auto& verdict : found)
            text += (text.empty() ? "" : ", ") + std::string(name_of(verdict.result)) + " " + verdict.domain;
        return text;
    }

    test::KeyStore store_;
    std::shared_ptr<const KeyRing> ring_;
    std::map<std::string, std::string> records_;
    std::shared_ptr<const Directory> directory_ = Directory::of(
        {},
        {domain(1, acme, "example.com", Subdomains::included), domain(2, acme, "plain.example", Subdomains::excluded),
         domain(3, acme, "new.example", Subdomains::excluded, Ownership::pending),
         domain(4, rival, "rival.example", Subdomains::included)},
        {}, {});
    MemoryLog log_;
    MemoryMetrics numbers_;
    SignerMetrics metrics_{numbers_};
    MessageSigner signer_{[this] { return ring_; }, metrics_, log_, 14 * 24h};
};

// As when the first key began to sign while the body came in.
TEST_F(MessageSignerTest, WhatWasNotHashedGoesOutUnsigned) {
    EXPECT_TRUE(signer_.has_keys());
    const auto header = mail::Header::parse("From: ana@example.com\r\n\r\nText\r\n").value();
    const auto made = signer_.sign_submission(*directory_, crm, header.fields(), std::nullopt, WallClock::now());
    EXPECT_EQ(made.fields, "");
    EXPECT_EQ(made.by, "");
    ring_ = std::make_shared<const KeyRing>();
    EXPECT_FALSE(signer_.has_keys());
}

TEST_F(MessageSignerTest, SignsForTheAuthorsDomainAndForTheService) {
    const std::string message = "From: a@example.com\r\nSubject: x\r\n\r\nText\r\n\r\n";
    const auto made = sign(message);
    EXPECT_THAT(made.by, HasSubstr("example.com ("));
    EXPECT_THAT(made.by, HasSubstr("), relay.example (s)"));
    EXPECT_EQ(verdicts(made.fields + message), "pass example.com, pass example.com, pass relay.example");
    EXPECT_EQ(verdicts(made.fields + "From: a@example.com\r\nSubject: y\r\n\r\nText\r\n"),
              "fail example.com, fail example.com, fail relay.example");
    EXPECT_EQ(numbers_.counted("relevo_dkim_signatures_total"), 3U);
    EXPECT_EQ(numbers_.counted("relevo_dkim_unsigned_messages_total"), 0U);
}

TEST_F(MessageSignerTest, SignsSubdomainsForTheDomainThatHoldsThem) {
    const std::string message = "From: a@news.example.com\r\n\r\n";
    EXPECT_THAT(verdicts(sign(message).fields + message), StartsWith("pass example.com, "));
}

TEST_F(MessageSignerTest, SignsForTheServiceAloneWhileTheDomainHasNoKeyAndSaysSoOnce) {
    const std::string message = "From: a@plain.example\r\n\r\nText\r\n";
    EXPECT_EQ(verdicts(sign(message).fields + message), "pass relay.example");
    sign(message);
    EXPECT_EQ(log_.count("warning dkim.unsigned domain=plain.example"), 1U);
    EXPECT_EQ(numbers_.counted("relevo_dkim_unsigned_messages_total"), 2U);
}

// What arrives in any pieces gives the same hash, and a body that begins elsewhere is hashed again.
TEST_F(MessageSignerTest, HashesTheBodyHoweverItArrives) {
    for (const std::string& message :
         {std::string("From: a@example.com\r\n\r\n"), std::string("From: a@example.com\r\n"),
          std::string("From: a@example.com\r\nX: y\r\n z\r\n\r\n\r\n\r\nText\r\n\r\n"),
          std::string("From: a@example.com\r\n\r\n") + std::string(100'000, 'x'),
          std::string("From: a@example.com\r\nno field\r\n\r\nText\r\n")}) {
        const auto made = sign(message);
        EXPECT_THAT(verdicts(made.fields + message), StartsWith("pass example.com, ")) << message.substr(0, 60);
    }
}

TEST_F(MessageSignerTest, SignsReportsForTheServiceAlone) {
    const std::string report = "From: Mail Delivery <postmaster@relay.example>\r\nSubject: x\r\n\r\nText\r\n";
    EXPECT_EQ(verdicts(signer_.sign_report(report, noon).fields + report), "pass relay.example");
    ring_ = store_.ring();
    EXPECT_THAT(signer_.sign_report(report, noon).fields, IsEmpty());
}

TEST_F(MessageSignerTest, SealsWithTheRsaKeyOfTheService) {  // RFC 8617 §5.1
    const std::string message = "From: a@elsewhere.example\r\nSubject: x\r\n\r\nText\r\n";
    publish(store_.add(DomainId{}, "relay.example", "q", KeyState::active, mailauth::SigningAlgorithm::rsa_sha256));
    ring_ = store_.ring("relay.example");
    const auto made = seal(message);
    EXPECT_EQ(made.by, "relay.example (q)");
    EXPECT_EQ(numbers_.counted("relevo_arc_seals_total"), 1U);
    const std::string sealed = made.fields + message;
    const auto header = mail::Header::parse(sealed).value();
    mailauth::ArcVerifier verifier(header);
    verifier.update(std::string_view(sealed).substr(header.body_offset()));
    const auto found =
        dns::run(verifier.finish(noon), [this](const dns::Question& question) { return resolve(question); });
    EXPECT_EQ(found.result, mailauth::ArcResult::pass) << found.reason;
    EXPECT_THAT(found.sealers, testing::ElementsAre("relay.example"));
}

TEST_F(MessageSignerTest, DoesNotSealWithoutAnRsaKeyAndSaysSoOnce) {
    EXPECT_THAT(seal("From: a@elsewhere.example\r\n\r\n").fields, IsEmpty());
    ring_ = std::make_shared<const KeyRing>();
    EXPECT_THAT(seal("From: a@elsewhere.example\r\n\r\n").fields, IsEmpty());
    EXPECT_EQ(log_.count("warning arc.unsealed"), 1U);
}

TEST_F(MessageSignerTest, LeavesAChainThatHasEnded) {  // RFC 8617 §5.1
    publish(store_.add(DomainId{}, "relay.example", "q", KeyState::active, mailauth::SigningAlgorithm::rsa_sha256));
    ring_ = store_.ring("relay.example");
    const std::string message = "From: a@elsewhere.example\r\n\r\n";
    const std::string broken = seal(message).fields + message + "changed\r\n";
    const std::string ended = seal(broken, mailauth::ArcResult::fail).fields + broken;
    EXPECT_THAT(ended, HasSubstr("cv=fail"));
    EXPECT_THAT(seal(ended, mailauth::ArcResult::fail).fields, IsEmpty());
    EXPECT_EQ(numbers_.counted("relevo_dkim_failures_total"), 0U);
}

// security row C3
TEST_F(MessageSignerTest, LimitsTheLifeOfASignature) {
    const std::string fields = sign("From: a@example.com\r\n\r\n").fields;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(noon.time_since_epoch()).count();
    EXPECT_THAT(fields, HasSubstr("t=" + std::to_string(seconds)));
    EXPECT_THAT(fields, HasSubstr("x=" + std::to_string(seconds + 14 * 86400)));
}

TEST_F(MessageSignerTest, SignsForNobodyWhoIsNotTheAuthorForSure) {  // security row A12
    for (const char* header :
         {"From: a@rival.example", "From: a@new.example", "From: a@nowhere.example",
          "From: a@example.com\r\nFrom: b@example.com", "From: a@rival.example\r\nFrom : b@example.com",
          "From: a@[192.0.2.1]", "From: ", "From: group:;", "From: <a@example.com> <b@rival.example>",
          "Sender: a@example.com", "From: \"a@example.com\" <x@rival.example>", "From: a@example.com.rival.example",
          "From: a@ex\u0430mple.com"}) {
        const std::string message = std::string(header) + "\r\n\r\n";
        EXPECT_EQ(verdicts(sign(message).fields + message), "pass relay.example") << header;
    }
    EXPECT_EQ(author_domain(*directory_, Identity{}, mail::Header::parse("From: a@example.com\r\n\r\n")->fields()),
              nullptr);
    const Identity other{.tenant = rival, .credential = {}, .grant = {}};
    EXPECT_THAT(sign("From: a@example.com\r\n\r\n", other).by, Not(HasSubstr("example.com")));
}

// security row A12: 10,000 random forms of From, put together from what parsers disagree about; d= is never another
// tenant's, nor that of a domain which is not proven.
TEST_F(MessageSignerTest, NeverSignsForAnotherTenantHoweverFromIsWritten) {
    const std::vector<std::string> pieces = {"a@example.com",
                                             "a@rival.example",
                                             "a@new.example",
                                             "a@sub.example.com",
                                             "a@EXAMPLE.com",
                                             "a@plain.example",
                                             "<",
                                             ">",
                                             "\"",
                                             ",",
                                             ":",
                                             ";",
                                             "(",
                                             ")",
                                             " ",
                                             "\r\n ",
                                             "\t",
                                             "@",
                                             "example.com",
                                             "rival.example",
                                             ".",
                                             "\\",
                                             "=?utf-8?q?a=40rival=2Eexample?=",
                                             "\u00e9",
                                             "a@r\u0131val.example",
                                             "a@xn--rival-.example",
                                             "group: ",
                                             "<a@example.com>",
                                             "<a@rival.example>",
                                             "\"a@rival.example\" ",
                                             "(a@example.com)",
                                             "\r\nFrom: ",
                                             "\r\nFrom : ",
                                             "\r\nSender: ",
                                             "@rival.example:",
                                             "%",
                                             "!",
                                             "\0"};
    std::mt19937 chance(20261125);  // NOLINT(cert-msc51-cpp): the same forms each time
    std::map<std::string, int> signed_for;
    for (int form = 0; form < 10'000; ++form) {
        std::string message = form % 7 == 0 ? "from:" : "From: ";
        for (auto count = chance() % 7 + 1; count > 0; --count) message += pieces[chance() % pieces.size()];
        message += "\r\n\r\nText\r\n";
        const auto made = sign(message);
        const auto header = mail::Header::parse(made.fields).value();
        for (const auto& field : header.fields()) {
            const auto tag = field.value.find("d=");
            ASSERT_NE(tag, std::string_view::npos);
            const auto end = field.value.find(';', tag);
            ++signed_for[std::string(field.value.substr(tag + 2, end - tag - 2))];
        }
    }
    EXPECT_GT(signed_for["example.com"], 500);
    EXPECT_EQ(signed_for["relay.example"], 10'000);
    EXPECT_EQ(signed_for.size(), 2U) << signed_for.begin()->first << " " << signed_for.rbegin()->first;
}

}  // namespace
}  // namespace relevo
