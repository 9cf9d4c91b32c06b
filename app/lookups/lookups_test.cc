#include "app/lookups/domain_lookups.h"
#include "app/lookups/envelope_facts.h"
#include "app/lookups/message_check.h"
#include "lib/mailauth/dkim_signer.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::lookups {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const auto now = std::chrono::system_clock::now();

std::unique_ptr<DnsSource> dns_of(std::string_view zone) { return dns_from_text(zone).value(); }

cli::LookupOptions about(std::string subject) {
    cli::LookupOptions options;
    options.subject = std::move(subject);
    return options;
}

std::vector<std::size_t> widths(std::string_view text) {
    std::vector<std::size_t> result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        result.push_back(end - begin);
        begin = end + 1;
    }
    return result;
}

// --- pages

TEST(Page, BreaksLinesAtBlanksAndKeepsLongWordsWhole) {
    Page page;
    page.paragraph(std::string(60, 'a') + " " + std::string(60, 'b') + " " + std::string(150, 'c'), 2, 4);
    EXPECT_EQ(std::move(page).take(), "  " + std::string(60, 'a') + "\n      " + std::string(60, 'b') + "\n      " +
                                          std::string(150, 'c') + "\n");
}

TEST(Page, CountsCharactersNotOctets) {
    Page page;
    page.paragraph("ññññ" + std::string(90, 'n') + " ñññññ");
    EXPECT_EQ(std::move(page).take(), "ññññ" + std::string(90, 'n') + " ñññññ\n");
}

TEST(Page, LetsNothingForeignSteerTheTerminal) {  // security row E13
    Page page;
    page.heading("a\x1b[31mb\nc");
    page.paragraph("\x1b]0;title\x07 \xff");
    EXPECT_THAT(std::move(page).take(), AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07")), Not(HasSubstr("\xff"))));
}

// --- files

TEST(MessageFile, GivesUnixFilesTheLineEndsOfTheWire) {
    const MessageFile file = message_from("A: b\n\nbody\n");
    EXPECT_EQ(file.content, "A: b\r\n\r\nbody\r\n");
    EXPECT_TRUE(file.had_bare_line_feeds);
}

TEST(MessageFile, LeavesMixedLineEndsAsTheyAre) {
    EXPECT_EQ(message_from("A: b\r\n\r\none\ntwo\rthree\r\n").content, "A: b\r\n\r\none\ntwo\rthree\r\n");
    EXPECT_EQ(message_from("only\rCR").content, "only\rCR");
}

TEST(MessageFile, LeavesTheFirstLineOfAMailboxOut) {
    const MessageFile file = message_from("From ana@example.com Mon Nov 23 12:00:00 2026\nFrom: b\n\n");
    EXPECT_EQ(file.content, "From: b\r\n\r\n");
    EXPECT_TRUE(file.had_mbox_line);
}

// --- what the message tells of its envelope

EnvelopeFacts facts_of(std::string_view header) {
    const std::string content = std::string(header) + "\r\n";
    return with_facts_of({}, mail::Header::parse(content).value(), mail::Language::english);
}

TEST(EnvelopeFacts, ReadsTheHopOnTop) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"from mx.example.org (mx.example.org [9.1.2.3]) by in.example.com with ESMTP; now", "mx.example.org"},
        {"from [9.1.2.3] (helo=mx.example.org)\r\n\tby in.example.com with esmtp (Exim 4.96); now", "mx.example.org"},
        {"from mx.example.org ([9.1.2.3]:2525) by in.example.com; now", "mx.example.org"},
        {"from localhost (mx.example.org. [9.1.2.3])\r\n        by in.example.com; now", "localhost"},
    };
    for (const auto& [received, helo] : cases) {
        const EnvelopeFacts facts =
            facts_of(fmt::format("Received: {}\r\nReceived: from a ([8.8.8.8]) by b; now\r\n", received));
        ASSERT_TRUE(facts.client) << received;
        EXPECT_EQ(facts.client->text(), "9.1.2.3");
        EXPECT_EQ(facts.helo, helo);
        EXPECT_THAT(facts.notes.front(), HasSubstr("9.1.2.3, says the topmost Received field; --ip"));
    }
    EXPECT_EQ(facts_of("Received: from x (x [IPv6:2a00::25]) by y; now\r\n").client->text(), "2a00::25");
}

