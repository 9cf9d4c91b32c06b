// docs/control-protocol.md, request by request, on a store and an engine in this process.
#include "app/relevo/control.h"

#include "adapters/memory/key_vault.h"
#include "adapters/memory/resolver.h"
#include "adapters/memory/stream.h"
#include "adapters/memory/telemetry.h"
#include "lib/base/base64.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace relevo {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Folder {
 public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-control-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
};

enum class Server : bool { none, runs };

class ControlTest : public testing::Test {
 protected:
    explicit ControlTest(Server server = Server::runs) {
        configuration.server.data_dir = folder.path;
        configuration.queue.disk_reserve = 0;
        store = Store::open(configuration, log).value();
        EXPECT_TRUE(store->recover([](const PendingDelivery&) {}).has_value());
        feedback = std::make_unique<Feedback>(configuration, *store, log, metrics_of_feedback);
        store->start();
        // Nothing is delivered: the DNS does not answer.
        resolver.fault("example.net", MemoryResolver::Fault::servfail);
        Route fallback;
        fallback.name = "default";
        routes = std::make_shared<const RouteTable>(std::vector<Route>(), fallback);
        dispatcher.set_routes(routes);
        engine = std::make_unique<DeliveryEngine>(
            DeliveryEngine::Ports{.shard = shard,
                                  .spool = store->spool(),
                                  .resolver = resolver,
                                  .dialer = dialer,
                                  .log = log,
                                  .metrics = metrics,
                                  .dispatcher = dispatcher,
                                  .ids = ids,
                                  .patterns = patterns,
                                  .language_of = [](TenantId) { return mail::Language::spanish; }},
            DeliveryOptions{.host_name = "relay.example"}, 1);
        dispatcher.set_engines({engine.get()});
        keeper = std::make_unique<KeyKeeper>(KeyKeeper::Ports{.shard = shard,
                                                              .committer = store->committer(),
                                                              .resolver = resolver,
                                                              .vault = vault,
                                                              .maker = maker,
                                                              .log = log,
                                                              .metrics = key_metrics,
                                                              .changed = [this] { return refresh(); }},
                                             KeyKeeperOptions{.rotation = {}, .service_domain = "relay.example"});
        control = std::make_unique<Control>(
            ControlContext{.store = *store,
                           .feedback = *feedback,
                           .default_language = mail::Language::spanish,
                           .directory = [this] { return directory; },
                           .refresh_directory = [this] { return refresh(); },
                           .routes = [this] { return routes; },
                           .dispatcher = server == Server::runs ? &dispatcher : nullptr,
                           .passwords = passwords.get(),
                           .is_stopping = [this] { return stopping; },
                           .status = [] { return json::object{{"version", "0"}}; },
                           .reload = [this]() -> Result<std::vector<std::string>> {
                               if (reload_problem.empty()) return std::vector<std::string>{"server.shards"};
                               return failure(ErrorKind::invalid, reload_problem);
                           },
                           .signing = {.vault = [this] -> Result<KeyVault*> { return &vault; },
                                       .maker = &maker,
                                       .keeper = server == Server::runs ? keeper.get() : nullptr,
                                       .rotation = [this] { return keeper->options().rotation; },
                                       .service_domain = "relay.example"}});
        engine->start();
    }
    ~ControlTest() override { store->stop(); }

