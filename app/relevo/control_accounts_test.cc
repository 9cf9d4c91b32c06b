// docs/control-protocol.md, request by request: users, API keys, sessions, the audit log.
#include "app/relevo/control_fixture.h"
#include "core/accounts/identities.h"
#include "core/accounts/passkeys.h"
#include "core/accounts/sessions.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"

namespace relevo::test {
namespace {

using testing::ElementsAre;

class AccountControlTest : public ControlTest {
 protected:
    std::vector<std::string> operations(const std::string& arguments = "{}") {
        std::vector<std::string> found;
        for (const json::value& row : ask("audit.list", arguments).at("entries").as_array())
            found.push_back(text(row.as_object(), "operation") + " " + text(row.as_object(), "outcome"));
        return found;
    }
    std::string open_session(const std::string& login) {
        std::string token = generate_session_token(system_random());
        CommitRequest request;
        request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_TRY(const User user, find_user(rows, login));
            RELEVO_CHECK(relevo::open_session(rows, user.id, token, dns::IpAddress::parse("192.0.2.7").value(),
                                              "Firefox", WallClock::now()));
            return {};
        };
        EXPECT_TRUE(run(commit(store->committer(), std::move(request))).has_value());
        return token;
    }
    bool works(const std::string& key) {
        return accounts.keys()
            ->authenticate(key, dns::IpAddress::parse("192.0.2.7").value(), WallClock::now())
            .has_value();
    }
};

TEST_F(AccountControlTest, AddsAUserWhosePasswordIsShownOnce) {
    const json::object added = ask("user.add", R"({"login":"Anna@Example.com","role":"admin","name":"Anna"})");
    EXPECT_EQ(text(added, "login"), "anna@example.com");
    EXPECT_EQ(text(added, "language"), "es");  // the server's
    const std::string password = text(added, "password");
    EXPECT_EQ(password.size(), 26U);
    EXPECT_THAT(raw(R"({"command":"user.list"})"), Not(HasSubstr(password)));
    const json::object shown = ask("user.show", R"({"user":"anna@example.com"})");
    EXPECT_FALSE(shown.contains("password"));
    EXPECT_EQ(shown.at("scopes").as_array().size(), scope_count);
    const json::object chosen =
        ask("user.add", R"({"login":"bob","role":"operator","password":"correct horse battery"})");
    EXPECT_FALSE(chosen.contains("password"));
}

TEST_F(AccountControlTest, RefusesUsersThatCannotBeMeant) {
    EXPECT_THAT(refusal("user.add", R"({"login":"anna"})"), HasSubstr("role"));
    EXPECT_THAT(refusal("user.add", R"({"login":"anna","role":"boss"})"), HasSubstr("admin, operator"));
    EXPECT_THAT(refusal("user.add", R"({"login":"anna","role":"admin","password":"short"})"), HasSubstr("12 to 128"));
    EXPECT_THAT(refusal("user.add", R"({"login":"anna","role":"admin","tenant":"nobody"})"), HasSubstr("not_found"));
    EXPECT_THAT(refusal("user.add", R"({"login":"anna","role":"admin","languge":"es"})"), HasSubstr("did you mean"));
    EXPECT_THAT(refusal("user.show", R"({"user":"nobody"})"), HasSubstr("not_found"));
    EXPECT_THAT(refusal("user.frob", R"({"user":"nobody"})"), HasSubstr("not_found"));
}

// security row E3
TEST_F(AccountControlTest, NewPasswordEndsSessions) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    open_session("anna");
    EXPECT_EQ(text(entry(ask("session.list"), "sessions"), "user"), "anna");
    EXPECT_EQ(text(ask("user.password", R"({"user":"anna"})"), "password").size(), 26U);
    EXPECT_TRUE(ask("session.list").at("sessions").as_array().empty());
}

TEST_F(AccountControlTest, EndsOneSessionOrAllOfAUser) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    for (int i = 0; i < 3; ++i) open_session("anna");
    const std::string first = text(entry(ask("session.list"), "sessions"), "id");
    EXPECT_EQ(ask("session.revoke", R"({"session":")" + first + R"("})").at("revoked").as_int64(), 1);
    EXPECT_THAT(refusal("session.revoke", R"({"session":")" + first + R"("})"), HasSubstr("not_found"));
    EXPECT_THAT(refusal("session.revoke"), HasSubstr("invalid"));
    EXPECT_EQ(ask("session.revoke", R"({"user":"anna"})").at("revoked").as_int64(), 2);
}

