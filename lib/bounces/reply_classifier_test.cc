#include "lib/bounces/reply_classifier.h"

#include "lib/base/text.h"
#include "lib/bounces/status_meaning.h"

#include <gtest/gtest.h>

#include <array>

namespace relevo::bounces {
namespace {

using enum BounceClass;

const PatternTable& patterns() {
    static const PatternTable table = PatternTable::built_in();
    return table;
}

ReplyVerdict classify(std::string_view reply, std::string_view host = {}, ReplyStage stage = ReplyStage::unknown) {
    ReplyFacts facts = read_reply(reply);
    facts.host = host;
    facts.stage = stage;
    return classify_reply(facts, patterns());
}

struct Case {
    std::string_view reply;
    BounceClass kind;
    BounceNature nature;
    std::string_view host = {};
};

// What providers say, as their own pages and the reports of administrators have it.
TEST(ReplyClassifier, KnowsWhatProvidersSay) {
    constexpr auto cases = std::to_array<Case>({
        {"421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.",
         rate_limited, BounceNature::soft, "gmail-smtp-in.l.google.com"},
        {"550-5.7.26 This mail is unauthenticated, which poses a security risk", authentication_required,
         BounceNature::block, "gmail-smtp-in.l.google.com"},
        {"550 5.7.25 The IP address sending this message does not have a PTR record setup", reverse_dns,
         BounceNature::block},
        {"550 5.1.1 The email account that you tried to reach does not exist.", unknown_user, BounceNature::hard},
        {"552 5.2.2 The email account that you tried to reach is over quota.", mailbox_full, BounceNature::soft},
        {"450 4.2.1 The user you are trying to contact is receiving mail too quickly.", rate_limited,
         BounceNature::soft},
        {"550 5.2.1 The email account that you tried to reach is disabled.", mailbox_disabled, BounceNature::soft},
        {"552 5.7.0 This message was blocked because its content presents a potential security issue.", virus,
         BounceNature::block, "smtp.google.com"},
        {"550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
         "provider since part of their network is on our block list (S3140).",
         address_blocked, BounceNature::block, "eur.olc.protection.outlook.com"},
        {"550 5.7.1 part of their network is on our block list (S3150)", address_blocked, BounceNature::block},
        {"451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
         rate_limited, BounceNature::soft, "mx.protection.outlook.com"},
        {"550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", unknown_user, BounceNature::hard,
         "example-com.mail.protection.outlook.com"},
        {"550 5.7.509 Access denied, sending domain EXAMPLE.COM does not pass DMARC verification",
         authentication_required, BounceNature::block, "mx.protection.outlook.com"},
        {"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
         rate_limited, BounceNature::soft, "mta5.am0.yahoodns.net"},
        {"554 5.7.9 Message not accepted for policy reasons.", policy, BounceNature::block, "mta5.am0.yahoodns.net"},
        {"554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]", unknown_user,
         BounceNature::hard},
        {"550 5.7.1 [HM08] Message rejected due to local policy.", spam_content, BounceNature::block,
         "mx01.mail.icloud.com"},
        {"554 imta.comcast.net 192.0.2.1 Comcast block for spam. BL000001", address_blocked, BounceNature::block},
        {"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", address_blocked,
         BounceNature::block},
        {"550 5.1.0 sender rejected. AUP#CDRBL", address_blocked, BounceNature::block, "mx.cox.net"},
        {"452 4.1.0 requested action aborted: try again later, too many recipients", too_many_recipients,
         BounceNature::soft},
        {"450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted for 300 seconds", greylisted,
         BounceNature::soft},
        {"421 Too many concurrent SMTP connections", too_many_connections, BounceNature::soft},
        {"554 5.7.1 <a@example.com>: Relay access denied", relay_denied, BounceNature::block},
        {"530 5.7.0 Must issue a STARTTLS command first", tls_required, BounceNature::block},
        {"550 5.7.1 Message contained a virus (Eicar-Test)", virus, BounceNature::block},
        {"554 5.4.6 Too many hops", loop, BounceNature::soft},
        {"552 5.3.4 Message size exceeds fixed limit", message_too_large, BounceNature::soft},
        {"556 5.1.10 Domain does not accept mail (nullMX)", no_such_domain, BounceNature::hard},
        {"550 5.1.6 User has moved", address_moved, BounceNature::hard},
        {"550 5.7.1 You are not allowed to send to this list: members only", recipient_restricted, BounceNature::block},
        {"550 El buzón está lleno", mailbox_full, BounceNature::soft},
        {"550 Usuario desconocido", unknown_user, BounceNature::hard},
        {"550 5.7.1 La dirección IP está en una lista negra", address_blocked, BounceNature::block},
    });
    for (const Case& row : cases) {
        const ReplyVerdict verdict = classify(row.reply, row.host);
        EXPECT_EQ(name_of(verdict.kind), name_of(row.kind)) << row.reply << " by " << verdict.rule;
        EXPECT_EQ(name_of(verdict.nature), name_of(row.nature)) << row.reply;
        EXPECT_FALSE(verdict.rule.empty()) << row.reply;
    }
}

TEST(ReplyClassifier, AnExactStatusOutweighsWhatIsWrittenBesideIt) {  // RFC 3463 §3.3, RFC 5248
    EXPECT_EQ(classify("550 5.1.1 Access denied").kind, unknown_user);
    EXPECT_EQ(classify("550 5.1.1 Access denied").rule, "status 5.1.1");
    EXPECT_EQ(classify("552 5.2.2 spam").kind, mailbox_full);
    // 5.2.1 and 5.7.1 stand for much: here the text tells.
    EXPECT_EQ(classify("550 5.2.1 User unknown").kind, unknown_user);
    EXPECT_EQ(classify("550 5.7.1 User unknown").kind, unknown_user);
    EXPECT_EQ(classify("550 5.2.1 bye").kind, mailbox_disabled);
    EXPECT_EQ(classify("550 5.7.1 bye").kind, policy);
}

TEST(ReplyClassifier, TheCodeDecidesWhereNothingElseDoes) {  // RFC 5321 §4.2.2, RFC 7504
    EXPECT_EQ(classify("552 bye").kind, mailbox_full);
    EXPECT_EQ(classify("556 bye").kind, no_such_domain);
    EXPECT_EQ(classify("521 bye").kind, no_such_domain);
    EXPECT_EQ(classify("500 bye").kind, protocol_error);
    EXPECT_EQ(classify("451 bye").kind, temporary_failure);
    EXPECT_EQ(classify("551 bye").rule, "code 551");
    EXPECT_EQ(classify("250 2.0.0 Ok").kind, delivered);
    EXPECT_EQ(classify("250 2.0.0 Ok").nature, BounceNature::not_a_bounce);
    EXPECT_EQ(classify("550 bye").kind, unknown);
    EXPECT_EQ(classify("").kind, unknown);
    EXPECT_EQ(classify("").rule, "");
}

TEST(ReplyClassifier, ATemporaryReplyIsNeverHard) {  // RFC 5321 §4.2.1
    EXPECT_EQ(classify("450 4.1.1 User unknown").kind, unknown_user);
    EXPECT_EQ(classify("450 4.1.1 User unknown").nature, BounceNature::soft);
    EXPECT_EQ(classify("451 4.7.1 Try later").kind, temporary_failure);
    EXPECT_EQ(classify("451 rejected for now").kind, temporary_failure);
    EXPECT_EQ(classify("450 4.2.1 Mailbox busy").kind, temporary_failure);
    EXPECT_EQ(classify("450 4.2.1 Account suspended").kind, mailbox_disabled);
    EXPECT_EQ(classify_reply({.code = 0, .status = "4.1.2", .text = "no such host"}, patterns()).nature,
              BounceNature::soft);
    for (const BounceClass kind : all_bounce_classes())
        for (const unsigned code : {421U, 450U, 451U, 452U}) {
            const std::string reply = std::to_string(code) + " " + std::string(name_of(kind));
            EXPECT_NE(classify(reply).nature, BounceNature::hard) << reply;
        }
}

TEST(ReplyClassifier, AReplyBeforeRcptIsNotAboutTheRecipient) {  // RFC 5321 §3.3
    EXPECT_EQ(classify("553 neko.example does not exist", {}, ReplyStage::mail).kind, sender_rejected);
    EXPECT_EQ(classify("550 Access denied", {}, ReplyStage::mail).kind, sender_rejected);
    EXPECT_EQ(classify("550 Access denied", {}, ReplyStage::greeting).kind, address_blocked);
    EXPECT_EQ(classify("501 Invalid domain name", {}, ReplyStage::hello).kind, reverse_dns);
    EXPECT_EQ(classify("421 bye", {}, ReplyStage::greeting).kind, temporary_failure);
    EXPECT_EQ(classify("550 Access denied", {}, ReplyStage::recipient).kind, policy);
    EXPECT_EQ(classify("550 Access denied", {}, ReplyStage::mail).rule,
              classify("550 Access denied").rule + ", in reply to mail");
}

TEST(ReplyClassifier, UnknownUsersBehindContentAreSoftUnlessTheStatusSaysSo) {
    EXPECT_EQ(classify("550 User unknown", {}, ReplyStage::content).kind, unknown_user);
    EXPECT_EQ(classify("550 User unknown", {}, ReplyStage::content).nature, BounceNature::soft);
    EXPECT_EQ(classify("550 User unknown", {}, ReplyStage::recipient).nature, BounceNature::hard);
    EXPECT_EQ(classify("550 5.1.1 User unknown", {}, ReplyStage::content).nature, BounceNature::hard);
}

TEST(ReplyClassifier, TakesOneProvidersCodesFromItsHostsOnly) {
    EXPECT_EQ(classify("550 User unknown", "lsean.ezweb.ne.jp", ReplyStage::content).kind, recipient_restricted);
    EXPECT_EQ(classify("550 User unknown", "mx.example.com", ReplyStage::content).kind, unknown_user);
    EXPECT_EQ(classify("550 bye (S3150)", "mx1.mail.icloud.com").kind, unknown);
}

TEST(ReplyClassifier, FindsCodeStatusAndStageInReports) {
    struct Row {
        std::string_view text;
        unsigned code;
        std::string_view status;
        ReplyStage stage;
    };
    constexpr auto rows = std::to_array<Row>({
        {"host mx.example[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", 550, "5.1.1",
         ReplyStage::recipient},
        {"SMTP error from remote mail server after MAIL FROM:<a@b.example> SIZE=1024: 553 5.1.0 x", 553, "5.1.0",
         ReplyStage::mail},
        {">>> DATA\n<<< 550 User unknown", 550, "", ReplyStage::content},
        {">>> DATA\n<<< 550 5.1.1 User unknown\n<<< 503 5.0.0 Need RCPT (recipient)", 550, "5.1.1",
         ReplyStage::recipient},
        {"Connected to 192.0.2.1 but sender was rejected.\nRemote host said: 550 no", 550, "", ReplyStage::mail},
        {"550-5.7.1 first\n550 5.7.1 second", 550, "5.7.1", ReplyStage::unknown},
        {"Sorry, no mailbox here by that name. (#5.1.1)", 0, "5.1.1", ReplyStage::unknown},
        {"port 2550 at 10.5.1.1, 5500 messages", 0, "", ReplyStage::unknown},
        {"in 450 days", 450, "", ReplyStage::unknown},
    });
    for (const Row& row : rows) {
        const ReplyFacts facts = read_reply(row.text);
        EXPECT_EQ(facts.code, row.code) << row.text;
        EXPECT_EQ(facts.status, row.status) << row.text;
        EXPECT_EQ(name_of(facts.stage), name_of(row.stage)) << row.text;
    }
}

TEST(StatusMeaning, IsTheRegistrys) {  // RFC 3463 §2, RFC 7372 §3, RFC 7505 §4.2
    EXPECT_TRUE(is_status("5.1.10"));
    for (const std::string_view text : {"", "5", "5.1", "3.1.1", "5.1.1.1", "5.1111.1", "5..1", "5.1.x", "55.1.1"})
        EXPECT_FALSE(is_status(text)) << text;
    EXPECT_EQ(meaning_of_status("5.7.23")->kind, authentication_required);
    EXPECT_EQ(meaning_of_status("5.1.10")->kind, no_such_domain);
    EXPECT_EQ(meaning_of_status("5.7.27")->kind, sender_rejected);
    EXPECT_FALSE(meaning_of_status("5.0.0").has_value());
    EXPECT_FALSE(meaning_of_status("5.99.99").has_value());
}

TEST(BounceClasses, ExplainThemselvesInBothLanguages) {
    for (const BounceClass kind : all_bounce_classes()) {
        for (const mail::Language language : {mail::Language::english, mail::Language::spanish}) {
            const mail::Advice advice = explain(kind, language);
            EXPECT_TRUE(advice.reason.ends_with('.')) << name_of(kind);
            EXPECT_TRUE(is_utf8(advice.reason) && is_utf8(advice.what_to)) << name_of(kind);
            // Whoever got a bounce must be told what to do; where nothing is wrong there may be nothing to do.
            EXPECT_TRUE(!advice.what_to.empty() || nature_of(kind) == BounceNature::not_a_bounce) << name_of(kind);
        }
        EXPECT_NE(explain(kind, mail::Language::english).reason, explain(kind, mail::Language::spanish).reason);
        EXPECT_EQ(bounce_class_named(name_of(kind)), kind);
    }
    EXPECT_FALSE(bounce_class_named("").has_value());
}

}  // namespace
}  // namespace relevo::bounces