    Task<Result<void>> refresh() {
        RELEVO_CO_CHECK(co_await read_rows(store->committer(), [this](Reader& reader) -> Result<void> {
            RELEVO_TRY(directory, Directory::load(reader));
            return {};
        }));
        co_return Result<void>();
    }
    bool run_until(const std::function<bool()>& condition) {
        shard.context().restart();
        const auto guard = boost::asio::make_work_guard(shard.context());
        for (const Deadline until = Clock::now() + seconds(5); !condition();) {
            if (Clock::now() >= until) return false;
            shard.context().run_one_for(milliseconds(5));
        }
        return true;
    }
    template <class T>
    T run(Task<T> task) {
        auto answer = std::make_shared<std::optional<T>>();
        shard.spawn([](Task<T> inner, std::shared_ptr<std::optional<T>> into) -> Task<> {
            *into = co_await std::move(inner);
        }(std::move(task), answer));
        EXPECT_TRUE(run_until([&] { return answer->has_value(); }));
        return std::move(**answer);
    }
    std::string raw(const std::string& request) { return run(control->perform(request)); }
    // The result of a request that succeeds.
    json::object ask(const std::string& command, const std::string& arguments = "{}") {
        const json::object answer =
            json::parse(raw(R"({"command":")" + command + R"(","arguments":)" + arguments + "}")).as_object();
        EXPECT_TRUE(answer.at("ok").as_bool()) << command << ": " << json::serialize(answer);
        const json::value* result = answer.if_contains("result");
        return result != nullptr ? result->as_object() : json::object();
    }
    // The error of one that does not, as "kind: message".
    std::string refusal(const std::string& command, const std::string& arguments = "{}") {
        const json::object answer =
            json::parse(raw(R"({"command":")" + command + R"(","arguments":)" + arguments + "}")).as_object();
        if (answer.at("ok").as_bool()) return "ok: " + json::serialize(answer);
        const json::object& error = answer.at("error").as_object();
        return std::string(error.at("kind").as_string()) + ": " + std::string(error.at("message").as_string());
    }
    static std::string text(const json::object& of, std::string_view name) {
        const json::value* found = of.if_contains(name);
        return found != nullptr && found->is_string() ? std::string(found->as_string()) : "?";
    }
    static json::object entry(const json::object& of, std::string_view name, std::size_t place = 0) {
        return of.at(name).as_array().at(place).as_object();
    }

    MessageId accept(const std::vector<std::string>& recipients, seconds age = seconds(0)) {
        Submission submission;
        submission.id = ids.next(WallClock::now(), recipients.size());
        submission.tenant = TenantId{1};
        submission.envelope.reverse_path =
            mail::ReversePath(mail::Address::parse("a@example.com", mail::Utf8::refused).value());
        for (const std::string& recipient : recipients)
            submission.envelope.recipients.push_back(
                {.address = mail::Address::parse(recipient, mail::Utf8::refused).value(), .original_recipient = {}});
        submission.content = std::make_shared<const std::string>("Subject: x\r\n\r\nText\r\n");
        submission.accepted_at = WallClock::now() - age;
        submission.origin = R"({"client":"192.0.2.7"})";
        return run(store->spool().accept(std::move(submission))).value()->id;
    }

    Folder folder;
    MemoryLog log;
    MemoryMetrics numbers;
    DeliveryMetrics metrics{numbers};
    std::atomic<std::shared_ptr<const bounces::PatternTable>> patterns{
        std::make_shared<const bounces::PatternTable>(bounces::PatternTable::built_in())};
    Configuration configuration;
    MemoryMetrics metrics_of_feedback;
    std::unique_ptr<Feedback> feedback;  // the store's committer uses it
    std::unique_ptr<Store> store;
    Shard shard{0};
    MessageIdSource ids{0};
    MemoryResolver resolver;
    MemoryDialer dialer{shard};
    Dispatcher dispatcher;
    std::shared_ptr<const RouteTable> routes;
    std::shared_ptr<const Directory> directory = std::make_shared<const Directory>();
    std::string reload_problem;
    std::unique_ptr<PasswordChecker> passwords = PasswordChecker::start(system_random(), {.threads = 1}).value();
    bool stopping = false;
    MemoryKeyVault vault;
    KeyMaker maker;
    KeyKeeperMetrics key_metrics{numbers};
    std::unique_ptr<KeyKeeper> keeper;
    std::unique_ptr<Control> control;
    std::unique_ptr<DeliveryEngine> engine;
};

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

class OfflineControlTest : public ControlTest {
 protected:
    OfflineControlTest() : ControlTest(Server::none) {}
};

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
                                                          {"queue.suspend", R"("site":"example.net",)"},
                                                          {"queue.resume", R"("site":"example.net",)"},
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
                               Wrong{"queue.suspend", "{}", "invalid: \"site\" is missing"},
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

