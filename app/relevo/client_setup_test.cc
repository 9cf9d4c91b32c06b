// What mail clients get that ask for their settings, and what strangers learn from it.
#include "app/relevo/client_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

class ClientSetup : public testing::Test {
 protected:
    ClientSetup() {
        Domain shop{.id = DomainId{1}, .tenant = TenantId{1}, .name = "shop.example"};
        shop.ownership = Ownership::verified;
        Domain claimed{.id = DomainId{2}, .tenant = TenantId{1}, .name = "claimed.example"};
        claimed.ownership = Ownership::pending;
        directory_ =
            Directory::of({Tenant{.id = TenantId{1}, .name = "acme"}}, {shop, claimed},
                          {Credential{.id = CredentialId{1}, .tenant = TenantId{1}, .login = "anna@shop.example"}}, {});
    }

    HttpResponse ask(const std::string& target, HttpFields fields = {}, const std::string& method = "GET",
                     const std::string& body = "") {
        const HttpRequest request{.method = method, .target = target, .fields = std::move(fields), .body = body};
        EXPECT_TRUE(is_client_setup(request)) << target;
        return answer_client_setup(request, {.offer = offer_,
                                             .directory = *directory_,
                                             .mailboxes = mailboxes_,
                                             .sign = [this](std::string_view content) -> Result<std::string> {
                                                 if (!can_sign_) return failure(ErrorKind::io, "no");
                                                 return "signed: " + std::string(content);
                                             },
                                             .now = WallClock::time_point{}});
    }

    HttpResponse post(const std::string& address) {
        return ask("/Autodiscover/Autodiscover.xml", {}, "POST",
                   "<Autodiscover><Request><EMailAddress>" + address + "</EMailAddress></Request></Autodiscover>");
    }

    clientsetup::Offer offer_{.host_name = "mail.relay.example",
                              .ports = {{587, clientsetup::PortSecurity::starttls}},
                              .web_url = "https://mail.relay.example"};
    std::shared_ptr<const Directory> directory_;
    MailboxTable mailboxes_;
    bool can_sign_ = true;
};

TEST_F(ClientSetup, KnowsItsPathsAndNoOthers) {
    const auto is_ours = [](std::string target) {
        return is_client_setup({.method = "GET", .target = std::move(target)});
    };
    EXPECT_TRUE(is_ours("/settings?language=es"));
    EXPECT_TRUE(is_ours("/AutoDiscover/autodiscover.XML"));
    EXPECT_TRUE(is_ours("/autodiscover/autodiscover.json/v1.0/a@b.example?Protocol=AutodiscoverV1"));
    EXPECT_FALSE(is_ours("/settings/"));
    EXPECT_FALSE(is_ours("/autodiscover/autodiscover.jsonx"));
    EXPECT_FALSE(is_ours("/MAIL/config-v1.1.xml"));
    EXPECT_FALSE(is_ours("/"));
}

TEST_F(ClientSetup, AutoconfigTakesTheDomainOfTheAddressOrOfTheHost) {
    for (const HttpResponse& answer :
         {ask("/mail/config-v1.1.xml?emailaddress=anna%40SHOP.example"),
          ask("/mail/config-v1.1.xml", {{"Host", "autoconfig.shop.example"}}),
          ask("/.well-known/autoconfig/mail/config-v1.1.xml", {{"Host", "shop.example:443"}})}) {
        EXPECT_EQ(answer.status, 200U);
        EXPECT_THAT(answer.content_type, HasSubstr("application/xml"));
        EXPECT_THAT(answer.body, HasSubstr("<domain>shop.example</domain>"));
        EXPECT_THAT(answer.body, HasSubstr("<port>587</port>"));
    }
}

// A claim on somebody else's domain would otherwise draw its people here.
TEST_F(ClientSetup, SaysNothingOfDomainsThatAreUnknownOrNotProven) {
    for (const std::string domain :
         {"other.example", "claimed.example", "sub.shop.example", "", "a..b", "[192.0.2.1]"}) {
        EXPECT_EQ(ask("/mail/config-v1.1.xml?emailaddress=anna@" + domain).status, 404U) << domain;
        EXPECT_THAT(post("anna@" + domain).body, HasSubstr("<ErrorCode>500</ErrorCode>")) << domain;
        const HttpResponse json = ask("/autodiscover/autodiscover.json?Protocol=AutodiscoverV1&Email=anna@" + domain);
        EXPECT_EQ(json.status, 404U) << domain;
        EXPECT_THAT(json.body + post("anna@" + domain).body, Not(HasSubstr("mail.relay.example")));
    }
}

TEST_F(ClientSetup, NobodyLearnsWhichLoginsThereAre) {
    HttpResponse known = post("anna@shop.example"), unknown = post("nobody@shop.example");
    EXPECT_THAT(known.body, HasSubstr("<LoginName>anna@shop.example</LoginName>"));
    const auto at = unknown.body.find("nobody");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(unknown.body.replace(at, 6, "anna"), known.body);
}

