#include "lib/mail/report.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace relevo::mail {
namespace {

using std::chrono::hours;
using std::chrono::sys_days;

const auto noon = sys_days{std::chrono::November / 23 / 2026} + hours(12);
const std::string original =
    "From: ana@sender.example\r\nSubject: Lunch\r\nMessage-ID: <1@sender.example>\r\n\r\nShall we?\r\n";

Address address(std::string_view text) { return Address::parse(text, Utf8::allowed).value(); }

RecipientReport failed_recipient() {
    RecipientReport report{
        .recipient = {.address = address("bob@dest.example"), .notify = {}, .original_recipient = {}}};
    report.status = "5.1.1";
    report.diagnostic = "550 5.1.1 No such user";
    report.remote_mta = "mx.dest.example";
    report.last_attempt = noon;
    return report;
}

DeliveryReport example() {
    DeliveryReport report;
    report.reporting_mta = "relay.example";
    report.from_domain = "relay.example";
    report.original_sender = ReversePath(address("ana@sender.example"));
    report.message_id = "r1@relay.example";
    report.queue_id = "msg_1";
    report.arrival = noon - hours(1);
    report.now = noon;
    report.recipients.push_back(failed_recipient());
    return report;
}

struct Entity {
    std::string headers;  // its header section
    std::string body;
    [[nodiscard]] std::string field(std::string_view name) const {
        const Header header = Header::parse(headers).value();
        const Field* found = header.find(name);
        return found == nullptr ? "" : unfolded(found->value);
    }
};

Entity entity(const std::string& text) {
    const std::size_t body = Header::parse(text)->body_offset();
    return {text.substr(0, body), text.substr(body)};
}

// The report's own header and its three parts, split the way RFC 2046 §5.1.1 says.
struct Parsed {
    Entity whole;
    std::vector<Entity> parts;
};

Parsed parsed(const BuiltReport& built) {
    Parsed report{entity(built.content), {}};
    const std::string type = report.whole.field("Content-Type");
    EXPECT_TRUE(type.starts_with("multipart/report; report-type=delivery-status; boundary=\"")) << type;
    const auto begin = type.find("boundary=\"") + 10;
    const std::string line = "--" + type.substr(begin, type.size() - begin - 1);
    std::string rest = "\r\n" + report.whole.body;
    while (true) {
        const auto at = rest.find("\r\n" + line);
        if (at == std::string::npos) {
            ADD_FAILURE() << "boundary without its end";
            break;
        }
        const std::string piece = rest.substr(0, at);
        if (!piece.empty()) report.parts.push_back(entity(piece));
        rest.erase(0, at + 2 + line.size());
        if (rest == "--\r\n") break;
        rest.erase(0, 2);
    }
    EXPECT_EQ(report.parts.size(), 3U) << built.content;
    report.parts.resize(3);
    return report;
}

// The groups of fields of a delivery status, parted by empty lines (RFC 3464 §2.1).
std::vector<std::string> groups(const Entity& status) {
    std::vector<std::string> found;
    std::string rest = status.body;
    while (!rest.empty()) {
        const std::size_t body = Header::parse(rest)->body_offset();
        found.push_back(rest.substr(0, body));
        rest.erase(0, body);
    }
    return found;
}

std::string decoded_quoted_printable(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            decoded += text[i];
        } else if (text.substr(i + 1).starts_with("\r\n")) {
            i += 2;
        } else {
            decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        }
    }
    return decoded;
}

// The text for people, decoded, its lines joined.
std::string text_of(const Parsed& report) {
    const Entity& part = report.parts[0];
    const bool is_plain = part.field("Content-Transfer-Encoding") == "7bit";
    std::string joined;
    const std::string text = is_plain ? part.body : decoded_quoted_printable(part.body);
    for (const std::string_view line : split(text, '\n'))
        joined.append(joined.empty() ? "" : " ").append(trimmed(line));
    return joined;
}

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