TEST_F(ControlTest, ListsShowsAndChangesTheQueue) {
    ask("tenant.add", R"({"name":"acme"})");
    const MessageId id = accept({"b@example.net", "c@example.net", "d@example.org"});
    const std::string message = id.text();
    const json::object all = ask("queue.list");
    ASSERT_EQ(all.at("entries").as_array().size(), 3U);
    EXPECT_TRUE(all.at("next").is_null());
    EXPECT_EQ(text(entry(all, "entries"), "id"), message + "/0");
    EXPECT_EQ(text(entry(all, "entries"), "site"), "example.net");
    EXPECT_EQ(text(entry(all, "entries"), "tenant"), "acme");
    const json::object first = ask("queue.list", R"({"limit":2})");
    const json::object second = ask("queue.list", R"({"limit":2,"after":")" + text(first, "next") + R"("})");
    EXPECT_EQ(second.at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.list", R"({"site":"example.org"})").at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.show", R"({"id":")" + message + R"("})").at("entries").as_array().size(), 3U);

    const std::string one = R"({"id":")" + message + R"(/1","reason":"look")";
    EXPECT_FALSE(ask("queue.hold", one + R"(,"dry_run":true})").at("changed").as_bool());
    EXPECT_TRUE(ask("queue.list", R"({"state":"held"})").at("entries").as_array().empty());
    EXPECT_EQ(ask("queue.hold", one + "}").at("count").to_number<int>(), 1);
    EXPECT_EQ(text(entry(ask("queue.list", R"({"state":"held"})"), "entries"), "recipient"), "c@example.net");
    EXPECT_EQ(text(entry(ask("queue.why", one.substr(0, one.find(",")) + "}"), "answers"), "reason"), "held");
    EXPECT_EQ(ask("queue.release", R"({"all":true})").at("count").to_number<int>(), 1) << "only what is held";
    EXPECT_EQ(ask("queue.retry", R"({"domain":"example.net"})").at("count").to_number<int>(), 2);
    EXPECT_EQ(ask("queue.drop", R"({"recipient":"d@example.org"})").at("count").to_number<int>(), 1);
    EXPECT_EQ(ask("queue.drop", R"({"all":true})").at("count").to_number<int>(), 2);
    EXPECT_EQ(text(entry(ask("queue.why", R"({"id":")" + message + R"("})"), "answers"), "reason"), "finished");
}

TEST_F(ControlTest, ReleasesOnlyWhatIsHeldHoweverTheStateIsLeftOut) {
    accept({"b@example.net"});
    EXPECT_EQ(ask("queue.release", R"({"all":true,"state":null})").at("count").to_number<int>(), 0)
        << "absent and null mean the same";
}

TEST_F(ControlTest, SuspendsAndExplains) {
    const MessageId id = accept({"b@example.net"});
    EXPECT_TRUE(ask("queue.suspend", R"({"site":"Example.NET","reason":"asked"})").at("suspended").as_bool());
    const std::string named = R"({"id":")" + id.text() + R"("})";
    EXPECT_THAT(text(entry(ask("queue.why", named), "answers"), "sentence"), HasSubstr("asked"));
    const json::object summary = ask("queue.summary");
    EXPECT_EQ(text(entry(summary, "sites"), "suspension_reason"), "asked");
    EXPECT_FALSE(ask("queue.resume", R"({"site":"example.net"})").at("suspended").as_bool());
    EXPECT_TRUE(run(store->spool().suspensions()).value().empty());
}

// The DNS never answers: the attempt lasts as long as the test wants.
TEST_F(ControlTest, TellsWhatIsBeingDelivered) {
    resolver.mx("example.net", 10, "mx.example.net").fault("mx.example.net", MemoryResolver::Fault::timeout);
    const MessageId id = accept({"b@example.net"});
    const std::string named = R"({"id":")" + id.text() + R"("})";
    EXPECT_EQ(text(entry(ask("queue.list"), "entries"), "state"), "waiting");
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return engine->leased_of({{id, 0}}).size() == 1; }));
    EXPECT_EQ(text(entry(ask("queue.list"), "entries"), "state"), "active");
    EXPECT_EQ(ask("queue.list", R"({"state":"active"})").at("entries").as_array().size(), 1U);
    EXPECT_TRUE(ask("queue.list", R"({"state":"waiting"})").at("entries").as_array().empty());
    EXPECT_EQ(text(entry(ask("queue.why", named), "answers"), "reason"), "delivering");
}

