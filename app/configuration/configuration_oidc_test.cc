// The sections [[oidc]].
#include "app/configuration/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace relevo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view listener =
    "[[listener]]\naddress = \"127.0.0.1:2587\"\n[[http]]\naddress = \"127.0.0.1:2443\"\n";
constexpr std::string_view provider =
    "[[oidc]]\nname = \"company\"\nissuer = \"https://id.example.com/realms/a\"\nclient_id = \"relevo\"\n";

Result<Configuration> read(const std::string& more) {
    return parse_configuration(std::string(listener) + std::string(provider) + more, "relevo.toml");
}

TEST(OidcConfiguration, LittleIsEnough) {
    const auto configuration = read("");
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    const OidcSettings& settings = configuration->oidc.at(0);
    EXPECT_EQ(settings.title, "company");
    EXPECT_THAT(settings.scopes, ElementsAre("openid", "email", "profile"));
    EXPECT_EQ(settings.new_users, NewOidcUsers::none);
    EXPECT_FALSE(settings.trust_email);
    EXPECT_EQ(read("email_domains = [\"Example.COM\"]\nnew_users = \"operator\"\n")->oidc.at(0).email_domains.at(0),
              "example.com");
}

TEST(OidcConfiguration, MistakesAreSaidWithWhatToChange) {
    struct Mistake {
        std::string toml;
        std::string_view problem;
    };
    for (const auto& [toml, problem] : {
             Mistake{"new_users = \"admin\"\n", "must be one of none, operator, analyst, sender"},
             Mistake{"new_users = \"analyst\"\n", "needs email_domains: else whoever has an account there"},
             Mistake{"trust_email = true\n", "needs email_domains: name the domains"},
             Mistake{"new_users_tenant = \"acme\"\n", "has no use without new_users"},
             Mistake{"email_domains = [\"exa mple\"]\n", "is not a domain name"},
             Mistake{"scopes = [\"a b\"]\n", "\"a b\" is no scope"},
             Mistake{"client_secret = \"x\"\n", "unknown setting \"client_secret\""},
             Mistake{std::string(provider), "\"company\" is taken by an earlier one"},
             Mistake{"[[oidc]]\nname = \"A b\"\n", "must be lower-case letters, digits"},
             Mistake{"[[oidc]]\nname = \"b\"\nissuer = \"http://id.example\"\n", "does not begin with https://"},
             Mistake{"[[oidc]]\nname = \"b\"\nissuer = \"https://id.example?x\"\n", "an issuer has no query"},
             Mistake{"[[oidc]]\nname = \"b\"\nissuer = \"https://id.example\"\n", "client_id is missing"},
         }) {
        const auto configuration = read(toml);
        ASSERT_FALSE(configuration.has_value()) << toml;
        EXPECT_THAT(configuration.error().detail, HasSubstr(std::string(problem))) << toml;
    }
    for (const std::string_view address :
         {"http://relay.example", "https://relay.example/console", "relay.example", "https://a?b"}) {
        const auto wrong = read("[accounts]\nconsole_url = \"" + std::string(address) + "\"\n");
        ASSERT_FALSE(wrong.has_value()) << address;
        EXPECT_THAT(wrong.error().detail, HasSubstr("is no address of a console"));
    }
    EXPECT_EQ(read("[accounts]\nconsole_url = \"https://relay.example:8443/\"\n")->accounts.console_url,
              "https://relay.example:8443");
    const auto without_console =
        parse_configuration("[[listener]]\naddress = \"127.0.0.1:2587\"\n" + std::string(provider), "relevo.toml");
    ASSERT_FALSE(without_console.has_value());
    EXPECT_THAT(without_console.error().detail, HasSubstr("has no use without a console"));
}

TEST(OidcConfiguration, TheSecretIsTheFirstLineOfItsFile) {
    std::string pattern = (std::filesystem::temp_directory_path() / "relevo-oidc-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    std::ofstream(folder / "secret") << "open sesame\nmore\n";
    std::ofstream(folder / "relevo.toml")
        << listener << provider << "client_secret_file = " << folder / "secret" << "\n";
    const auto configuration = load_configuration(folder / "relevo.toml", {});
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_EQ(configuration->oidc.at(0).client_secret.value, "open sesame");
    std::filesystem::remove(folder / "secret");
    const auto missing = load_configuration(folder / "relevo.toml", {});
    std::filesystem::remove_all(folder);
    ASSERT_FALSE(missing.has_value());
    EXPECT_THAT(missing.error().detail, HasSubstr("oidc[0].client_secret_file"));
}

}  // namespace
}  // namespace relevo