void expect_legal_lines(std::string_view content) {
    ASSERT_TRUE(content.ends_with("\r\n"));
    content.remove_suffix(1);
    for (const std::string_view line : split(content, '\n')) {
        EXPECT_LE(line.size(), 999U);
        EXPECT_EQ(line.find('\r'), line.size() - 1) << line;
    }
}

TEST(Report, HasTheThreePartsOfRfc6522) {
    const BuiltReport built = build_report(example(), original);
    const Parsed report = parsed(built);
    EXPECT_EQ(report.whole.field("From"), "Mail Delivery System <MAILER-DAEMON@relay.example>");
    EXPECT_EQ(report.whole.field("To"), "<ana@sender.example>");
    EXPECT_EQ(report.whole.field("Subject"), "Your message could not be delivered: bob@dest.example");
    EXPECT_EQ(report.whole.field("Date"), "Mon, 23 Nov 2026 12:00:00 +0000");
    EXPECT_EQ(report.whole.field("Message-ID"), "<r1@relay.example>");
    EXPECT_EQ(report.whole.field("In-Reply-To"), "<1@sender.example>");
    EXPECT_EQ(report.whole.field("References"), "<1@sender.example>");
    EXPECT_EQ(report.whole.field("Auto-Submitted"), "auto-replied");  // RFC 3834 §5
    EXPECT_EQ(report.whole.field("MIME-Version"), "1.0");
    EXPECT_EQ(report.parts[0].field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(report.parts[1].field("Content-Type"), "message/delivery-status");
    EXPECT_EQ(report.parts[2].field("Content-Type"), "text/rfc822-headers");
    EXPECT_EQ(report.parts[2].body, "From: ana@sender.example\r\nSubject: Lunch\r\nMessage-ID: <1@sender.example>\r\n");
    EXPECT_FALSE(built.smtputf8);
    EXPECT_FALSE(built.eight_bit);
    expect_legal_lines(built.content);
}

TEST(Report, WritesTheFieldsOfRfc3464) {
    DeliveryReport report = example();
    report.envelope_id = "QQ+2B314";
    report.recipients[0].recipient.original_recipient = "rfc822;Bob+2Bx@dest.example";
    const auto status = groups(parsed(build_report(report, original)).parts[1]);
    ASSERT_EQ(status.size(), 2U);
    EXPECT_EQ(status[0],
              "Original-Envelope-Id: QQ+314\r\n"
              "Reporting-MTA: dns; relay.example\r\n"
              "Arrival-Date: Mon, 23 Nov 2026 11:00:00 +0000\r\n\r\n");
    EXPECT_EQ(status[1],
              "Original-Recipient: rfc822; Bob+x@dest.example\r\n"
              "Final-Recipient: rfc822; bob@dest.example\r\n"
              "Action: failed\r\n"
              "Status: 5.1.1\r\n"
              "Remote-MTA: dns; mx.dest.example\r\n"
              "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
              "Last-Attempt-Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n");
}

TEST(Report, LeavesOutWhatNobodySaid) {
    DeliveryReport report = example();
    RecipientReport& recipient = report.recipients[0];
    recipient.diagnostic.clear();
    recipient.remote_mta.clear();
    recipient.last_attempt = {};
    recipient.status = "not a status";
    recipient.explanation = "no server answered within 4 days";
    const Parsed built = parsed(build_report(report, ""));
    EXPECT_EQ(groups(built.parts[1]).at(1),
              "Final-Recipient: rfc822; bob@dest.example\r\nAction: failed\r\nStatus: 5.0.0\r\n");
    EXPECT_TRUE(contains(text_of(built), "Details: no server answered within 4 days"));
    EXPECT_EQ(built.whole.field("In-Reply-To"), "");
}

struct ActionCase {
    DeliveryAction action;
    std::string name;
    std::string status;
    std::string subject;
    std::string spanish_text;
};

TEST(Report, TellsEveryActionApart) {  // RFC 3464 §2.3.3
    const std::vector<ActionCase> cases = {
        {DeliveryAction::failed, "failed", "5.0.0", "Your message could not be delivered", "No se pudo entregar"},
        {DeliveryAction::delayed, "delayed", "4.0.0", "Your message has not been delivered yet",
         "No tiene que hacer nada"},
        {DeliveryAction::delivered, "delivered", "2.0.0", "Your message was delivered", "Se entregó correctamente"},
        {DeliveryAction::relayed, "relayed", "2.0.0", "Your message was passed on", "no confirma las entregas"},
        {DeliveryAction::expanded, "expanded", "2.0.0", "Your message was passed on to a list", "Llegó a una lista"},
    };
    for (const ActionCase& expected : cases) {
        DeliveryReport report = example();
        report.recipients[0].action = expected.action;
        report.recipients[0].status.clear();
        report.recipients[0].will_retry_until = noon + hours(24);
        const Parsed english = parsed(build_report(report, original));
        EXPECT_EQ(english.whole.field("Subject"), expected.subject + ": bob@dest.example");
        const std::string fields = groups(english.parts[1]).at(1);
        EXPECT_TRUE(contains(fields, "\r\nAction: " + expected.name + "\r\nStatus: " + expected.status + "\r\n"))
            << fields;
        EXPECT_EQ(contains(fields, "Will-Retry-Until: Tue, 24 Nov 2026 12:00:00 +0000\r\n"),
                  expected.action == DeliveryAction::delayed);
        EXPECT_EQ(contains(text_of(english), "We keep trying until 2026-11-24 12:00 UTC."),
                  expected.action == DeliveryAction::delayed);
        report.language = Language::spanish;
        EXPECT_TRUE(contains(text_of(parsed(build_report(report, original))), expected.spanish_text)) << expected.name;
    }
}

TEST(Report, SpeaksSpanishInSevenBits) {
    DeliveryReport report = example();
    report.language = Language::spanish;
    report.recipients[0].action = DeliveryAction::delayed;
    const BuiltReport built = build_report(report, original);
    const Parsed parts = parsed(built);
    EXPECT_TRUE(is_ascii(built.content));
    EXPECT_EQ(parts.whole.field("Subject"),
              "=?UTF-8?Q?Su_mensaje_a=C3=BAn_no_se_ha_entregado=3A_bob=40dest=2E?= =?UTF-8?Q?example?=");
    EXPECT_EQ(parts.parts[0].field("Content-Transfer-Encoding"), "quoted-printable");
    EXPECT_EQ(parts.parts[0].field("Content-Language"), "es");
    const std::string text = text_of(parts);
    EXPECT_TRUE(is_utf8(text));
    EXPECT_TRUE(contains(text, "Qué ha pasado: La dirección no existe en el servidor de destino."));
    EXPECT_TRUE(contains(text, "El servidor mx.dest.example respondió: 550 5.1.1 No such user"));
    EXPECT_TRUE(contains(text, "Asunto: Lunch"));
    EXPECT_TRUE(contains(text, "Referencia: msg_1"));
    expect_legal_lines(built.content);
}

TEST(Report, ExplainsCommonCodesInBothLanguages) {  // RFC 3463 §3
    const std::vector<std::array<std::string, 3>> cases = {
        {"5.1.1", "does not exist", "no existe"},
        {"5.1.10", "takes no mail", "no recibe correo"},
        {"5.2.2", "mailbox is full", "buzón está lleno"},
        {"5.3.4", "too large", "demasiado grande"},
        {"5.4.1", "does not answer", "no responde"},
        {"5.4.7", "in the time that we keep", "durante el plazo"},
        {"5.7.1", "refused the message by its own", "rechazó el mensaje según"},
        {"5.7.23", "(SPF)", "(SPF)"},
        {"5.2.99", "mailbox cannot take", "buzón no puede recibir"},
        {"5.9.9", "did not accept the message", "no aceptó el mensaje"},
    };
    for (const auto& [status, english, spanish] : cases) {
        DeliveryReport report = example();
        report.recipients[0].status = status;
        EXPECT_TRUE(contains(text_of(parsed(build_report(report, original))), english)) << status;
        report.language = Language::spanish;
        EXPECT_TRUE(contains(text_of(parsed(build_report(report, original))), spanish)) << status;
    }
}

TEST(Report, NamesMixedOutcomesAfterTheWorst) {
    DeliveryReport report = example();
    report.recipients.push_back(failed_recipient());
    report.recipients[0].action = DeliveryAction::delivered;
    report.recipients[1].recipient.address = address("carla@dest.example");
    const Parsed built = parsed(build_report(report, original));
    EXPECT_EQ(built.whole.field("Subject"), "Your message could not be delivered");
    EXPECT_EQ(groups(built.parts[1]).size(), 3U);
    const std::string text = text_of(built);
    EXPECT_LT(text.find("carla@dest.example"), text.find("It was delivered to:"));
    EXPECT_LT(text.find("It was delivered to:"), text.find("bob@dest.example"));
}

std::vector<std::string> hostile_texts() {
    return {"550 a\r\nStatus: 2.0.0\r\n\r\nFinal-Recipient: rfc822; x",
            "550 a\nX: y",
            "550\rX: y",
            std::string("550 a\0b", 7),
            "550 \xFF\xFE caf\xE9",
            "550 ñandú \xC2\x85 \xE2\x80\xA8",
            std::string(1 << 16, 'a'),
            std::string(1 << 16, '\n'),
            std::string(1 << 16, ' '),
            std::string(1 << 16, '\xC3'),
            "--=_relevo_\r\n--=_relevo_--",
            "a;b\r\n c",
            "\r\n\r\n",
            "=?utf-8?q?=0D=0AX:_y?=",
            "\"",
            "<>",
            ":"};
}

TEST(Report, LetsNothingHostileLeaveItsField) {  // security row A9
    for (const std::string& hostile : hostile_texts()) {
        DeliveryReport report = example();
        report.envelope_id = report.queue_id = report.reporting_mta = report.from_domain = report.message_id = hostile;
        RecipientReport& recipient = report.recipients[0];
        recipient.diagnostic = recipient.remote_mta = recipient.explanation = recipient.status = hostile;
        recipient.recipient.original_recipient = hostile;
        const std::string content = "Message-ID: " + hostile + "\r\nSubject: " + hostile + "\r\n\r\n";
        const BuiltReport built = build_report(report, content);
        EXPECT_FALSE(built.eight_bit);
        EXPECT_FALSE(built.smtputf8);
        expect_legal_lines(built.content);
        const Parsed parts = parsed(built);
        EXPECT_LE(Header::parse(parts.whole.headers)->fields().size(), 11U);
        EXPECT_EQ(Header::parse(parts.whole.headers)->count("X"), 0U);
        const auto status = groups(parts.parts[1]);
        ASSERT_EQ(status.size(), 2U) << parts.parts[1].body;
        EXPECT_EQ(Header::parse(status[0])->fields().size(), 3U) << status[0];
        EXPECT_EQ(Header::parse(status[1])->fields().size(), 7U) << status[1];
        EXPECT_LT(parts.parts[0].body.size() + parts.parts[1].body.size(), 20'000U);
    }
}

TEST(Report, KeepsEightBitRepliesOnlyUnderSmtputf8) {
    DeliveryReport report = example();
    report.recipients[0].diagnostic = "550 ñandú";
    EXPECT_TRUE(contains(groups(parsed(build_report(report, original)).parts[1]).at(1), "smtp; 550 ??and??\r\n"));
    report.original_sender = ReversePath(address("josé@sender.example"));
    EXPECT_TRUE(contains(groups(parsed(build_report(report, original)).parts[1]).at(1), "smtp; 550 ñandú\r\n"));
}

TEST(Report, IsGlobalForAnInternationalSender) {  // RFC 6533
    DeliveryReport report = example();
    report.original_sender = ReversePath(address("josé@sender.example"));
    report.recipients[0].recipient.address = address("ñu@dest.example");
    const std::string content = "Subject: ñ\r\n\r\nbody\r\n";
    const BuiltReport built = build_report(report, content);
    const Parsed parts = parsed(built);
    EXPECT_TRUE(built.smtputf8);
    EXPECT_TRUE(built.eight_bit);
    EXPECT_EQ(parts.whole.field("Content-Transfer-Encoding"), "8bit");
    EXPECT_EQ(parts.parts[1].field("Content-Type"), "message/global-delivery-status");
    EXPECT_TRUE(contains(parts.parts[1].body, "Final-Recipient: utf-8; ñu@dest.example\r\n"));
    EXPECT_EQ(parts.parts[2].field("Content-Type"), "message/global-headers");
    EXPECT_EQ(parts.parts[2].field("Content-Transfer-Encoding"), "8bit");
    EXPECT_EQ(parts.parts[2].body, "Subject: ñ\r\n");
    report.dsn_return = DsnReturn::full;
    EXPECT_EQ(parsed(build_report(report, content)).parts[2].field("Content-Type"), "message/global");
}

TEST(Report, ReachesAnAsciiSenderAboutAnInternationalRecipient) {  // RFC 6533 §3: utf-8-addr-xtext
    DeliveryReport report = example();
    report.recipients[0].recipient.address = address("ñ+u@dest.example");
    report.recipients[0].recipient.original_recipient = "utf-8;\\x{F1}\\x{2B}é@dest.example";
    report.dsn_return = DsnReturn::full;
    const BuiltReport built = build_report(report, "Subject: ñ\r\n\r\nbody\r\n");
    const Parsed parts = parsed(built);
    EXPECT_TRUE(is_ascii(built.content));
    EXPECT_TRUE(contains(parts.parts[1].body, "Original-Recipient: utf-8; \\x{F1}\\x{2B}\\x{E9}@dest.example\r\n"));
    EXPECT_TRUE(contains(parts.parts[1].body, "Final-Recipient: utf-8; \\x{F1}\\x{2B}u@dest.example\r\n"));
    EXPECT_EQ(parts.parts[2].field("Content-Type"), "message/global");
    EXPECT_EQ(decoded_quoted_printable(parts.parts[2].body), "Subject: ñ\r\n\r\nbody\r\n");
}

TEST(Report, KeepsAnOriginalRecipientEncodedThatDecodesToMore) {  // RFC 3461 §4.2
    DeliveryReport report = example();
    report.recipients[0].recipient.original_recipient = "rfc822;a+0D+0AX:+20y@dest.example";
    EXPECT_TRUE(contains(groups(parsed(build_report(report, original)).parts[1]).at(1),
                         "Original-Recipient: rfc822; a+0D+0AX:+20y@dest.example\r\n"));
}

std::string returned_type(const DeliveryReport& report, const std::string& content, std::size_t limit = 1024) {
    return parsed(build_report(report, content, limit)).parts[2].field("Content-Type");
}

TEST(Report, ReturnsAllOnlyForFailuresThatAskForIt) {  // RFC 3461 §4.3
    DeliveryReport report = example();
    report.dsn_return = DsnReturn::full;
    EXPECT_EQ(parsed(build_report(report, original)).parts[2].body, original);
    EXPECT_EQ(returned_type(report, original), "message/rfc822");
    EXPECT_EQ(returned_type(report, original + std::string(2000, 'a') + "\r\n"), "text/rfc822-headers");
    EXPECT_EQ(returned_type(report, original + std::string(999, 'a') + "\r\n", 4096), "text/rfc822-headers");
    for (const std::string& odd : {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3)})
        EXPECT_EQ(returned_type(report, original + odd), "text/rfc822-headers");
    const BuiltReport eight_bit = build_report(report, original + "caf\xE9\r\n");
    EXPECT_TRUE(eight_bit.eight_bit);
    EXPECT_FALSE(eight_bit.smtputf8);
    EXPECT_EQ(parsed(eight_bit).parts[2].field("Content-Transfer-Encoding"), "8bit");
    report.recipients[0].action = DeliveryAction::delayed;
    EXPECT_EQ(returned_type(report, original), "text/rfc822-headers");
    report.recipients[0].action = DeliveryAction::failed;
    for (const DsnReturn value : {DsnReturn::headers, DsnReturn::unspecified}) {
        report.dsn_return = value;
        EXPECT_EQ(returned_type(report, original), "text/rfc822-headers");
    }
}

TEST(Report, CutsAReturnedHeaderAtAWholeField) {
    std::string content;
    for (int i = 0; i < 1000; ++i) content += "X-Number: " + std::to_string(i) + "\r\n";
    const Parsed parts = parsed(build_report(example(), content + "\r\nbody", 1000));
    const Header returned = Header::parse(parts.parts[2].body).value();
    EXPECT_GT(returned.fields().size(), 60U);
    EXPECT_LE(parts.parts[2].body.size(), 1000U);
    EXPECT_EQ(returned.body_offset(), parts.parts[2].body.size());
    for (const Field& field : returned.fields()) EXPECT_EQ(field.name, "X-Number");
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "a:\r\n";
    EXPECT_FALSE(parsed(build_report(example(), many)).parts[2].body.empty());
}

TEST(Report, EncodesABrokenHeader) {  // RFC 6522 §4
    const Parsed parts = parsed(build_report(example(), "Subject: caf\xE9\r\n\r\n"));
    EXPECT_EQ(parts.parts[2].field("Content-Type"), "text/rfc822-headers");
    EXPECT_EQ(parts.parts[2].body, "Subject: caf=E9\r\n");
}

TEST(Report, FindsABoundaryThatTheContentLacks) {
    DeliveryReport report = example();
    report.dsn_return = DsnReturn::full;
    const std::string first = build_report(report, original).content;
    const auto at = first.find("=_relevo_");
    const std::string boundary = first.substr(at, first.find('"', at) - at);
    const std::string content = original + "--" + boundary + "\r\n\r\n--" + boundary + "--\r\n";
    EXPECT_EQ(parsed(build_report(report, content)).parts[2].body, content);
}

TEST(Language, IsNamedByItsCode) {
    EXPECT_EQ(parse_language("es").value(), Language::spanish);
    EXPECT_EQ(parse_language("en").value(), Language::english);
    EXPECT_FALSE(parse_language("fr").has_value());
    EXPECT_FALSE(parse_language("").has_value());
}

TEST(Xtext, RoundTripsEveryOctet) {  // RFC 3461 §4
    std::string octets;
    for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
    const std::string encoded = encode_xtext(octets);
    EXPECT_TRUE(std::ranges::all_of(encoded, [](char c) { return c > ' ' && c < 0x7F && c != '='; }));
    EXPECT_EQ(decode_xtext(encoded), octets);
    EXPECT_EQ(encode_xtext("a+b=c"), "a+2Bb+3Dc");
}

TEST(Xtext, ReturnsWhatIsNotXtextAsItIs) {
    for (const std::string_view text : {"a+", "a+2", "a+2b", "a+GG", "a=b", "a b", "+2B+"})
        EXPECT_EQ(decode_xtext(text), text);
    EXPECT_EQ(decode_xtext("+2B"), "+");
}

}  // namespace
}  // namespace relevo::mail