TEST(EnvelopeFacts, TakesNoAddressThatMayBeAnother) {
    for (const std::string_view received :
         {"from a (a [10.0.0.1]) by b; now", "from [9.1.2.3] (a [9.1.2.4]) by b; now", "by b with LMTP; now",
          "from a (a [127.0.0.1]) by b; now", "from a (9.1.2.3) by b; now", "from a [9.1.2.3]"}) {
        const EnvelopeFacts facts = facts_of(fmt::format("Received: {}\r\n", received));
        EXPECT_FALSE(facts.client) << received;
        EXPECT_FALSE(facts.helo);
        EXPECT_THAT(facts.notes.front(), HasSubstr("--ip")) << received;
    }
    EXPECT_FALSE(facts_of("From: a@b.example\r\n").client);
}

TEST(EnvelopeFacts, ReadsTheOnlyReturnPath) {
    EXPECT_EQ(facts_of("Return-Path: <ana@example.com>\r\n").from, "ana@example.com");
    EXPECT_EQ(facts_of("Return-Path: <>\r\n").from, "");
    EXPECT_FALSE(facts_of("Return-Path: <a@b.example>\r\nReturn-Path: <c@d.example>\r\n").from);
    EXPECT_FALSE(facts_of("Return-Path: ana@example.com\r\n").from);
    EXPECT_FALSE(facts_of("From: a@b.example\r\n").from);
}

TEST(EnvelopeFacts, BelievesWhatThePersonSaid) {
    const std::string content = "Return-Path: <x@y.example>\r\nReceived: from a ([9.1.2.3]) by b; now\r\n\r\n";
    const EnvelopeFacts facts = with_facts_of(
        {.client = *dns::IpAddress::parse("192.0.2.1"), .helo = {}, .from = "ana@example.com", .notes = {}},
        mail::Header::parse(content).value(), mail::Language::english);
    EXPECT_EQ(facts.client->text(), "192.0.2.1");
    EXPECT_EQ(facts.from, "ana@example.com");
    EXPECT_FALSE(facts.helo);  // of another hop
    EXPECT_TRUE(facts.notes.empty());
}

// --- messages

class Messages : public testing::Test {
 protected:
    Messages() : key_(mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value()) {
        zone_ = fmt::format(
            "example.com. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc.example.com. TXT \"v=DMARC1; "
            "p=reject; rua=mailto:d@example.com\"\ns._domainkey.example.com. TXT \"{}\"\n",
            key_.record());
    }

    std::string signed_message() {
        const std::string content = "From: Ana <ana@example.com>\r\nSubject: hello\r\n\r\nHola\r\n";
        const mail::Header header = mail::Header::parse(content).value();
        mailauth::DkimSigner signer;
        signer.update(std::string_view(content).substr(header.body_offset()));
        const std::array identities{mailauth::DkimIdentity{.domain = "example.com", .selector = "s", .key = key_}};
        return signer.sign(header.fields(), identities, now).value() + content;
    }

    Report report(std::string content, std::string_view client = "192.0.2.1", cli::Lookup lookup = cli::Lookup::message,
                  mail::Language language = mail::Language::english) {
        EnvelopeFacts facts{.client = {}, .helo = {}, .from = "ana@example.com", .notes = {}};
        if (!client.empty()) facts.client = *dns::IpAddress::parse(client);
        const auto source = dns_of(zone_);
        return report_on_message(message_from(std::move(content)), std::move(facts), lookup, language, *source, now)
            .value();
    }

    mailauth::SigningKey key_;
    std::string zone_;
};

