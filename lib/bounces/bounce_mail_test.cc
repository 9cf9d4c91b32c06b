#include "lib/bounces/bounce_mail.h"

#include "lib/bounces/delivery_status_reader.h"
#include "lib/bounces/report_prose.h"
#include "lib/mail/report.h"

#include <gtest/gtest.h>

#include <chrono>

namespace relevo::bounces {
namespace {

BounceMail read(std::string_view content) {
    static const PatternTable table = PatternTable::built_in();
    auto mail = read_bounce_mail(content, table);
    EXPECT_TRUE(mail.has_value());
    return mail ? *std::move(mail) : BounceMail{};
}

std::string fields(std::string_view from, std::string_view subject, std::string_view more = {}) {
    return "From: " + std::string(from) + "\r\nTo: ana@shop.example\r\nSubject: " + std::string(subject) + "\r\n" +
           std::string(more) + "\r\n";
}

TEST(BounceMail, ReadsTheReportsThatWeWrite) {  // RFC 3464 §2, both languages
    for (const mail::Language language : {mail::Language::english, mail::Language::spanish}) {
        mail::DeliveryReport report;
        report.language = language;
        report.reporting_mta = "mail.relay.example";
        report.from_domain = "relay.example";
        report.original_sender = mail::ReversePath(*mail::Address::parse("ana@shop.example", mail::Utf8::refused));
        report.envelope_id = "order+2B7";
        report.message_id = "1@relay.example";
        mail::RecipientReport gone{
            .recipient = {.address = *mail::Address::parse("bob@dest.example", mail::Utf8::refused),
                          .notify = {},
                          .original_recipient = {}}};
        gone.status = "5.1.1";
        gone.diagnostic = "550 5.1.1 No such user";
        gone.remote_mta = "mx.dest.example";
        mail::RecipientReport full = gone;
        full.recipient.address = *mail::Address::parse("eva@dest.example", mail::Utf8::refused);
        full.status = "5.2.2";
        full.diagnostic = "552 5.2.2 Mailbox full";
        report.recipients = {gone, full};
        const auto built = mail::build_report(report,
                                              "From: ana@shop.example\r\nTo: bob@dest.example\r\n"
                                              "Message-ID: <order-7@shop.example>\r\n\r\nHola\r\n");
        const BounceMail mail = read(built.content);
        EXPECT_EQ(mail.kind, BounceMailKind::delivery_report);
        EXPECT_EQ(mail.reporting_mta, "mail.relay.example");
        EXPECT_EQ(mail.original_message_id, "order-7@shop.example");
        EXPECT_EQ(mail.original_envelope_id, "order+7");
        EXPECT_EQ(mail.original_sender, "ana@shop.example");
        ASSERT_EQ(mail.recipients.size(), 2U);
        EXPECT_EQ(mail.recipients[0].recipient, "bob@dest.example");
        EXPECT_EQ(mail.recipients[0].action, "failed");
        EXPECT_EQ(mail.recipients[0].code, 550);
        EXPECT_EQ(mail.recipients[0].remote_mta, "mx.dest.example");
        EXPECT_EQ(mail.recipients[0].kind, BounceClass::unknown_user);
        EXPECT_EQ(mail.recipients[0].nature, BounceNature::hard);
        EXPECT_EQ(mail.recipients[0].reason, "550 5.1.1 No such user");
        EXPECT_EQ(mail.recipients[1].kind, BounceClass::mailbox_full);
        EXPECT_EQ(mail.recipients[1].nature, BounceNature::soft);
    }
}

TEST(BounceMail, ReadsDelaysAndSuccesses) {  // RFC 3464 §2.3.3
    const auto report = [](std::string_view action, std::string_view status) {
        return fields("MAILER-DAEMON@relay.example", "report",
                      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n") +
               "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;relay.example\r\n\r\n"
               "Final-Recipient: rfc822;bob@dest.example\r\nAction: " +
               std::string(action) + "\r\nStatus: " + std::string(status) + "\r\n\r\n--b--\r\n";
    };
    EXPECT_EQ(read(report("delayed", "4.1.1")).recipients[0].nature, BounceNature::soft);
    EXPECT_EQ(read(report("delayed", "4.1.1")).recipients[0].action, "delayed");
    EXPECT_EQ(read(report("relayed", "2.0.0")).recipients[0].kind, BounceClass::delivered);
    EXPECT_EQ(read(report("Delivered", "2.1.5")).recipients[0].nature, BounceNature::not_a_bounce);
    EXPECT_EQ(read(report("failed", "5.1.1 (bad mailbox)")).recipients[0].status, "5.1.1");
}

TEST(BounceMail, ReadsTextForPeopleThatIsCalledAStatus) {
    const BounceMail mail =
        read(fields("postmaster@mx.example", "Undeliverable",
                    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n") +
             "--b\r\nContent-Type: message/delivery-status\r\n\r\n<bob@dest.example> has restricted "
             "SMS e-mail\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: "
             "RFC822; <bob@dest.example>\r\nAction: failed\r\nStatus: 5.3.0\r\n\r\n--b--\r\n");
    ASSERT_EQ(mail.recipients.size(), 1U);
    EXPECT_EQ(mail.recipients[0].kind, BounceClass::recipient_restricted);
}

TEST(BounceMail, ReadsReportsInProse) {
    const BounceMail qmail = read(fields("MAILER-DAEMON@mx.example", "failure notice") +
                                  "Hi. This is the qmail-send program at mx.example.\n\n<bob@dest.example>:\n"
                                  "192.0.2.1 does not like recipient.\nRemote host said: 550 no mailbox here by that "
                                  "name\n\n<eva@dest.example>:\nUser is over the quota. (#5.2.2)\n\n"
                                  "--- Below this line is a copy of the message.\n\nReturn-Path: <ana@shop.example>\n"
                                  "Message-ID: <7@shop.example>\nFrom: ana@shop.example\nTo: bob@dest.example\n\nx\n");
    ASSERT_EQ(qmail.recipients.size(), 2U);
    EXPECT_EQ(qmail.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(qmail.recipients[0].kind, BounceClass::unknown_user);
    EXPECT_EQ(qmail.recipients[0].nature, BounceNature::hard);
    EXPECT_EQ(qmail.recipients[1].recipient, "eva@dest.example");
    EXPECT_EQ(qmail.recipients[1].kind, BounceClass::mailbox_full);
    EXPECT_EQ(qmail.original_message_id, "7@shop.example");

    const BounceMail exim = read(fields("Mail Delivery System <Mailer-Daemon@mx.example>", "Mail delivery failed",
                                        "X-Failed-Recipients: bob@dest.example\r\n") +
                                 "The following address(es) failed:\n\n  bob@dest.example\n    host mx: 550 5.7.1 "
                                 "Relaying denied\n");
    ASSERT_EQ(exim.recipients.size(), 1U);
    EXPECT_EQ(exim.recipients[0].kind, BounceClass::relay_denied);
    EXPECT_EQ(exim.recipients[0].action, "failed");

    const BounceMail warning =
        read(fields("postmaster@mx.example", "Warning: message delayed") +
             "Your message to bob@dest.example has not yet been delivered: connection timed out\n");
    ASSERT_EQ(warning.recipients.size(), 1U);
    EXPECT_EQ(warning.recipients[0].action, "delayed");
    EXPECT_EQ(warning.recipients[0].kind, BounceClass::network_failure);
}

TEST(BounceMail, ReadsTheBodyWhenItsBoundaryNeverComes) {
    const BounceMail mail =
        read(fields("MAILER-DAEMON@mx.example", "Undelivered", "Content-Type: multipart/report; boundary=never\r\n") +
             "--other\r\nContent-Type: message/delivery-status\r\n\r\n"
             "Final-Recipient: rfc822; bob@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
             "Diagnostic-Code: smtp; 550 5.1.1 No such\r\n  user\r\n--other--\r\n");
    ASSERT_EQ(mail.recipients.size(), 1U);
    EXPECT_EQ(mail.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(mail.recipients[0].reason, "550 5.1.1 No such user");
}

TEST(BounceMail, TellsAutomaticAnswersFromBounces) {  // RFC 3834 §5
    const BounceMail away = read(
        fields("Bob <bob@dest.example>", "Fuera de la oficina: hola", "Auto-Submitted: auto-replied (vacation)\r\n") +
        "Vuelvo el lunes.\n");
    EXPECT_EQ(away.kind, BounceMailKind::auto_reply);
    ASSERT_EQ(away.recipients.size(), 1U);
    EXPECT_EQ(away.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(away.recipients[0].kind, BounceClass::vacation);
    EXPECT_EQ(away.recipients[0].nature, BounceNature::not_a_bounce);
    EXPECT_EQ(
        read(fields("bob@dest.example", "Thanks", "Auto-Submitted: auto-replied\r\n") + "got it\n").recipients[0].kind,
        BounceClass::auto_reply);
    EXPECT_EQ(read(fields("bob@dest.example", "Please confirm your message") + "click\n").recipients[0].kind,
              BounceClass::challenge_response);
    EXPECT_EQ(read(fields("bob@dest.example", "unsubscribe") + "\n").kind, BounceMailKind::unsubscribe);
    EXPECT_EQ(read(fields("bob@dest.example", "unsubscribe") + "\n").recipients[0].kind, BounceClass::unsubscribe);
    for (const std::string_view subject : {"Re: our summer vacation", "A question about bounce rates", "Mail error?"}) {
        const BounceMail person = read(fields("bob@dest.example", subject) + "How do you do?\n");
        EXPECT_EQ(person.kind, BounceMailKind::other) << subject;
        EXPECT_TRUE(person.recipients.empty()) << subject;
    }
    EXPECT_EQ(read(fields("bob@dest.example", "Re: our summer vacation", "Return-Path: <>\r\n") + "away\n").kind,
              BounceMailKind::auto_reply);
    const BounceMail plain = read(fields("bob@dest.example", "Re: your order") + "550 5.1.1 said the server\n");
    EXPECT_EQ(plain.kind, BounceMailKind::other);
    EXPECT_TRUE(plain.recipients.empty());
}

TEST(BounceMail, ReadsComplaintsAndOptOuts) {  // RFC 5965 §3
    const auto report = [](std::string_view type) {
        return fields("fbl@provider.example", "complaint",
                      "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n") +
               "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n--b\r\nContent-Type: "
               "message/feedback-report\r\n\r\n"
               "Feedback-Type: " +
               std::string(type) +
               "\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <bob@dest.example>\r\n"
               "Original-Envelope-Id: env-1\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
               "Message-ID: <7@shop.example>\r\nFrom: ana@shop.example\r\n\r\nx\r\n--b--\r\n";
    };
    const BounceMail mail = read(report("abuse"));
    EXPECT_EQ(mail.kind, BounceMailKind::complaint);
    EXPECT_EQ(mail.original_message_id, "7@shop.example");
    EXPECT_EQ(mail.original_envelope_id, "env-1");
    ASSERT_EQ(mail.recipients.size(), 1U);
    EXPECT_EQ(mail.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(mail.recipients[0].kind, BounceClass::complaint);
    EXPECT_EQ(read(report("opt-out")).recipients[0].kind, BounceClass::unsubscribe);
    EXPECT_EQ(read(report("not-spam")).recipients[0].nature, BounceNature::not_a_bounce);
}

TEST(BounceMail, ReadsComplaintsThatAreNoReports) {
    const BounceMail mail =
        read(fields("staff@hotmail.com", "complaint about message from 192.0.2.1",
                    "Content-Type: multipart/mixed; boundary=b\r\n") +
             "--b\r\nContent-Type: message/rfc822\r\n\r\nX-HmXmrOriginalRecipient: bob@dest.example\r\n"
             "Message-ID: <7@shop.example>\r\nFrom: ana@shop.example\r\n\r\nx\r\n--b--\r\n");
    EXPECT_EQ(mail.kind, BounceMailKind::complaint);
    EXPECT_EQ(mail.original_message_id, "7@shop.example");
    ASSERT_EQ(mail.recipients.size(), 1U);
    EXPECT_EQ(mail.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(mail.recipients[0].kind, BounceClass::complaint);
}

TEST(BounceMail, KeepsItsBoundsAgainstHostileMails) {
    const auto seconds_for = [](const std::string& content) {
        const auto began = std::chrono::steady_clock::now();
        const BounceMail mail = read(content);
        EXPECT_LE(mail.recipients.size(), 200U);
        for (const BouncedRecipient& recipient : mail.recipients) EXPECT_LE(recipient.reason.size(), 1'100U);
        return std::chrono::steady_clock::now() - began;
    };
    const std::string head = fields("MAILER-DAEMON@mx.example", "failure notice");
    std::string recipients, deep = head.substr(0, head.size() - 2), addresses = head, boundaries = deep;
    std::string statuses = deep + "Content-Type: message/delivery-status\r\n\r\n";
    for (int i = 0; i < 20'000; ++i) {
        recipients += "<u" + std::to_string(i) + "@dest.example>: 550 no such user\n";
        addresses += "a@b.example ";
        statuses += "Final-Recipient: rfc822;u" + std::to_string(i) + "@dest.example\r\nAction: failed\r\n\r\n";
    }
    for (int i = 0; i < 400; ++i)
        deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) +
                "\r\n";
    boundaries += "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 100'000; ++i) boundaries += "--b\r\n\r\n";
    for (const std::string& content :
         {head + recipients, deep, addresses, boundaries, statuses, head + std::string(2'000'000, '@'),
          head + std::string(2'000'000, '"') + "@x.example", head + std::string(1'000'000, '<'), std::string("From "),
          std::string(), std::string("From \n"), head + std::string(300'000, '\n')})
        EXPECT_LT(seconds_for(content), std::chrono::seconds(3)) << content.substr(0, 200);
}

TEST(DeliveryStatusReader, TakesWhatServersReallyWrite) {
    const auto report = read_delivery_status(
        "Reporting-MTA: dns; mx.example (extra)\nOriginal-Envelope-Id: a+2Bb\n\n"
        "Final-Recipient: RFC822; <bob@dest.example>\nStatus: 5.0.0 (permanent)\n"
        "Final-Recipient: eva@dest.example\nAction: Failed\n\n"
        "Diagnostic-Code: smtp;550 no\n\n\n"
        "Original-Recipient: rfc822;j+2Bk@dest.example\nAction: delayed\n",
        10);
    EXPECT_EQ(report.reporting_mta, "mx.example");
    EXPECT_EQ(report.envelope_id, "a+b");
    ASSERT_EQ(report.recipients.size(), 3U);
    EXPECT_EQ(report.recipients[0].recipient, "bob@dest.example");
    EXPECT_EQ(report.recipients[0].status, "5.0.0");
    EXPECT_EQ(report.recipients[1].recipient, "eva@dest.example");
    EXPECT_EQ(report.recipients[1].action, "failed");
    EXPECT_EQ(report.recipients[1].diagnostic, "550 no");
    EXPECT_EQ(report.recipients[2].recipient, "j+k@dest.example");
    EXPECT_EQ(
        read_delivery_status("Final-Recipient: a@b.example\n\nFinal-Recipient: c@d.example\n", 1).recipients.size(),
        1U);
}

TEST(ReportProse, PartsTheReportFromTheMessage) {
    EXPECT_EQ(split_returned("It failed.\n\n----- Original message -----\n\nFrom: a@b.example\n").report,
              "It failed.\n\n");
    EXPECT_EQ(split_returned("It failed.\nReceived: from x\n\tby y\nFrom: a@b.example\nTo: c@d.example\n\nx").returned,
              "Received: from x\n\tby y\nFrom: a@b.example\nTo: c@d.example\n\nx");
    // A summary of the message, and prose about it, are the report's.
    for (const std::string_view report :
         {"Your message\n\n  To: a@b.example\n  Subject: x\n  Sent: now\n\ndid not reach\n",
          "You can delete your own text from the attached returned message.\n\n<a@b.example>: no\n"})
        EXPECT_EQ(split_returned(report).report, report);
}

TEST(ReportProse, FindsAddressesAndWhatIsSaidOfThem) {
    const std::string_view report =
        "See postmaster@mx.example or msgid 1@x.example.\n<a@b.example>: gone\n  really\nRCPT TO:<\"c d\"@e.example>: "
        "full\n"
        "550 <f@g.example>... no\n";
    const auto mentions = addresses_in(report, 10);
    ASSERT_EQ(mentions.size(), 4U);
    EXPECT_EQ(mentions[0].address, "postmaster@mx.example");
    EXPECT_FALSE(mentions[0].leads);
    EXPECT_EQ(mentions[1].address, "a@b.example");
    EXPECT_TRUE(mentions[1].leads && mentions[2].leads && mentions[3].leads);
    EXPECT_EQ(mentions[2].address, "\"c d\"@e.example");
    EXPECT_EQ(section_of(report, mentions[1], mentions), "<a@b.example>: gone\n  really\n");
    EXPECT_EQ(addresses_in("a@b.example c@d.example", 1).size(), 1U);
}

TEST(MailParts, ReadHtmlAsText) {
    EXPECT_EQ(text_of_html("<style>p{}</style><p>a &lt;b@c.example&gt;<br>d&amp;e"), "\na <b@c.example>\nd&e");
    EXPECT_EQ(text_of_html("<script>no end"), "");
}

}  // namespace
}  // namespace relevo::bounces