TEST_F(AccountControlTest, PartsAUserFromAnAccountAtAProviderUnlessThatIsTheOnlyWayIn) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    ask("user.add", R"({"login":"bob","role":"analyst"})");
    const std::string token = open_session("bob");
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const User bob, find_user(rows, "bob"));
        RELEVO_CHECK(
            link_identity(rows, bob.id, {"https://id.example", "person-1", "bob@example.com"}, WallClock::now()));
        return {};
    };
    ASSERT_TRUE(run(commit(store->committer(), std::move(request))).has_value());
    const json::object shown = ask("user.show", R"({"user":"bob"})");
    EXPECT_EQ(shown.at("has_identity").as_bool(), true);
    const json::object identity = shown.at("identities").as_array().at(0).as_object();
    EXPECT_EQ(text(identity, "issuer"), "https://id.example");
    EXPECT_EQ(text(identity, "email"), "bob@example.com");
    const std::string unlink = R"({"user":"bob","identity":")" + text(identity, "id") + R"("})";
    EXPECT_THAT(refusal("user.unlink", R"({"user":"anna","identity":")" + text(identity, "id") + R"("})"),
                HasSubstr("not_found"));
    EXPECT_THAT(refusal("user.unlink", R"({"user":"bob","identity":"idn"})"), HasSubstr("invalid"));
    EXPECT_EQ(ask("session.list", R"({"user":"bob"})").at("sessions").as_array().size(), 1U);
    EXPECT_EQ(ask("user.unlink", unlink).at("has_identity").as_bool(), false);
    EXPECT_EQ(ask("session.list", R"({"user":"bob"})").at("sessions").as_array().size(), 0U);
    EXPECT_THAT(refusal("user.unlink", unlink), HasSubstr("not_found"));
    EXPECT_THAT(operations(R"({"operation":"user.unlink"})"), testing::Contains("user.unlink done"));
}

TEST_F(AccountControlTest, TakesOnePasskeyOfAUserAwayOrAllOfThem) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    ask("user.add", R"({"login":"bob","role":"analyst"})");
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const User bob, find_user(rows, "bob"));
        for (const std::string name : {"Laptop", "Phone", "Key"})
            RELEVO_CHECK(add_passkey(rows, bob.id,
                                     {.name = name,
                                      .relying_party = "mail.example.com",
                                      .credential = {.id = name, .key = {.octets = std::string(64, 'k')}}},
                                     {}, WallClock::now()));
        return {};
    };
    ASSERT_TRUE(run(commit(store->committer(), std::move(request))).has_value());
    open_session("bob");
    const json::object shown = ask("user.show", R"({"user":"bob"})");
    EXPECT_EQ(shown.at("has_passkey").as_bool(), true);
    const json::object laptop = shown.at("passkeys").as_array().at(0).as_object();
    EXPECT_EQ(text(laptop, "name"), "Laptop");
    EXPECT_EQ(text(laptop, "host"), "mail.example.com");
    EXPECT_TRUE(laptop.at("last_used_at").is_null());
    const std::string passkey = R"("passkey":")" + text(laptop, "id") + R"("})";
    EXPECT_THAT(refusal("user.passkey_remove", R"({"user":"anna",)" + passkey), HasSubstr("not_found"));
    EXPECT_THAT(refusal("user.passkey_remove", R"({"user":"bob","passkey":"pky"})"), HasSubstr("invalid"));
    EXPECT_EQ(ask("user.passkey_remove", R"({"user":"bob",)" + passkey).at("has_passkey").as_bool(), true);
    EXPECT_EQ(ask("session.list", R"({"user":"bob"})").at("sessions").as_array().size(), 0U);
    EXPECT_EQ(ask("user.passkey_remove", R"({"user":"bob"})").at("has_passkey").as_bool(), false);
    EXPECT_THAT(refusal("user.passkey_remove", R"({"user":"bob"})"), HasSubstr("no passkeys"));
    EXPECT_THAT(operations(R"({"operation":"user.passkey_remove"})"),
                testing::Contains("user.passkey_remove done").Times(2));
}

TEST_F(AccountControlTest, LastAdminCannotBeShutOut) {
    ask("user.add", R"({"login":"anna","role":"admin"})");
    EXPECT_THAT(refusal("user.remove", R"({"user":"anna"})"), HasSubstr("last admin"));
    EXPECT_THAT(refusal("user.set", R"({"user":"anna","enabled":false})"), HasSubstr("last admin"));
    ask("user.add", R"({"login":"bob","role":"admin"})");
    EXPECT_EQ(text(ask("user.remove", R"({"user":"anna"})"), "removed"), "anna");
}

TEST_F(AccountControlTest, KeyWorksAtOnceAndStopsAtOnce) {
    ask("tenant.add", R"({"name":"acme"})");
    const json::object added = ask("key.add", R"({"name":"shop","tenant":"acme","scopes":["messages:send"]})");
    const std::string key = text(added, "key");
    EXPECT_TRUE(works(key));
    EXPECT_EQ(text(added, "prefix"), key.substr(0, 12));
    EXPECT_THAT(raw(R"({"command":"key.list"})"), Not(HasSubstr(key)));
    EXPECT_THAT(refusal("tenant.remove", R"({"tenant":"acme"})"), HasSubstr("1 API keys"));
    EXPECT_THAT(text(ask("key.revoke", R"({"key":")" + key.substr(0, 12) + R"("})"), "revoked_at"),
                Not(HasSubstr("?")));
    EXPECT_FALSE(works(key));
    EXPECT_TRUE(ask("key.list").at("keys").as_array().empty());
    EXPECT_EQ(ask("key.list", R"({"all":true})").at("keys").as_array().size(), 1U);
    EXPECT_EQ(text(ask("tenant.remove", R"({"tenant":"acme"})"), "removed"), "acme");
}