TEST_F(Messages, ThatAreGoodAreExplainedInTheOrderOfTheChecks) {
    const Report good = report(signed_message());
    EXPECT_FALSE(good.has_problem) << good.text;
    const std::size_t spf = good.text.find("good: SPF pass: example.com"),
                      dkim = good.text.find("good: DKIM pass: example.com (s)"),
                      dmarc = good.text.find("good: DMARC pass: example.com");
    EXPECT_LT(spf, dkim) << good.text;
    EXPECT_LT(dkim, dmarc);
    EXPECT_NE(dmarc, std::string::npos);
    EXPECT_THAT(good.text, HasSubstr("Authentication-Results: receiver.example;"));
    EXPECT_EQ(good.json.at("dmarc").at("result"), "pass");
    EXPECT_EQ(good.json.at("dkim").at(0).at("algorithm"), "ed25519-sha256");
}

TEST_F(Messages, ThatAreForgedAreAProblem) {
    std::string content = signed_message();
    content.replace(content.find("Hola"), 4, "Pago");
    const Report forged = report(content, "203.0.113.9");
    EXPECT_TRUE(forged.has_problem);
    EXPECT_THAT(forged.text, AllOf(HasSubstr("problem: SPF fail"), HasSubstr("problem: DKIM fail"),
                                   HasSubstr("problem: DMARC fail")));
    EXPECT_EQ(forged.json.at("dmarc").at("disposition"), "reject");
    EXPECT_EQ(forged.json.at("problem_found"), true);
}

TEST_F(Messages, AreExplainedInSpanishToo) {
    const Report good = report(signed_message(), "192.0.2.1", cli::Lookup::message, mail::Language::spanish);
    EXPECT_THAT(good.text, AllOf(HasSubstr("bien: SPF pass"), HasSubstr("Sí: "), HasSubstr("Un receptor escribiría"),
                                 Not(HasSubstr("octets"))));
}

TEST_F(Messages, WithoutAClientAreCheckedWithoutSpfAndSaySo) {
    const Report silent = report(signed_message(), "");
    EXPECT_THAT(silent.text, HasSubstr("SPF was not checked: the address of the sender is not known."));
    EXPECT_TRUE(silent.json.at("spf").as_array().empty());
    EXPECT_EQ(silent.json.at("dmarc").at("result"), "pass");  // by DKIM alone
}

TEST_F(Messages, WhoseDnsFailsAreUnknownNotWrong) {
    zone_ = "s._domainkey.example.com. TIMEOUT\n_dmarc.example.com. SERVFAIL\n";
    const Report unknown = report(signed_message(), "", cli::Lookup::message);
    EXPECT_TRUE(unknown.has_problem);
    EXPECT_THAT(unknown.text, AllOf(HasSubstr("unknown: DKIM temperror"), HasSubstr("unknown: DMARC temperror")));
}

TEST_F(Messages, CanBeCheckedForOneMethod) {
    const Report dkim = report(signed_message(), "", cli::Lookup::dkim);
    EXPECT_FALSE(dkim.has_problem);
    EXPECT_THAT(dkim.text, AllOf(HasSubstr("DKIM pass"), Not(HasSubstr("SPF")), Not(HasSubstr("DMARC"))));
    EXPECT_THAT(report(signed_message(), "", cli::Lookup::arc).text, HasSubstr("has no ARC chain"));
    EXPECT_TRUE(report("From: a@example.com\r\n\r\nx\r\n", "", cli::Lookup::dkim).has_problem);
}

TEST_F(Messages, AreExplainedWithin100Columns) {
    std::string content = signed_message();
    content.replace(content.find("Hola"), 4, "Pago");
    for (const auto language : {mail::Language::english, mail::Language::spanish}) {
        const Report forged = report(content, "203.0.113.9", cli::Lookup::message, language);
        for (const std::size_t width : widths(forged.text)) EXPECT_LE(width, 112U);  // octets: "é" is two
    }
}

// --- SPF

