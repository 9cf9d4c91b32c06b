// How people reach the console and programs the server: addresses, ports, and the link for the first administrator.
#include "app/relevo/control_fixture.h"
#include "app/relevo/public_face.h"

namespace relevo::test {
namespace {

using testing::StartsWith;

Configuration configuration_of(const std::string& http) {
    auto configuration = parse_configuration(
        "[server]\nhost_name = \"mail.example.com\"\n[[listener]]\naddress = [\"0.0.0.0:465\"]\n"
        "tls = \"implicit\"\n[[listener]]\naddress = [\"0.0.0.0:587\", \"[::]:587\"]\n"
        "[[listener]]\naddress = [\"0.0.0.0:25\"]\nrole = \"relay\"\nauth = \"none\"\n" +
            http,
        "test");
    EXPECT_TRUE(configuration.has_value()) << configuration.error().detail;
    return *std::move(configuration);
}

TEST(PublicFace, ConsoleIsWhereBrowsersReachIt) {
    const auto url = [](const std::string& http) { return console_url(configuration_of(http)); };
    EXPECT_EQ(url("[[http]]\naddress = [\"0.0.0.0:443\"]\n"), "https://mail.example.com");
    EXPECT_EQ(url("[[http]]\naddress = [\"0.0.0.0:8443\"]\n"), "https://mail.example.com:8443");
    EXPECT_EQ(url("[[http]]\naddress = [\"127.0.0.1:8080\"]\ntls = false\n"), "http://127.0.0.1:8080");
    // A proxy of the operator's stands before it.
    EXPECT_EQ(url("[[http]]\naddress = [\"10.0.0.1:8080\"]\ntls = false\n"), "https://mail.example.com");
    EXPECT_EQ(url("[[http]]\naddress = [\"127.0.0.1:80\"]\ntls = false\n[[http]]\naddress = [\"0.0.0.0:443\"]\n"),
              "https://mail.example.com");
    EXPECT_EQ(url("[[http]]\naddress = [\"0.0.0.0:443\"]\nconsole = false\n"), "");
    EXPECT_EQ(url("[[http]]\naddress = [\"0.0.0.0:443\"]\napi = false\n"), "");
    EXPECT_EQ(url(""), "");
}

TEST(PublicFace, ProgramsGetTheUsualPortFirstAndEachOnce) {
    EXPECT_EQ(json::serialize(submission_json(configuration_of(""))),
              R"({"host_name":"mail.example.com","ports":[{"port":587,"security":"starttls","login":true},)"
              R"({"port":465,"security":"tls","login":true}],"settings_url":null})");
    const auto with_pages = configuration_of("[[http]]\naddress = [\"0.0.0.0:443\"]\nconsole = false\n");
    EXPECT_EQ(submission_offer(with_pages).settings_url(), "https://mail.example.com/settings");
}

class WebControlTest : public ControlTest {};

TEST_F(WebControlTest, TheLinkForTheFirstAdministratorIsAnotherOneEachTime) {
    const json::object first = ask("user.setup_link"), second = ask("user.setup_link");
    EXPECT_THAT(text(first, "url"), StartsWith("https://mail.example.com/setup#"));
    EXPECT_NE(text(first, "url"), text(second, "url"));
    EXPECT_EQ(text(first, "expires_at").size(), 24U);
}

TEST_F(WebControlTest, ThereIsNoLinkOnceThereIsAUser) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    EXPECT_THAT(refusal("user.setup_link"), HasSubstr("conflict"));
}

TEST_F(WebControlTest, TheLinkIsWrittenDownWithoutItsSecret) {  // security row E12
    const std::string url = text(ask("user.setup_link"), "url");
    const std::string audit = raw(R"({"command":"audit.list"})");
    EXPECT_THAT(audit, HasSubstr("user.setup_link"));
    EXPECT_THAT(audit, Not(HasSubstr(url.substr(url.find('#') + 1))));
}

TEST_F(WebControlTest, ANewCredentialComesWithThePageThatExplainsIt) {
    ask("tenant.add", R"({"name":"acme"})");
    const json::object made = ask("credential.add", R"({"tenant":"acme","login":"anna@acme.example"})");
    EXPECT_EQ(text(made, "settings_url"), "https://mail.example.com/settings");
    EXPECT_FALSE(ask("credential.show", R"({"credential":"anna@acme.example"})").contains("settings_url"));
}

TEST_F(WebControlTest, ALoginThatIsAnAddressWithAMailboxComesWithItsProfile) {
    ask("tenant.add", R"({"name":"acme"})");
    ask("tenant.add", R"({"name":"other"})");
    ask("domain.add", R"({"tenant":"acme","domain":"acme.example","trusted":true})");
    ask("domain.add", R"({"tenant":"acme","domain":"claimed.example"})");
    ask("credential.add", R"({"tenant":"acme","login":"anna+x@acme.example"})");
    ask("credential.add", R"({"tenant":"acme","login":"anna@claimed.example"})");
    const auto profile = [this](std::string_view login) {
        return ask("credential.show", fmt::format(R"({{"credential":"{}"}})", login)).at("profile_url");
    };
    EXPECT_TRUE(profile("anna+x@acme.example").is_null()) << "nobody knows where the mailbox is";
    for (const std::string_view domain : {"acme.example", "claimed.example"})
        ask("domain.set", fmt::format(R"({{"domain":"{}","mailboxes":["imaps://imap.provider.example"]}})", domain));
    EXPECT_EQ(profile("anna+x@acme.example"),
              "https://mail.example.com/settings/mail.mobileconfig?emailaddress=anna%2Bx%40acme.example");
    EXPECT_TRUE(profile("anna@claimed.example").is_null()) << "whose domain it is, is not proven";
    const json::object made = ask("credential.add", R"({"tenant":"acme","login":"bob@acme.example"})");
    EXPECT_THAT(text(made, "profile_url"), HasSubstr("bob%40acme.example"));
    ask("credential.add", R"({"tenant":"other","login":"eve@acme.example"})");
    EXPECT_TRUE(profile("eve@acme.example").is_null()) << "another tenant's domain";
    ask("credential.add", R"({"tenant":"acme","login":"erp"})");
    EXPECT_TRUE(profile("erp").is_null());
}

TEST_F(WebControlTest, ExplanationsComeInTheLanguageThatIsNamed) {
    EXPECT_THAT(refusal("message.show", R"({"id":"msg_0","language":"fr"})"), HasSubstr("invalid"));
    EXPECT_EQ(text(ask("server.submission"), "host_name"), "mail.example.com");
}

}  // namespace
}  // namespace relevo::test
