#include "lib/clientsetup/autoconfig.h"
#include "lib/clientsetup/autodiscover.h"
#include "lib/clientsetup/client_texts.h"
#include "lib/clientsetup/mobileconfig.h"
#include "lib/clientsetup/settings_page.h"
#include "lib/xml/xml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace relevo::clientsetup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Offer usual_offer() {
    return {.host_name = "mail.example.com",
            .ports = {{587, PortSecurity::starttls}, {465, PortSecurity::tls}, {2525, PortSecurity::none}},
            .web_url = "https://mail.example.com"};
}

const std::vector<MailboxServer> elsewhere{parse_mailbox_server("pop3://pop.provider.example").value(),
                                           parse_mailbox_server("imaps://imap.provider.example:1993").value()};

// The texts of all elements of one name, in order.
class Texts : public xml::XmlVisitor {
 public:
    static Texts of(const std::string& document) {
        Texts texts;
        const auto walked = xml::walk_xml(document, texts, {});
        EXPECT_TRUE(walked.has_value()) << walked.error().detail << "\n" << document;
        return texts;
    }
    Result<void> begin(std::string_view) override { return {}; }
    Result<void> end(std::string_view name, std::string_view text) override {
        all_[std::string(name)].emplace_back(text);
        return {};
    }
    const std::vector<std::string>& operator[](const std::string& name) { return all_[name]; }

 private:
    std::map<std::string, std::vector<std::string>> all_;
};

TEST(Offer, TellsPeopleStarttlsAndProgramsTlsFirst) {  // RFC 8314 §3.3
    EXPECT_EQ(usual_port(usual_offer())->port, 587);
    EXPECT_THAT(automatic_ports(usual_offer()),
                ElementsAre(SubmissionPort{465, PortSecurity::tls}, SubmissionPort{587, PortSecurity::starttls}));
}

TEST(Offer, TellsNobodyAPortThatTakesNoLogin) {
    const Offer offer{.host_name = "mail.example.com", .ports = {{25, PortSecurity::starttls, false}}, .web_url = {}};
    EXPECT_FALSE(usual_port(offer));
    EXPECT_TRUE(automatic_ports(offer).empty());
    EXPECT_EQ(offer.settings_url(), "");
}

TEST(Autoconfig, HasEveryEncryptedPortAndTheAddressAsUserName) {
    Texts texts = Texts::of(autoconfig_document(usual_offer(), "shop.example", {}));
    EXPECT_THAT(texts["domain"], ElementsAre("shop.example"));
    EXPECT_THAT(texts["hostname"], ElementsAre("mail.example.com", "mail.example.com"));
    EXPECT_THAT(texts["port"], ElementsAre("465", "587"));
    EXPECT_THAT(texts["socketType"], ElementsAre("SSL", "STARTTLS"));
    EXPECT_THAT(texts["username"], ElementsAre("%EMAILADDRESS%", "%EMAILADDRESS%"));
    EXPECT_TRUE(texts["incomingServer"].empty());
}

TEST(Autoconfig, SaysNothingWithoutAnEncryptedPort) {
    const Offer offer{.host_name = "mail.example.com", .ports = {{2525, PortSecurity::none}}, .web_url = {}};
    EXPECT_EQ(autoconfig_document(offer, "shop.example", elsewhere), "");
    const auto address = mail::Address::parse("a@shop.example", mail::Utf8::allowed).value();
    EXPECT_EQ(autodiscover_document(offer, address, elsewhere), "");
    EXPECT_EQ(mobileconfig_document(offer, elsewhere, address), "");
}

TEST(Mailboxes, AreWrittenAsUrls) {
    const auto server = parse_mailbox_server("IMAPS://Imap.Provider.example/");
    ASSERT_TRUE(server.has_value());
    EXPECT_EQ(*server, (MailboxServer{MailboxProtocol::imap, PortSecurity::tls, "imap.provider.example", 993}));
    for (const std::string text :
         {"imaps://a.example", "imap://a.example", "pop3s://a.example:1995", "pop3://a.example"})
        EXPECT_EQ(text_of(parse_mailbox_server(text).value()), text);
    EXPECT_EQ(text_of(parse_mailbox_server("imap://a.example:143").value()), "imap://a.example");
}

TEST(Mailboxes, RefuseWhatIsNoServer) {
    for (const std::string text :
         {"", "imap.example.com", "http://a.example", "imaps://", "imaps://:993", "imaps://a.example:0",
          "imaps://a.example:x", "imaps://a.example:65536", "imaps://a.example:993 ", "imaps://a b",
          "imaps://a<b>.example", "imaps://-a.example", "imaps://a..b", "imaps://user@a.example", "imaps://[::1]",
          "imaps://a.example/INBOX"})
        EXPECT_EQ(parse_mailbox_server(text).error().kind, ErrorKind::invalid) << text;
    EXPECT_FALSE(parse_mailbox_server("imaps://" + std::string(254, 'a')).has_value());
}