TEST_F(ClientSetup, AutodiscoverTellsBadRequestsFromUnknownAddresses) {
    EXPECT_THAT(ask("/autodiscover/autodiscover.xml", {}, "POST", "nonsense").body, HasSubstr("<ErrorCode>600<"));
    EXPECT_THAT(ask("/autodiscover/autodiscover.xml").body, HasSubstr("<ErrorCode>600<"));
    EXPECT_THAT(ask("/autodiscover/autodiscover.xml?EmailAddress=a%40shop.example").body,
                HasSubstr("<Port>587</Port>"));
    EXPECT_EQ(ask("/autodiscover/autodiscover.xml", {}, "PUT").status, 405U);
    EXPECT_EQ(ask("/mail/config-v1.1.xml", {}, "POST").status, 405U);
}

TEST_F(ClientSetup, TellsMailboxesOfTheirDomainAlone) {
    EXPECT_THAT(ask("/mail/config-v1.1.xml?emailaddress=anna@shop.example").body, Not(HasSubstr("incomingServer")));
    mailboxes_.add(DomainId{1}, clientsetup::parse_mailbox_server("imaps://imap.provider.example").value());
    mailboxes_.add(DomainId{2}, clientsetup::parse_mailbox_server("imaps://imap.other.example").value());
    EXPECT_THAT(ask("/mail/config-v1.1.xml?emailaddress=anna@shop.example").body,
                HasSubstr("<hostname>imap.provider.example</hostname>"));
    EXPECT_THAT(post("anna@shop.example").body, HasSubstr("<Server>imap.provider.example</Server>"));
    EXPECT_THAT(post("anna@shop.example").body, Not(HasSubstr("imap.other.example")));
}

TEST_F(ClientSetup, GivesASignedProfileWhereMailboxesAreKnown) {
    const std::string path = "/settings/mail.mobileconfig?emailaddress=anna@shop.example";
    EXPECT_EQ(ask(path).status, 404U);
    EXPECT_THAT(ask("/settings").body, Not(HasSubstr("<form")));
    mailboxes_.add(DomainId{1}, clientsetup::parse_mailbox_server("imaps://imap.provider.example").value());
    EXPECT_THAT(ask("/settings").body, HasSubstr("<form"));
    const HttpResponse profile = ask(path);
    EXPECT_EQ(profile.status, 200U);
    EXPECT_EQ(profile.content_type, "application/x-apple-aspen-config");
    EXPECT_THAT(profile.body, testing::StartsWith("signed: <?xml"));
    can_sign_ = false;
    EXPECT_THAT(ask(path).body, testing::StartsWith("<?xml"));
    for (const std::string address : {"anna@claimed.example", "anna@other.example", "", "nonsense"})
        EXPECT_EQ(ask("/settings/mail.mobileconfig?emailaddress=" + address).status, 404U) << address;
}

TEST_F(ClientSetup, JsonLeadsToTheXmlForTheOneProtocol) {
    for (const std::string target : {"/autodiscover/autodiscover.json?Email=a%40shop.example&Protocol=autodiscoverv1",
                                     "/autodiscover/autodiscover.json/v1.0/a%40shop.example?Protocol=AutodiscoverV1"}) {
        EXPECT_EQ(ask(target).status, 200U) << target;
        EXPECT_THAT(ask(target).body,
                    HasSubstr("\"Url\":\"https://mail.relay.example/autodiscover/autodiscover.xml\""));
    }
    const HttpResponse other = ask("/autodiscover/autodiscover.json?Email=a@shop.example&Protocol=ActiveSync");
    EXPECT_EQ(other.status, 400U);
    EXPECT_THAT(other.body, HasSubstr("InvalidProtocol"));
}

TEST_F(ClientSetup, ThePageSpeaksTheLanguageOfItsReaderAndMayBeKept) {
    const HttpResponse spanish = ask("/settings", {{"Accept-Language", "es-ES,es;q=0.9,en;q=0.5"}});
    EXPECT_THAT(spanish.body, HasSubstr("<html lang=\"es\">"));
    EXPECT_THAT(spanish.fields, testing::Contains(testing::Pair("Cache-Control", "public, max-age=3600")));
    EXPECT_THAT(spanish.fields, testing::Contains(testing::Pair("Vary", "Accept-Language")));
    EXPECT_THAT(ask("/settings?language=en", {{"Accept-Language", "es"}}).body, HasSubstr("<html lang=\"en\">"));
    EXPECT_THAT(ask("/settings?language=xx").body, HasSubstr("<html lang=\"en\">"));
}

}  // namespace
}  // namespace relevo