TEST(SpfLookup, ShowsTheCostAsATree) {  // RFC 7208 §4.6.4
    const auto source = dns_of(
        "example.com. TXT \"v=spf1 mx include:esp.example -all\"\nesp.example. TXT \"v=spf1 "
        "include:a.esp.example ~all\"\na.esp.example. TXT \"v=spf1 a -all\"\n");
    const Report report = report_on_spf(about("example.com"), *source, now).value();
    EXPECT_FALSE(report.has_problem);
    EXPECT_EQ(report.text,
              "SPF record of example.com (DNSSEC: insecure)\n"
              "  v=spf1 mx include:esp.example -all\n"
              "\n"
              "DNS look-ups: 4 of the 10 that receivers allow\n"
              "    1  mx\n"
              "    3  include:esp.example\n"
              "    2    include:a.esp.example\n"
              "    1      a\n");
    EXPECT_EQ(report.json.at("cost").at("terms").at(1).at("below").at(0).at("lookups"), 2);
}

TEST(SpfLookup, SaysWhetherAnAddressMaySend) {
    const auto source = dns_of("example.com. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n");
    cli::LookupOptions options = about("ana@example.com");
    options.client = *dns::IpAddress::parse("192.0.2.7");
    EXPECT_THAT(report_on_spf(options, *source, now)->text, HasSubstr("good: SPF pass: example.com"));
    options.client = *dns::IpAddress::parse("198.51.100.7");
    const Report refused = report_on_spf(options, *source, now).value();
    EXPECT_TRUE(refused.has_problem);
    EXPECT_EQ(refused.json.at("spf").at("result"), "fail");
    EXPECT_EQ(refused.json.at("spf").at("sender"), "ana@example.com");
}

TEST(SpfLookup, NamesWhatIsWrong) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", "publishes no SPF record: the name does not exist"},
        {"example.com. TXT hello\n", "publishes no SPF record."},
        {"example.com. TXT \"v=spf1 -all\"\nexample.com. TXT \"v=spf1 a ~all\"\n", "publishes 2 SPF records"},
        {"example.com. SERVFAIL\n", "is not known: "},
        {"example.com. TXT \"v=spf1 include:example.com -all\"\n", "problem: "},
        {"example.com. CNAME a.example.\na.example. CNAME example.com.\n", "is not known: "},
    };
    for (const auto& [zone, text] : cases) {
        const Report report = report_on_spf(about("example.com"), *dns_of(zone), now).value();
        EXPECT_TRUE(report.has_problem) << zone;
        EXPECT_THAT(report.text, HasSubstr(std::string(text))) << zone;
    }
}

TEST(SpfLookup, RefusesWhatIsNoDomain) {
    for (const std::string_view subject : {"a..b", "", "[192.0.2.1]", "ana@", "a b"})
        EXPECT_EQ(report_on_spf(about(std::string(subject)), *dns_of(""), now).error().kind, ErrorKind::invalid)
            << subject;
    cli::LookupOptions options = about("example.com");
    options.from = "ana@example.org";
    EXPECT_EQ(report_on_spf(options, *dns_of(""), now).error().kind, ErrorKind::invalid);
}

// --- DMARC

TEST(DmarcLookup, FindsTheRecordOfTheOrganisation) {  // RFC 9989 §4.10
    const auto source = dns_of(
        "_dmarc.example.com. TXT \"v=DMARC1; p=reject; sp=quarantine; adkim=s; "
        "rua=mailto:d@example.com\"\n");
    const Report report = report_on_dmarc(about("News.Example.com."), *source).value();
    EXPECT_FALSE(report.has_problem) << report.text;
    EXPECT_THAT(report.text, AllOf(HasSubstr("DMARC record of example.com"),
                                   HasSubstr("For mail from news.example.com, by its parent's record: quarantine."),
                                   HasSubstr("by DKIM the very same domain, by SPF a domain of the organisation"),
                                   HasSubstr("Reports go to mailto:d@example.com.")));
    EXPECT_EQ(report.json.at("policy"), "quarantine");
}