TEST(Autoconfig, NamesMailboxesElsewhereInTheirOrder) {
    Texts texts = Texts::of(autoconfig_document(usual_offer(), "shop.example", elsewhere));
    EXPECT_THAT(texts["hostname"],
                ElementsAre("pop.provider.example", "imap.provider.example", "mail.example.com", "mail.example.com"));
    EXPECT_THAT(texts["port"], ElementsAre("110", "1993", "465", "587"));
    EXPECT_THAT(texts["socketType"], ElementsAre("STARTTLS", "SSL", "SSL", "STARTTLS"));
    EXPECT_EQ(texts["incomingServer"].size(), 2U);
}

TEST(Autodiscover, NamesMailboxesBeforeTheOutgoingServer) {
    const auto address = mail::Address::parse("anna@shop.example", mail::Utf8::allowed).value();
    Texts texts = Texts::of(autodiscover_document(usual_offer(), address, elsewhere));
    EXPECT_THAT(texts["Type"], ElementsAre("IMAP", "POP3", "SMTP"));
    EXPECT_THAT(texts["Server"], ElementsAre("imap.provider.example", "pop.provider.example", "mail.example.com"));
    EXPECT_THAT(texts["Encryption"], ElementsAre("SSL", "TLS", "SSL"));
}

TEST(Mobileconfig, HasBothServersAndTheSameIdentityEachTime) {
    const auto address = mail::Address::parse("\"o<b>\"@shop.example", mail::Utf8::allowed).value();
    const std::string profile = mobileconfig_document(usual_offer(), std::span(elsewhere).subspan(1), address);
    Texts texts = Texts::of(profile.substr(0, profile.find("<!DOCTYPE")) + profile.substr(profile.find("<plist")));
    EXPECT_THAT(texts["integer"], ElementsAre("1993", "465", "1", "1"));
    for (const std::string said :
         {"EmailTypeIMAP", "imap.provider.example", "mail.example.com", "\"o<b>\"@shop.example"})
        EXPECT_THAT(texts["string"], testing::Contains(said));
    EXPECT_EQ(profile, mobileconfig_document(usual_offer(), std::span(elsewhere).subspan(1), address));
    const auto other = mail::Address::parse("ob@shop.example", mail::Utf8::allowed).value();
    const auto uuid_in = [](const std::string& text) { return text.substr(text.rfind("PayloadUUID") + 25, 36); };
    EXPECT_THAT(uuid_in(profile),
                testing::MatchesRegex("[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}"));
    EXPECT_NE(uuid_in(profile), uuid_in(mobileconfig_document(usual_offer(), elsewhere, other)));
    EXPECT_EQ(mobileconfig_document(usual_offer(), {}, address), "");
}

std::string question(std::string_view address, std::string_view schema) {
    return "<Autodiscover "
           "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>"
           "<EMailAddress>" +
           std::string(address) + "</EMailAddress><AcceptableResponseSchema>" + std::string(schema) +
           "</AcceptableResponseSchema></Request></Autodiscover>";
}

