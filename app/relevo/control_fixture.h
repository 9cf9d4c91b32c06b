// Control over a store and an engine in this process, for tests.
#pragma once

#include "adapters/memory/key_vault.h"
#include "adapters/memory/resolver.h"
#include "adapters/memory/stream.h"
#include "adapters/memory/telemetry.h"
#include "app/relevo/control.h"
#include "app/relevo/egress.h"
#include "lib/base/base64.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace relevo::test {

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
        dispatcher.set_egress(egress, shaping);
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
                           .egress = [this] { return egress; },
                           .shaping = [this] { return shaping; },
                           .bounce_patterns = [this] { return patterns.load(); },
                           .refresh_drains = [this] { return refresh_egress(); },
                           .dispatcher = server == Server::runs ? &dispatcher : nullptr,
                           .passwords = passwords.get(),
                           .accounts = &accounts,
                           .webhook_options = [] { return WebhookOptions(); },
                           .console_url = [] { return std::string("https://mail.example.com"); },
                           .submission =
                               [] {
                                   const json::object port{{"port", 587}, {"security", "starttls"}, {"login", true}};
                                   return json::object{{"host_name", "mail.example.com"},
                                                       {"ports", json::array{port}},
                                                       {"settings_url", "https://mail.example.com/settings"}};
                               },
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
    Task<Result<void>> refresh_egress() {
        Drains drains;
        RELEVO_CO_CHECK(co_await read_rows(store->committer(), [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(drains, load_drains(reader));
            return {};
        }));
        egress = egress_table(configuration, *directory, drains);
        dispatcher.set_egress(egress, shaping);
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
    AccountBook accounts;                // likewise
    std::unique_ptr<Store> store;
    Shard shard{0};
    MessageIdSource ids{0};
    MemoryResolver resolver;
    MemoryDialer dialer{shard};
    Dispatcher dispatcher;
    std::shared_ptr<const RouteTable> routes;
    std::shared_ptr<const shaping::ShapingTable> shaping = std::make_shared<const shaping::ShapingTable>(
        std::vector<shaping::Provider>{{.name = "great", .host_suffixes = {"great.example"}}},
        std::vector<shaping::Rule>{shaping::built_in_rule()});
    std::shared_ptr<const EgressTable> egress = egress_table(Configuration(), Directory(), {});
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

class OfflineControlTest : public ControlTest {
 protected:
    OfflineControlTest() : ControlTest(Server::none) {}
};

}  // namespace relevo::test