TEST(DmarcLookup, NamesMistakes) {
    EXPECT_THAT(report_on_dmarc(about("example.com"), *dns_of(""))->text,
                HasSubstr("No DMARC record speaks for example.com"));
    const Report fault = report_on_dmarc(about("example.com"), *dns_of("_dmarc.example.com. TIMEOUT\n")).value();
    EXPECT_TRUE(fault.has_problem);
    EXPECT_THAT(fault.text, HasSubstr("The DNS failed, so more is not known"));
    const Report wrong =
        report_on_dmarc(about("example.com"), *dns_of("_dmarc.example.com. TXT \"v=DMARC1; p=rejct\"\n")).value();
    EXPECT_TRUE(wrong.has_problem);
    EXPECT_THAT(wrong.text, HasSubstr("error: p= "));
}

// --- MTA-STS

TEST(MtaStsLookup, ShowsOnlyTheRecordFromAFile) {  // RFC 8461 §3.1
    const Report report =
        report_on_mta_sts(about("example.com"), *dns_of("_mta-sts.example.com. TXT \"v=STSv1; id=20261125;\"\n"))
            .value();
    EXPECT_FALSE(report.has_problem);
    EXPECT_THAT(report.text, AllOf(HasSubstr("id 20261125"), HasSubstr("The policy was not fetched")));
    EXPECT_TRUE(report.json.at("policy").is_null());
}

TEST(MtaStsLookup, NamesWhatIsWrongWithTheRecord) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", "has no MTA-STS"},
        {"_mta-sts.example.com. TXT \"v=STSv1; id=a b;\"\n", "is wrong"},
        {"_mta-sts.example.com. TXT \"v=STSv1; id=1;\"\n_mta-sts.example.com. TXT \"v=STSv1; id=2;\"\n", "is wrong"},
        {"_mta-sts.example.com. SERVFAIL\n", "is not known"},
    };
    for (const auto& [zone, text] : cases) {
        const Report report = report_on_mta_sts(about("example.com"), *dns_of(zone)).value();
        EXPECT_TRUE(report.has_problem) << zone;
        EXPECT_THAT(report.text, HasSubstr(std::string(text)));
    }
}

// --- DANE

constexpr std::string_view tlsa_zone =
    "_25._tcp.mx.example.com. TLSA 3 1 1 "
    "0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6\nmx.example.com. A 192.0.2.1\n";

TEST(DaneLookup, ReadsRecordsThatAreSigned) {  // RFC 7672
    const std::string zone = std::string(tlsa_zone) + "_25._tcp.mx.example.com. SECURE\nmx.example.com. SECURE\n";
    const Report report = report_on_dane(about("mx.example.com"), *dns_of(zone)).value();
    EXPECT_FALSE(report.has_problem) << report.text;
    EXPECT_THAT(report.text, AllOf(HasSubstr("(DNSSEC: secure)"), HasSubstr("3 1 1 0C72AC70B745AC19"),
                                   HasSubstr("DANE-EE(3) SPKI(1) SHA2-256(1)"), HasSubstr("server was not asked")));
}

TEST(DaneLookup, NamesWhatMakesSendersPassItOver) {
    EXPECT_THAT(report_on_dane(about("mx.example.com:25"), *dns_of(tlsa_zone))->text,
                AllOf(HasSubstr("problem: the answer is not signed"), HasSubstr("problem: the addresses of")));
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"mx.example.com. A 192.0.2.1\n", "there is none"},
        {"_25._tcp.mx.example.com. BOGUS\n", "are not known"},
        {"_25._tcp.mx.example.com. TLSA 1 1 1 00\n", "pass over usage 1"},
        {"_25._tcp.mx.example.com. TLSA 3 1 1 00\n", "the digest has 1 octets"},
    };
    for (const auto& [zone, text] : cases) {
        const Report report = report_on_dane(about("mx.example.com"), *dns_of(zone)).value();
        EXPECT_TRUE(report.has_problem);
        EXPECT_THAT(report.text, HasSubstr(std::string(text))) << zone;
    }
    for (const std::string_view subject : {"mx.example.com:0", "mx.example.com:70000", "mx.example.com:x", ":25"})
        EXPECT_EQ(report_on_dane(about(std::string(subject)), *dns_of("")).error().kind, ErrorKind::invalid) << subject;
}

}  // namespace
}  // namespace relevo::lookups
