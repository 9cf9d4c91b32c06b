// docs/control-protocol.md, request by request: the server, tenants, domains, credentials.
#include "app/relevo/control_fixture.h"

namespace relevo::test {
namespace {

TEST_F(ControlTest, AddsDomainsWithKeysAndTheirProof) {
    ask("tenant.add", R"({"name":"acme"})");
    const json::object domain = ask("domain.add", R"({"tenant":"acme","domain":"example.com"})");
    EXPECT_EQ(text(domain, "ownership"), "pending");
    const json::object& challenge = domain.at("challenge").as_object();
    EXPECT_EQ(text(challenge, "host"), "_relevo-challenge.example.com");
    EXPECT_EQ(domain.at("keys").as_array().size(), 2U);
    EXPECT_EQ(text(entry(domain, "keys"), "state"), "next");
    EXPECT_FALSE(ask("domain.verify", R"({"domain":"example.com"})").at("proven").as_bool());
    resolver.txt(text(challenge, "host"), text(challenge, "text"));
    const json::object verified = ask("domain.verify", R"({"domain":"example.com"})");
    EXPECT_TRUE(verified.at("proven").as_bool());
    EXPECT_EQ(text(verified.at("domain").as_object(), "ownership"), "verified");
    EXPECT_EQ(directory->domain_for("example.com")->ownership, Ownership::verified);
    EXPECT_EQ(text(ask("domain.add", R"({"tenant":"acme","domain":"example.org","trusted":true})"), "ownership"),
              "trusted");
}

TEST_F(ControlTest, RefusesPublicSuffixesUnlessTheOperatorVouches) {  // security row A12
    ask("tenant.add", R"({"name":"acme"})");
    for (const char* suffix : {"com", "CO.UK", "github.io", "com."})
        EXPECT_THAT(refusal("domain.add", std::string(R"({"tenant":"acme","domain":")") + suffix + R"("})"),
                    HasSubstr("public suffix"))
            << suffix;
    ask("domain.add", R"({"tenant":"acme","domain":"acme.co.uk"})");
    ask("domain.add", R"({"tenant":"acme","domain":"github.io","trusted":true})");
}

TEST_F(ControlTest, ShowsRotatesAndImportsKeysAndNeverTheirPrivateHalf) {  // security row E12
    ask("tenant.add", R"({"name":"acme"})");
    ask("domain.add", R"({"tenant":"acme","domain":"example.com","trusted":true})");
    const json::object shown = ask("dkim.show", R"({"domain":"example.com"})");
    EXPECT_FALSE(shown.at("signs").as_bool());
    for (const json::value& key : shown.at("keys").as_array())
        resolver.txt(text(key.as_object(), "host"), text(key.as_object(), "record"));
    ask("domain.verify", R"({"domain":"example.com"})");
    EXPECT_TRUE(ask("dkim.show", R"({"domain":"example.com"})").at("signs").as_bool());
    EXPECT_EQ(ask("dkim.rotate", R"({"domain":"example.com"})").at("made").as_int64(), 2);
    EXPECT_EQ(ask("dkim.rotate", R"({"domain":"example.com"})").at("made").as_int64(), 0);

    const std::string der = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value().to_der();
    const std::string body = encode_base64(der);
    const std::string pem = "-----BEGIN PRIVATE KEY-----\\n" + body + "\\n-----END PRIVATE KEY-----\\n";
    const std::string import = R"({"domain":"example.com","selector":"Old1","key":")" + pem + R"("})";
    EXPECT_EQ(text(entry(ask("dkim.import", import), "keys"), "selector"), "old1");
    EXPECT_THAT(refusal("dkim.import", import), AllOf(HasSubstr("conflict"), Not(HasSubstr(body))));
    EXPECT_THAT(refusal("dkim.import", R"({"domain":"example.com","selector":"x","key":"canary-secret"})"),
                Not(HasSubstr("canary")));
    EXPECT_EQ(ask("dkim.list", R"({"tenant":"acme"})").at("keys").as_array().size(), 4U);
    EXPECT_EQ(ask("dkim.list", R"({"tenant":"acme","all":true})").at("keys").as_array().size(), 5U);
    EXPECT_THAT(raw(R"({"command":"dkim.list"})"), Not(HasSubstr(body)));
    EXPECT_THAT(refusal("dkim.show", R"({"domain":"nobody.example"})"), HasSubstr("not_found"));
    EXPECT_THAT(refusal("dkim.forget", R"({"all":true})"), HasSubstr("stop the server"));

    ask("domain.remove", R"({"domain":"example.com"})");
    EXPECT_EQ(ask("dkim.list").at("keys").as_array().size(), 0U);
}

TEST_F(ControlTest, RefusesWhatIsNoRequest) {
    for (const char* request : {"", "nonsense", "[]", "42", R"({"arguments":{}})", R"({"command":7})",
                                R"({"command":"tenant.list","arguments":[]})", R"({"command":"tenant.list"} x)"})
        EXPECT_THAT(raw(request), AllOf(HasSubstr(R"("ok":false)"), HasSubstr(R"("kind":"invalid")"))) << request;
    EXPECT_THAT(raw(std::string(10'000, '[')), HasSubstr(R"("kind":"invalid")"));
    EXPECT_THAT(refusal("tenant.fly", R"({"tenant":"x"})"), Not(HasSubstr("ok:")));
    EXPECT_THAT(refusal("queue.fly"), HasSubstr("unsupported"));
    EXPECT_THAT(refusal("fly.list"), HasSubstr("unsupported"));
    EXPECT_THAT(raw(R"({"command":"tenant.list","arguments":null})"), HasSubstr(R"("ok":true)"));
}

// "Unknown members of `arguments` are refused."
TEST_F(ControlTest, EachCommandRefusesArgumentsThatItDoesNotKnow) {
    ask("tenant.add", R"({"name":"acme"})");
    ask("domain.add", R"({"tenant":"acme","domain":"example.com"})");
    ask("credential.add", R"({"tenant":"acme","login":"crm","password":"correct-horse-battery"})");
    ask("network.add", R"({"tenant":"acme","network":"192.0.2.0/24"})");
    const MessageId id = accept({"b@example.net"});
    const std::string message = id.text();
    for (const auto& [command, arguments] :
         std::vector<std::pair<std::string, std::string>>{{"server.status", ""},
                                                          {"server.reload", ""},
                                                          {"tenant.add", R"("name":"other",)"},
                                                          {"tenant.list", ""},
                                                          {"tenant.remove", R"("tenant":"acme",)"},
                                                          {"tenant.suspend", R"("tenant":"acme",)"},
                                                          {"domain.add", R"("tenant":"acme","domain":"example.org",)"},
                                                          {"domain.list", ""},
                                                          {"domain.remove", R"("domain":"example.com",)"},
                                                          {"credential.add", R"("tenant":"acme",)"},
                                                          {"credential.list", ""},
                                                          {"credential.show", R"("credential":"crm",)"},
                                                          {"credential.remove", R"("credential":"crm",)"},
                                                          {"credential.rotate", R"("credential":"crm",)"},
                                                          {"credential.enable", R"("credential":"crm",)"},
                                                          {"credential.disable", R"("credential":"crm",)"},
                                                          {"credential.set", R"("credential":"crm",)"},
                                                          {"network.add", R"("tenant":"acme","network":"10.0.0.0/8",)"},
                                                          {"network.list", ""},
                                                          {"network.remove", R"("network":"192.0.2.0/24",)"},
                                                          {"queue.list", ""},
                                                          {"queue.show", "\"id\":\"" + message + "\","},
                                                          {"queue.summary", ""},
                                                          {"queue.why", "\"id\":\"" + message + "\","},
                                                          {"queue.hold", "\"id\":\"" + message + "\","},
                                                          {"queue.release", "\"id\":\"" + message + "\","},
                                                          {"queue.retry", "\"id\":\"" + message + "\","},
                                                          {"queue.drop", "\"id\":\"" + message + "\","},
                                                          {"queue.suspend", R"("destination":"example.net",)"},
                                                          {"queue.resume", R"("destination":"example.net",)"},
                                                          {"queue.site", ""},
                                                          {"queue.tenant", ""},
                                                          {"queue.top", ""},
                                                          {"server.pulse", ""},
                                                          {"site.list", ""},
                                                          {"site.show", R"("site":"mx.example.net",)"},
                                                          {"site.suspend", R"("site":"mx.example.net",)"},
                                                          {"site.resume", R"("site":"mx.example.net",)"},
                                                          {"site.forget", R"("site":"mx.example.net",)"},
                                                          {"site.explain", R"("domain":"example.net",)"},
                                                          {"person.erasure", ""},
                                                          {"source.list", ""},
                                                          {"source.drain", R"("source":"default",)"},
                                                          {"source.resume", R"("source":"default",)"},
                                                          {"source.warmup", R"("source":"default",)"},
                                                          {"message.show", "\"id\":\"" + message + "\","},
                                                          {"message.content", "\"id\":\"" + message + "\","}}) {
        EXPECT_THAT(refusal(command, "{" + arguments + R"("frobnicate":1})"),
                    AllOf(HasSubstr("invalid: "), HasSubstr("frobnicate")))
            << command;
    }
    EXPECT_EQ(ask("queue.list").at("entries").as_array().size(), 1U) << "nothing was done";
    EXPECT_EQ(ask("credential.list").at("credentials").as_array().size(), 1U);
}

struct Wrong {
    const char* command;
    const char* arguments;
    const char* refusal;
};

TEST_F(ControlTest, SaysWhatIsWrongWithArguments) {
    ask("tenant.add", R"({"name":"acme"})");
    for (const Wrong& wrong : {Wrong{"tenant.add", "{}", "invalid: \"name\" is missing"},
                               Wrong{"tenant.add", R"({"name":7})", "invalid: \"name\" must be a text"},
                               Wrong{"tenant.add", R"({"name":"acme"})", "conflict"},
                               Wrong{"tenant.add", R"({"name":"x","language":"xx"})", "invalid"},
                               Wrong{"tenant.suspend", R"({"tenant":"acme","suspended":"yes"})", "true or false"},
                               Wrong{"tenant.suspend", R"({"tenant":"acmee"})", "not_found"},
                               Wrong{"tenant.suspend", R"({"tenant":"acmee"})", "acme"},
                               Wrong{"domain.add", R"({"tenant":"acme","domain":"-"})", "invalid"},
                               Wrong{"domain.add", R"({"tenant":"acme","domain":"a.example","addresses":"x"})", "list"},
                               Wrong{"credential.add", R"({"tenant":"acme","messages_per_hour":-1})", "0 or more"},
                               Wrong{"credential.add", R"({"tenant":"acme","password":"short"})", "invalid"},
                               Wrong{"credential.add", R"({"tenant":"acme","expires_at":"tomorrow"})", "invalid"},
                               Wrong{"credential.show", R"({"credential":"nobody"})", "not_found"},
                               Wrong{"network.add", R"({"tenant":"acme","network":"192.0.2.1/24"})", "invalid"},
                               Wrong{"network.remove", R"({"network":"192.0.2.0/24"})", "not_found"},
                               Wrong{"queue.list", R"({"state":"odd"})", "invalid"},
                               Wrong{"queue.list", R"({"limit":"many"})", "invalid"},
                               Wrong{"queue.list", R"({"after":"odd"})", "invalid"},
                               Wrong{"queue.list", R"({"tenant":"nobody"})", "not_found"},
                               Wrong{"queue.list", R"({"id":"msg_1"})", "invalid"},
                               Wrong{"queue.show", "{}", "invalid: \"id\" is missing"},
                               Wrong{"queue.hold", "{}", "invalid: say which messages"},
                               Wrong{"queue.drop", R"({"all":false})", "invalid: say which messages"},
                               Wrong{"queue.suspend", "{}", "invalid: \"destination\" is missing"},
                               Wrong{"site.suspend", "{}", "invalid: \"site\" is missing"},
                               Wrong{"source.drain", "{}", "invalid: \"source\" is missing"},
                               Wrong{"source.warmup", R"({"source":"gone"})", "not_found"},
                               Wrong{"queue.why", R"({"id":"msg_0000000000001"})", "not_found"},
                               Wrong{"message.show", R"({"id":"msg_0000000000001"})", "not_found"},
                               Wrong{"message.content", R"({"id":"msg_0000000000001/x"})", "invalid"}})
        EXPECT_THAT(refusal(wrong.command, wrong.arguments), HasSubstr(wrong.refusal))
            << wrong.command << " " << wrong.arguments;
}

TEST_F(ControlTest, TellsTheStateOfTheServer) {
    accept({"b@example.net"});
    const json::object status = ask("server.status");
    EXPECT_EQ(text(status, "version"), "0");
    EXPECT_TRUE(status.at("queue").as_object().contains("waiting"));
    EXPECT_EQ(ask("server.reload").at("needs_restart").as_array().size(), 1U);
    reload_problem = "line 3: no such setting";
    EXPECT_EQ(refusal("server.reload"), "invalid: line 3: no such setting");
}

TEST_F(ControlTest, KeepsWhereTheMailboxesOfADomainAre) {
    ask("tenant.add", R"({"name":"acme"})");
    ask("domain.add", R"({"tenant":"acme","domain":"example.com"})");
    const json::object set =
        ask("domain.set",
            R"({"domain":"example.com","mailboxes":["imaps://Imap.example.net:993","pop3s://pop.example.net"]})");
    EXPECT_EQ(json::serialize(set.at("mailboxes")), R"(["imaps://imap.example.net","pop3s://pop.example.net"])");
    EXPECT_THAT(refusal("domain.set", R"({"domain":"example.com","mailboxes":["imap.example.net"]})"),
                HasSubstr("imaps://HOST"));
    EXPECT_THAT(
        refusal("domain.set",
                R"({"domain":"example.com","mailboxes":["imap://a","imap://b","imap://c","imap://d","imap://e"]})"),
        HasSubstr("at most 4"));
    const json::object none = ask("domain.set", R"({"domain":"example.com","mailboxes":["none"]})");
    EXPECT_TRUE(none.at("mailboxes").as_array().empty());
    ask("domain.set", R"({"domain":"example.com","mailboxes":["imaps://imap.example.net"]})");
    ask("domain.remove", R"({"domain":"example.com"})");
}

TEST_F(ControlTest, TakesTheMomentOfABackupThatHasBeen) {
    ask("store.backed_up", R"({"moment":"2026-03-01T09:30:00Z"})");
    for (const char* moment :
         {"{}", R"({"moment":""})", R"({"moment":"soon"})", R"({"moment":"2199-01-01T00:00:00Z"})"})
        EXPECT_THAT(refusal("store.backed_up", moment), HasSubstr("invalid: \"moment\"")) << moment;
}

TEST_F(ControlTest, TellsHowFarAnErasureIs) {
    ask("tenant.add", R"({"name":"acme"})");
    const TenantId acme = directory->tenants().begin()->id;
    accept({"b@example.net"});
    EXPECT_FALSE(ask("person.erasure").at("under_way").as_bool());
    std::vector<Erasure::Progress> seen;
    bool is_over = false;
    shard.spawn([](Control& asked, bool& over) -> Task<> {
        co_await asked.perform(R"({"command":"person.erase","arguments":{"address":"b@example.net","tenant":"acme"}})");
        over = true;
    }(*control, is_over));
    EXPECT_TRUE(run_until([&] {
        if (const auto progress = store->erasure().under_way()) seen.push_back(*progress);
        return is_over;
    }));
    ASSERT_FALSE(seen.empty());
    EXPECT_TRUE(std::ranges::is_sorted(seen, {}, &Erasure::Progress::done));
    EXPECT_EQ(seen.back().tenant, acme);
    EXPECT_GE(seen.back().all, 3) << "a day of messages, and one of events, which are read twice";
    EXPECT_EQ(seen.back().done, seen.back().all);
    EXPECT_FALSE(ask("person.erasure", R"({"tenant":"acme"})").at("under_way").as_bool());
}

TEST_F(ControlTest, KeepsTenantsDomainsCredentialsAndNetworks) {
    EXPECT_EQ(text(ask("tenant.add", R"({"name":"acme"})"), "language"), "es") << "the server's default";
    EXPECT_EQ(directory->tenants().size(), 1U) << "in force at once";
    EXPECT_TRUE(ask("tenant.suspend", R"({"tenant":"acme"})").at("suspended").as_bool());
    EXPECT_FALSE(ask("tenant.suspend", R"({"tenant":"acme","suspended":false})").at("suspended").as_bool());

    const json::object domain =
        ask("domain.add", R"({"tenant":"acme","domain":"Example.COM","subdomains":true,"addresses":null})");
    EXPECT_EQ(text(domain, "name"), "example.com");
    EXPECT_TRUE(domain.at("subdomains").as_bool());
    EXPECT_EQ(text(entry(ask("domain.list", R"({"tenant":"acme"})"), "domains"), "tenant"), "acme");

    const json::object made = ask("credential.add", R"({"tenant":"acme","label":"shop","messages_per_hour":10})");
    const std::string login = text(made, "login");
    EXPECT_THAT(login, HasSubstr("acme-"));
    EXPECT_GE(text(made, "password").size(), 20U);
    const std::string named = R"({"credential":")" + login + R"("})";
    EXPECT_FALSE(ask("credential.show", named).contains("password")) << "shown once and never again";
    EXPECT_FALSE(ask("credential.disable", named).at("smtp").as_bool());
    EXPECT_TRUE(ask("credential.enable", R"({"credential":")" + text(made, "id") + R"("})").at("smtp").as_bool());
    const json::object rotated = ask("credential.rotate", named);
    EXPECT_NE(text(rotated, "password"), text(made, "password"));
    const json::object set =
        ask("credential.set",
            R"({"credential":")" + login + R"(","messages_per_day":5,"expires_at":"2030-01-02T03:04:05Z"})");
    EXPECT_EQ(set.at("messages_per_hour").to_number<int>(), 10) << "what is not named stays";
    EXPECT_EQ(set.at("messages_per_day").to_number<int>(), 5);
    EXPECT_EQ(text(set, "expires_at"), "2030-01-02T03:04:05.000Z");
    EXPECT_TRUE(
        ask("credential.set", R"({"credential":")" + login + R"(","expires_at":""})").at("expires_at").is_null());

    const json::object network = ask("network.add", R"({"tenant":"acme","network":"192.0.2.0/24","label":"office"})");
    EXPECT_EQ(text(network, "network"), "192.0.2.0/24");
    EXPECT_EQ(ask("network.list").at("networks").as_array().size(), 1U);

    EXPECT_THAT(refusal("tenant.remove", R"({"tenant":"acme"})"), HasSubstr("conflict"));
    ask("network.remove", R"({"network":"192.0.2.0/24"})");
    ask("credential.remove", named);
    ask("domain.remove", R"({"domain":"example.com"})");
    EXPECT_EQ(text(ask("tenant.remove", R"({"tenant":"acme"})"), "removed"), "acme");
    EXPECT_TRUE(directory->tenants().empty());
}

}  // namespace
}  // namespace relevo::test