TEST(Autodiscover, UnderstandsOutlookAndTellsPhonesApart) {  // MS-OXDSCLI §3.1.5.1
    const auto outlook = parse_autodiscover_request(question(
        " anna@shop.example ", "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"));
    ASSERT_TRUE(outlook.has_value());
    EXPECT_EQ(outlook->address, "anna@shop.example");
    EXPECT_TRUE(outlook->wants_outlook_settings);
    const auto phone = parse_autodiscover_request(question(
        "anna@shop.example", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"));
    ASSERT_TRUE(phone.has_value());
    EXPECT_FALSE(phone->wants_outlook_settings);
}

TEST(Autodiscover, RefusesWhatIsNoRequest) {  // security row C8
    EXPECT_EQ(parse_autodiscover_request("").error().kind, ErrorKind::invalid);
    EXPECT_EQ(parse_autodiscover_request("{}").error().kind, ErrorKind::invalid);
    EXPECT_EQ(parse_autodiscover_request("<Autodiscover/>").error().kind, ErrorKind::invalid);
    EXPECT_EQ(parse_autodiscover_request("<!DOCTYPE a [<!ENTITY e \"x\">]><a><EMailAddress>&e;</EMailAddress></a>")
                  .error()
                  .kind,
              ErrorKind::refused);
    EXPECT_EQ(parse_autodiscover_request("<a>" + std::string(20'000, ' ') + "</a>").error().kind, ErrorKind::limit);
    EXPECT_EQ(parse_autodiscover_request("<a><a><a><a><a><a><a><a><a>").error().kind, ErrorKind::limit);
}

TEST(Autodiscover, AnswersWithTheFirstPortAndTheAddressAsLogin) {
    const auto address = mail::Address::parse("\"o<b> & co\"@shop.example", mail::Utf8::allowed).value();
    Texts texts = Texts::of(autodiscover_document(usual_offer(), address, {}));
    EXPECT_THAT(texts["Type"], ElementsAre("SMTP"));
    EXPECT_THAT(texts["Server"], ElementsAre("mail.example.com"));
    EXPECT_THAT(texts["Port"], ElementsAre("465"));
    EXPECT_THAT(texts["Encryption"], ElementsAre("SSL"));
    EXPECT_THAT(texts["LoginName"], ElementsAre("\"o<b> & co\"@shop.example"));
    EXPECT_THAT(texts["SPA"], ElementsAre("off"));
}

TEST(Autodiscover, ErrorsHaveCodeAndTime) {  // MS-OXDSCLI §2.2.4.1.1.3
    const std::string document = autodiscover_error_document(
        AutodiscoverError::unknown_address, std::chrono::milliseconds(((13 * 60 + 5) * 60 + 9) * 1000 + 7));
    EXPECT_THAT(document, HasSubstr("Time=\"13:05:09.007\""));
    EXPECT_THAT(Texts::of(document)["ErrorCode"], ElementsAre("500"));
}

TEST(Autodiscover, JsonLeadsToTheXml) {
    EXPECT_EQ(autodiscover_redirection(usual_offer()),
              R"({"Protocol":"AutodiscoverV1","Url":"https://mail.example.com/autodiscover/autodiscover.xml"})");
    EXPECT_EQ(autodiscover_json_error("InvalidProtocol", "a \"b\""),
              R"({"ErrorCode":"InvalidProtocol","ErrorMessage":"a \"b\""})");
}

TEST(SettingsPage, SaysHostPortAndSecurityForEveryClient) {
    for (const mail::Language language : {mail::Language::english, mail::Language::spanish}) {
        const std::string page = settings_page(usual_offer(), language);
        for (const ClientText& client : client_texts()) {
            const auto begin = page.find("<section id=\"" + std::string(client.id) + "\">");
            ASSERT_NE(begin, std::string::npos) << client.id;
            const std::string section = page.substr(begin, page.find("</section>", begin) - begin);
            EXPECT_THAT(section, HasSubstr("mail.example.com")) << client.id;
            EXPECT_THAT(section, HasSubstr("587")) << client.id;
        }
        EXPECT_THAT(page, HasSubstr("465 (SSL/TLS)"));
        EXPECT_THAT(page, HasSubstr("@media print"));
        EXPECT_THAT(page, Not(HasSubstr("<script")));
    }
    EXPECT_THAT(settings_page(usual_offer(), mail::Language::spanish), HasSubstr("<html lang=\"es\">"));
}

// A sample for one kind of security, pasted where there is another, does not connect.
TEST(SettingsPage, SamplesFollowTheSecurityOfThePort) {
    const auto page = [](PortSecurity security) {
        return settings_page({.host_name = "h.example", .ports = {{1000, security}}, .web_url = {}},
                             mail::Language::english);
    };
    const std::string tls = page(PortSecurity::tls), starttls = page(PortSecurity::starttls),
                      none = page(PortSecurity::none);
    EXPECT_THAT(tls, HasSubstr("smtp_tls_wrappermode = yes"));
    EXPECT_THAT(tls, HasSubstr("protocol = smtps"));
    EXPECT_THAT(tls, HasSubstr("tls_starttls off"));
    EXPECT_THAT(tls, HasSubstr("secure: true"));
    EXPECT_THAT(starttls, Not(HasSubstr("wrappermode")));
    EXPECT_THAT(starttls, HasSubstr("hosts_require_tls = *"));
    EXPECT_THAT(starttls, HasSubstr("ENCRYPTION_STARTTLS"));
    EXPECT_THAT(starttls, HasSubstr("requireTLS: true"));
    EXPECT_THAT(none, HasSubstr("smtp_tls_security_level = may"));
    EXPECT_THAT(none, HasSubstr("tls off"));
}

TEST(SettingsPage, AsksForTheAddressWhereProfilesAreOffered) {
    for (const mail::Language language : {mail::Language::english, mail::Language::spanish}) {
        EXPECT_THAT(settings_page(usual_offer(), language), Not(HasSubstr("<form")));
        EXPECT_THAT(settings_page(usual_offer(), language, Profiles::offered),
                    HasSubstr("<form action=\"/settings/mail.mobileconfig\">"));
    }
}

TEST(SettingsPage, SaysThatThereIsNoPort) {
    const std::string page = settings_page({.host_name = "<h>", .ports = {}, .web_url = {}}, mail::Language::english);
    EXPECT_THAT(page, HasSubstr("takes no mail with a login"));
    EXPECT_THAT(page, HasSubstr("&lt;h&gt;"));
    EXPECT_THAT(page, Not(HasSubstr("<section")));
}

}  // namespace
}  // namespace relevo::clientsetup