TEST_F(AccountControlTest, RefusesKeysThatCannotBeMeant) {
    EXPECT_THAT(refusal("key.add", R"({"name":"shop"})"), HasSubstr("at least one scope"));
    EXPECT_THAT(refusal("key.add", R"({"name":"shop","scopes":["message:send"]})"), HasSubstr("messages:send"));
    ask("tenant.add", R"({"name":"acme"})");
    EXPECT_THAT(refusal("key.add", R"({"name":"shop","tenant":"acme","scopes":["settings:write"]})"),
                HasSubstr("refused"));
}

TEST_F(AccountControlTest, EveryChangeIsWrittenDownAndReadingIsNot) {
    ask("tenant.add", R"({"name":"acme"})");
    ask("user.add", R"({"login":"anna","role":"admin"})");
    ask("user.list");
    refusal("user.remove", R"({"user":"anna"})");
    refusal("tenant.remove", R"({"tenant":"nobody"})");
    ask("credential.add", R"({"tenant":"acme","login":"crm"})");
    EXPECT_THAT(operations(), ElementsAre("credential.add done", "tenant.remove failed", "user.remove failed",
                                          "user.add done", "tenant.add done"));
    EXPECT_THAT(operations(R"({"operation":"user.","limit":1})"), ElementsAre("user.remove failed"));
    const json::object page = ask("audit.list", R"({"limit":2})");
    EXPECT_THAT(operations(R"({"limit":2,"after":")" + text(page, "next") + R"("})"),
                ElementsAre("user.remove failed", "user.add done"));
    const json::object newest = entry(page, "entries");
    EXPECT_EQ(text(newest.at("who").as_object(), "kind"), "control");
    EXPECT_EQ(text(newest, "object_type"), "login");
}

TEST_F(AccountControlTest, ChangesAreWrittenDownAsThePrincipalsWhoMadeThem) {
    const Principal principal = control_principal("uid 1000");
    (void)run(control->perform(json::object{{"command", "tenant.add"}, {"arguments", {{"name", "acme"}}}}, principal));
    EXPECT_EQ(text(entry(ask("audit.list"), "entries").at("who").as_object(), "name"), "uid 1000");
}

// Nobody gives away more than he has.
TEST_F(AccountControlTest, OperatorCannotMakeAnAdminOrAStrongerKey) {
    const Principal giver{.kind = PrincipalKind::session, .id = 5, .scopes = scopes_of(Role::mail_operator, {})};
    const auto outcome = [&](const std::string& request) {
        return run(control->perform(json::parse(request).as_object(), giver));
    };
    for (const char* request : {R"({"command":"user.add","arguments":{"login":"eve","role":"admin"}})",
                                R"({"command":"key.add","arguments":{"name":"k","scopes":["users:write"]}})"})
        EXPECT_THAT(json::serialize(outcome(request)), HasSubstr("refused"));
    EXPECT_TRUE(
        outcome(R"({"command":"key.add","arguments":{"name":"k","scopes":["messages:send"]}})").at("ok").as_bool());
    EXPECT_THAT(operations(), ElementsAre("key.add done", "key.add refused", "user.add refused"));
}

// security row E12
TEST_F(AccountControlTest, NoSecretIsWrittenDown) {
    ask("tenant.add", R"({"name":"acme"})");
    const std::string password = text(ask("user.add", R"({"login":"anna","role":"admin"})"), "password");
    const std::string key = text(ask("key.add", R"({"name":"k","scopes":["messages:send"]})"), "key");
    const std::string of_login = text(ask("credential.add", R"({"tenant":"acme","login":"crm"})"), "password");
    refusal("user.password", R"({"user":"anna","password":"canary"})");
    refusal("key.revoke", R"({"key":")" + key + R"("})");
    ask("user.password", R"({"user":"anna","password":"canary of a password"})");
    const std::string audit = raw(R"({"command":"audit.list"})");
    for (const std::string& planted : {password, key, key.substr(12), of_login, std::string("canary")})
        EXPECT_THAT(audit, Not(HasSubstr(planted)));
    for (const std::string& line : log.lines())
        for (const std::string& planted : {password, key.substr(12), of_login, std::string("canary")})
            EXPECT_THAT(line, Not(HasSubstr(planted)));
}

class OfflineAccountControlTest : public OfflineControlTest {};

TEST_F(OfflineAccountControlTest, AllOfItWorksWithoutAServer) {
    EXPECT_EQ(text(ask("user.add", R"({"login":"anna","role":"admin"})"), "login"), "anna");
    EXPECT_EQ(text(ask("key.add", R"({"name":"k","scopes":["messages:send"]})"), "name"), "k");
    EXPECT_TRUE(ask("session.list").at("sessions").as_array().empty());
    EXPECT_EQ(ask("audit.list").at("entries").as_array().size(), 2U);
}

}  // namespace
}  // namespace relevo::test