TEST_F(ControlTest, TellsThatTheServerStops) {
    const std::string named = R"({"id":")" + accept({"b@example.net"}).text() + R"("})";
    stopping = true;
    EXPECT_EQ(text(entry(ask("queue.why", named), "answers"), "reason"), "stopping");
}

TEST_F(ControlTest, ExplainsADeferral) {
    const MessageId id = accept({"b@example.net"});
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return log.count("delivery.deferred") == 1; }));
    const std::string named = R"({"id":")" + id.text() + R"("})";
    const json::object answer = entry(ask("queue.why", named), "answers");
    EXPECT_EQ(text(answer, "reason"), "retry_later");
    EXPECT_EQ(answer.at("facts").as_object().at("attempts").to_number<int>(), 1);
    EXPECT_THAT(text(answer, "meaning"), HasSubstr("DNS")) << "in server.language";
    const json::object shown = ask("message.show", named);
    ASSERT_EQ(shown.at("timeline").as_array().size(), 2U);
    EXPECT_THAT(text(entry(shown, "timeline", 0), "text"), HasSubstr("192.0.2.7"));
    EXPECT_EQ(text(entry(shown, "timeline", 1), "kind"), "deferred");
    EXPECT_EQ(text(entry(shown, "timeline", 1), "recipient"), "b@example.net");
    EXPECT_EQ(text(entry(shown, "timeline", 1), "meaning"), text(answer, "meaning"));
    EXPECT_TRUE(entry(shown, "timeline", 0).at("meaning").is_null());
    EXPECT_EQ(shown.at("pending").as_array().size(), 1U);
    EXPECT_EQ(decode_base64(text(ask("message.content", named), "content")).value(), "Subject: x\r\n\r\nText\r\n");
}

TEST_F(ControlTest, AReleaseRemembersThatADelayWasReported) {
    const MessageId id = accept({"b@example.net"}, std::chrono::hours(5));
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    const std::string deferred = "delivery.deferred message=" + id.text();
    ASSERT_TRUE(run_until([&] { return log.count(deferred) == 1; }));
    ASSERT_EQ(log.count("report.accepted"), 1U);
    const std::string named = R"({"id":")" + id.text() + R"("})";
    ask("queue.hold", named);
    ask("queue.release", named);
    ask("queue.retry", named);  // the destination backs off
    ASSERT_TRUE(run_until([&] { return log.count(deferred) == 2; }));
    EXPECT_EQ(log.count("report.accepted"), 1U);
}

// More recipients than one bulk change takes at once.
TEST_F(ControlTest, ABulkChangeOfALargeMessageEnds) {
    std::vector<std::string> many;
    for (int i = 0; i < 2500; ++i) many.push_back("r" + std::to_string(i) + "@example.net");
    const std::string named = R"({"id":")" + accept(many).text() + R"("})";
    EXPECT_EQ(ask("queue.hold", named).at("count").to_number<int>(), 2500);
    EXPECT_EQ(ask("queue.release", named).at("count").to_number<int>(), 2500);
    EXPECT_EQ(ask("queue.drop", named).at("count").to_number<int>(), 2500);
}

TEST_F(OfflineControlTest, WorksOnTheStoreAlone) {
    ask("tenant.add", R"({"name":"acme","language":"en"})");
    const std::string named = R"({"id":")" + accept({"b@example.net"}).text() + R"("})";
    EXPECT_EQ(ask("queue.list").at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.hold", named).at("count").to_number<int>(), 1);
    EXPECT_EQ(ask("queue.release", named).at("count").to_number<int>(), 1);
    EXPECT_TRUE(ask("queue.suspend", R"({"site":"example.net"})").at("suspended").as_bool());
    EXPECT_EQ(ask("message.show", named).at("timeline").as_array().size(), 3U);
    EXPECT_EQ(ask("queue.drop", named).at("count").to_number<int>(), 1);
    for (const char* command : {"queue.summary", "queue.why", "server.status", "server.reload"})
        EXPECT_THAT(refusal(command, command == std::string("queue.why") ? named : "{}"), HasSubstr("closed: "))
            << command;
}

}  // namespace
}  // namespace relevo
