#include "app/cli/check.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/render.h"
#include "app/cli/run.h"
#include "app/cli/table.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace relevo::cli {
namespace {

using setup::CheckStatus;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The rest of the process, as the command line sees it.
class ScriptedCommands : public Commands {
 public:
    int keep_store(const StoreOptions& options, const Configuration* configuration) override {
        stores.push_back(options);
        has_configuration = configuration != nullptr;
        return 0;
    }
    std::vector<StoreOptions> stores;
    bool has_configuration = false;
    int serve(const Configuration& configuration, const std::string&) override {
        served_host_name = configuration.server.host_name;
        return 0;
    }
    boost::json::object handle_offline(const Configuration&, const boost::json::object& request) override {
        requests.push_back(request);
        if (answers.empty()) return {{"ok", true}, {"result", boost::json::object{}}};
        const boost::json::object answer = answers.front().as_object();
        answers.erase(answers.begin());
        return answer;
    }
    int sink(const SinkOptions& options) override {
        sink_options = options;
        return 0;
    }
    int send_test(const SendTestOptions& options) override {
        send_test_options = options;
        return 0;
    }
    Result<LanTrust> look_at_relay(const LanRelay&) override { return LanTrust::verified; }
    Result<void> log_in_at_relay(const LanRelay&, LanTrust, const std::string&, const std::string&) override {
        return failure(ErrorKind::refused, "the central relay says no");
    }
    int look_up(const LookupOptions& options) override {
        lookup_options = options;
        return 0;
    }

    std::string served_host_name;
    std::vector<boost::json::object> requests;
    std::vector<boost::json::value> answers;
    std::optional<SinkOptions> sink_options;
    std::optional<SendTestOptions> send_test_options;
    std::optional<LookupOptions> lookup_options;
};

struct Ran {
    int code;
    std::string out;
    std::string err;
};

class CommandLine : public testing::Test {
 protected:
    CommandLine() {
        std::string name = (std::filesystem::temp_directory_path() / "relevo-cli-XXXXXX").string();
        folder_ = mkdtemp(name.data());
        configuration_path_ = folder_ / "relevo.toml";
        write_configuration("");
    }
    ~CommandLine() override { std::filesystem::remove_all(folder_); }

    void write_configuration(std::string_view more) {
        std::ofstream(configuration_path_) << "[server]\nhost_name = \"mail.example.com\"\ndata_dir = \""
                                           << folder_.string() << "\"\nrun_dir = \"" << folder_.string()
                                           << "\"\n[dns]\ntrust_anchor_file = \"\"\n[[listener]]\naddress = "
                                              "\"127.0.0.1:0\"\n"
                                           << more;
    }

    Ran run(std::vector<std::string> words) {
        words.insert(words.begin(), "relevo");
        words.insert(words.end(), {"--config", configuration_path_});
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int code = relevo::cli::run(static_cast<int>(arguments.size()), arguments.data(), commands_);
        const std::string out = testing::internal::GetCapturedStdout();
        return {code, out, testing::internal::GetCapturedStderr()};
    }

    std::filesystem::path folder_;
    std::string configuration_path_;
    ScriptedCommands commands_;
};

// --- usage

TEST_F(CommandLine, ReturnsTwoForWrongUsage) {
    EXPECT_EQ(run({"tenant", "add"}).code, 2);
    EXPECT_EQ(run({"queue"}).code, 2);
    EXPECT_EQ(run({"domain", "add", "example.com"}).code, 2);
    EXPECT_EQ(run({"queue", "list", "--limit", "many"}).code, 2);
    const Ran unknown = run({"queu", "list"});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_THAT(unknown.err, HasSubstr("Did you mean \"queue\"?"));
    EXPECT_THAT(run({"tenant", "ad"}).err, HasSubstr("Did you mean \"add\"?"));
    EXPECT_THAT(run({"tenant", "frobnicate"}).err, HasSubstr("relevo tenant --help"));
}

TEST_F(CommandLine, PrintsHelpAndVersion) {
    const Ran help = run({"queue", "list", "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("relevo queue list"));
    EXPECT_THAT(help.out, HasSubstr("--site"));
    EXPECT_EQ(run({"version"}).out, "relevo " RELEVO_VERSION "\n");
    EXPECT_EQ(run({"version", "--json"}).out, "{\"version\":\"" RELEVO_VERSION "\"}\n");
}

TEST(CommandReference, IsThePageInTheManual) {
    const auto path = std::filesystem::path(RELEVO_SOURCE_DIR) / "docs/commands.md";
    const std::string page = command_reference();
    if (std::getenv("RELEVO_UPDATE_DOCS") != nullptr) std::ofstream(path, std::ios::binary) << page;
    std::ifstream stream(path, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    EXPECT_EQ(text.str(), page) << "run with RELEVO_UPDATE_DOCS=1 to write the page anew";
}

TEST(CommandReference, NamesEveryCommandAndOption) {
    const std::string page = command_reference();
    for (const CommandSpec& command : command_table()) {
        EXPECT_THAT(page, HasSubstr("## relevo " + std::string(command.name)));
        for (const OptionSpec& option : command.options) EXPECT_THAT(page, HasSubstr(std::string(option.name)));
    }
}

// --- look-ups

TEST_F(CommandLine, KnowsCheckAsACommandAndAsAGroup) {
    EXPECT_EQ(run({"check", "auth", "mail.eml", "--ip", "192.0.2.1", "--language", "es"}).code, 0);
    ASSERT_TRUE(commands_.lookup_options);
    EXPECT_EQ(commands_.lookup_options->lookup, Lookup::message);
    EXPECT_EQ(commands_.lookup_options->file, "mail.eml");
    EXPECT_EQ(commands_.lookup_options->client->text(), "192.0.2.1");
    EXPECT_EQ(commands_.lookup_options->language, mail::Language::spanish);
    EXPECT_THAT(run({"check"}).out, HasSubstr("checks"));
    EXPECT_EQ(run({"check", "auth", "a.eml", "b.eml"}).code, 2);
}

TEST_F(CommandLine, ExplainsADomainAsADomainOrAsASite) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"config", "explain", "gmail.com"},
                                                  std::vector<std::string>{"config", "explain", "site", "gmail.com"}}) {
        EXPECT_EQ(run(words).code, 0);
        ASSERT_TRUE(commands_.lookup_options);
        EXPECT_EQ(commands_.lookup_options->lookup, Lookup::limits);
        EXPECT_EQ(commands_.lookup_options->subject, "gmail.com");
    }
    EXPECT_EQ(run({"config", "explain", "gmail.com", "example.com"}).code, 2);
}

TEST_F(CommandLine, RefusesLookUpsThatCannotBe) {
    EXPECT_EQ(run({"spf", "check", "example.com", "--ip", "192.0.2.256"}).code, 2);
    EXPECT_EQ(run({"dmarc", "check"}).code, 2);
    EXPECT_EQ(run({"mtasts", "lookup", "example.com", "--port", "70000"}).code, 2);
    EXPECT_EQ(run({"arc", "check", "a.eml", "--language", "fr"}).code, 2);
    EXPECT_FALSE(commands_.lookup_options);
}

TEST_F(CommandLine, LooksUpWithoutAConfigurationButNotWithABrokenOne) {
    write_configuration("[dns]\nbroken\n");
    EXPECT_EQ(run({"dane", "lookup", "mx.example.com"}).code, 1);
    EXPECT_FALSE(commands_.lookup_options);
    std::filesystem::remove(configuration_path_);
    EXPECT_EQ(run({"dane", "lookup", "mx.example.com"}).code, 0);
    EXPECT_TRUE(commands_.lookup_options);
}

// --- requests

TEST_F(CommandLine, TurnsOptionsIntoARequest) {
    EXPECT_EQ(run({"credential", "add", "--tenant", "acme", "--domain", "a.example,b.example", "--domain", "c.example",
                   "--messages-per-hour", "100", "--expires", "2027-01-31"})
                  .code,
              0);
    ASSERT_EQ(commands_.requests.size(), 1U);
    EXPECT_EQ(
        boost::json::serialize(commands_.requests[0]),
        R"({"command":"credential.add","arguments":{"tenant":"acme","domains":["a.example","b.example","c.example"],)"
        R"("messages_per_hour":100,"expires_at":"2027-01-31T00:00:00.000Z"}})");
}

TEST_F(CommandLine, TakesAPasswordFromAFileOnly) {  // arguments can be read by every user of the machine
    std::ofstream(folder_ / "password") << "opensesame\n";
    EXPECT_EQ(run({"credential", "rotate", "acme", "--password-file", folder_ / "password"}).code, 0);
    EXPECT_EQ(commands_.requests.at(0).at("arguments").at("password"), "opensesame");
    EXPECT_EQ(run({"credential", "rotate", "acme", "--password", "x"}).code, 2);
    EXPECT_EQ(run({"credential", "rotate", "acme", "--password-file", "/nonexistent"}).code, 2);
}

TEST_F(CommandLine, AddsWhatTheCommandFixes) {
    run({"tenant", "resume", "acme"});
    EXPECT_EQ(boost::json::serialize(commands_.requests.at(0)),
              R"({"command":"tenant.suspend","arguments":{"suspended":false,"tenant":"acme"}})");
}

TEST_F(CommandLine, ReturnsThreeWhenOnlyAServerCanAnswer) {
    const Ran ran = run({"queue", "why", "msg_0000000000001"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_THAT(ran.err, HasSubstr("no server runs"));
    EXPECT_TRUE(commands_.requests.empty());
}

TEST_F(CommandLine, ShowsAnErrorWithItsHint) {
    commands_.answers = {boost::json::parse(
        R"({"ok":false,"error":{"kind":"not_found","message":"no tenant \"acmee\"","hint":"did you mean \"acme\"?"}})")};
    const Ran ran = run({"tenant", "suspend", "acmee"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.err, "relevo: no tenant \"acmee\": did you mean \"acme\"?\n");
    commands_.answers = {boost::json::parse(R"({"ok":false,"error":{"kind":"not_found","message":"no"}})")};
    EXPECT_EQ(run({"tenant", "suspend", "acmee", "--json"}).out,
              "{\"error\":{\"kind\":\"not_found\",\"message\":\"no\"}}\n");
}

TEST_F(CommandLine, NeverChangesMailThatWasNotNamedOrConfirmed) {
    EXPECT_EQ(run({"queue", "drop", "--yes"}).code, 2);
    EXPECT_EQ(run({"queue", "drop", "--reason", "spam", "--yes"}).code, 2);
    EXPECT_EQ(run({"queue", "drop", "--destination", "example.org", "--json"}).code, 2);
    EXPECT_TRUE(commands_.requests.empty());
    EXPECT_EQ(run({"queue", "drop", "--destination", "example.org", "--yes"}).code, 0);
    EXPECT_EQ(boost::json::serialize(commands_.requests.at(0).at("arguments")), R"({"destination":"example.org"})");
    EXPECT_EQ(run({"queue", "hold", "--all", "--dry-run"}).code, 0);
    EXPECT_EQ(boost::json::serialize(commands_.requests.at(1).at("arguments")), R"({"all":true,"dry_run":true})");
}

// A server that answers one request with what it is told.
class ScriptedServer {
 public:
    ScriptedServer(const std::string& path, std::string answer) : descriptor_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        if (bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
            listen(descriptor_, 1) != 0)
            std::abort();
        thread_ = std::thread([this, reply = std::move(answer)] {
            const int peer = accept(descriptor_, nullptr, nullptr);
            char c = 0;
            while (read(peer, &c, 1) == 1 && c != '\n') request_ += c;
            for (const char octet : reply)  // octet by octet: the client must put it together
                if (write(peer, &octet, 1) != 1) break;
            close(peer);
        });
    }
    ~ScriptedServer() {
        if (thread_.joinable()) thread_.join();
        close(descriptor_);
    }
    std::string request() {
        thread_.join();
        return request_;
    }

 private:
    int descriptor_;
    std::string request_;
    std::thread thread_;
};

TEST_F(CommandLine, AsksTheRunningServer) {
    ScriptedServer server(folder_ / "control.sock",
                          R"({"ok":true,"result":{"changed":true,"needs_restart":["server.shards"]}})"
                          "\n");
    const Ran ran = run({"reload"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, "The new configuration is in force.\nNeeds a restart: server.shards\n");
    EXPECT_EQ(server.request(), R"({"command":"server.reload","arguments":{}})");
    EXPECT_TRUE(commands_.requests.empty());
}

TEST_F(CommandLine, SaysSoWhenTheServerAnswersNonsense) {
    for (const char* answer : {"", "{\n", "[]\n", "{\"x\":1}\n", "\n"}) {
        std::filesystem::remove(folder_ / "control.sock");
        ScriptedServer server(folder_ / "control.sock", answer);
        EXPECT_EQ(run({"status"}).code, 3) << answer;
    }
}

// --- configuration

TEST_F(CommandLine, ListsTheProblemsOfTheConfiguration) {
    write_configuration("colour = 1\n[limits]\nrecipients = 1\n");
    const Ran ran = run({"config", "check"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("relevo.toml:9:1: unknown setting \"colour\""));
    EXPECT_THAT(ran.err, HasSubstr("relevo.toml:11:1: limits.recipients is 1"));
    EXPECT_EQ(run({"serve"}).code, 1);
}

TEST_F(CommandLine, ShowsValuesWithTheirOrigin) {
    const Ran ran = run({"config", "show"});
    EXPECT_THAT(ran.out, HasSubstr("host_name = \"mail.example.com\"  # " + configuration_path_ + ":2"));
    EXPECT_THAT(run({"config", "show", "--json"}).out,
                HasSubstr(R"({"setting":"queue.jitter","value":"0.2","origin":"default")"));
}

TEST_F(CommandLine, ServesWithTheConfiguration) {
    EXPECT_EQ(run({"serve"}).code, 0);
    EXPECT_EQ(commands_.served_host_name, "mail.example.com");
}

// --- setup

TEST_F(CommandLine, SetsUpWithoutQuestionsAndNeverOverwrites) {
    std::filesystem::remove(configuration_path_);
    const std::string credential = R"({"ok":true,"result":{"login":"acme-7k2m","password":"secret-once"}})";
    const auto ok = boost::json::parse(R"({"ok":true,"result":{}})");
    const std::vector<std::string> words = {"setup",      "--yes",          "--host-name", "mail.example.com",
                                            "--domain",   "example.com",    "--user",      "",
                                            "--data-dir", folder_ / "data", "--run-dir",   folder_ / "run"};
    const std::string link = R"({"ok":true,"result":{"url":"https://mail.example.com/setup#token-once"}})";
    const std::string settings =
        R"({"ok":true,"result":{"host_name":"mail.example.com","settings_url":"https://mail.example.com/settings",)"
        R"("ports":[{"port":1587,"security":"starttls","login":true},{"port":26,"security":"none","login":false}]}})";
    commands_.answers = {ok, ok, boost::json::parse(credential), boost::json::parse(settings),
                         boost::json::parse(link)};
    const Ran first = run(words);
    EXPECT_EQ(first.code, 0) << first.err;
    ASSERT_EQ(commands_.requests.size(), 5U);
    EXPECT_EQ(commands_.requests[0].at("command"), "tenant.add");
    EXPECT_EQ(commands_.requests[1].at("command"), "domain.add");
    EXPECT_EQ(commands_.requests[2].at("command"), "credential.add");
    EXPECT_EQ(commands_.requests[3].at("command"), "server.submission");
    EXPECT_EQ(commands_.requests[4].at("command"), "user.setup_link");
    EXPECT_THAT(first.out, HasSubstr("Port:      1587 with STARTTLS\n"
                                     "Port:      26 without encryption, for known networks without a login\n"
                                     "Settings:  https://mail.example.com/settings\n"
                                     "User:      acme-7k2m\n"));
    EXPECT_THAT(first.out, HasSubstr("https://mail.example.com/setup#token-once"));
    EXPECT_EQ(std::filesystem::status(folder_ / "data").permissions(), std::filesystem::perms::owner_all);
    EXPECT_EQ(run({"config", "show"}).code, 0);

    const auto before = std::filesystem::last_write_time(configuration_path_);
    EXPECT_THAT(run(words).out, HasSubstr(configuration_path_ + ".new"));
    EXPECT_EQ(std::filesystem::last_write_time(configuration_path_), before);
    EXPECT_EQ(run(words).code, 1);  // .new is there too
}

TEST_F(CommandLine, SetsUpCertificatesOnlyWhenTold) {
    const auto ok = boost::json::parse(R"({"ok":true,"result":{}})");
    const auto credential = boost::json::parse(R"({"ok":true,"result":{"login":"a","password":"b"}})");
    const auto settings = boost::json::parse(R"({"ok":true,"result":{"host_name":"mail.example.com","ports":[]}})");
    std::vector<std::string> words = {"setup",      "--yes",          "--host-name", "mail.example.com",
                                      "--domain",   "example.com",    "--user",      "",
                                      "--data-dir", folder_ / "data", "--run-dir",   folder_ / "run"};
    for (const bool is_told : {false, true}) {
        SCOPED_TRACE(is_told);
        std::filesystem::remove(configuration_path_);
        commands_.answers = {ok, ok, credential, settings, ok};
        if (is_told) words.emplace_back("--certificates");
        const Ran ran = run(words);
        EXPECT_EQ(ran.code, 0) << ran.err;
        EXPECT_THAT(ran.out, HasSubstr(is_told ? "Port 80 of mail.example.com must reach" : "self-signed"));
        const auto configuration = load_configuration(configuration_path_, {}, NamedFiles::resolved);
        ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
        EXPECT_EQ(configuration->acme.enabled, is_told);
        EXPECT_EQ(configuration->http.size(), is_told ? 2U : 1U);
    }
}

// --- keys

TEST_F(CommandLine, WarnsWhenAKeySignsWhoseRecordIsGone) {
    const auto answer = [](const std::string& dns) {
        return boost::json::parse(
            R"({"ok":true,"result":{"domain":"shop.example","signs":true,"keys":[{"domain":"shop.example",)"
            R"("selector":"r1","algorithm":"rsa-sha256","state":"active","host":"r1._domainkey.shop.example",)"
            R"("record":"v=DKIM1; k=rsa; p=AA","dns":")" +
            dns + R"(","dns_since":null,"activated_at":null,"keep_until":null}]}})");
    };
    commands_.answers = {answer("present"), answer("absent"), answer("different")};
    EXPECT_THAT(run({"dkim", "show", "shop.example"}).out, Not(HasSubstr("WARNING")));
    for (int i = 0; i < 2; ++i) {
        const Ran ran = run({"dkim", "show", "shop.example"});
        EXPECT_THAT(ran.out, HasSubstr("WARNING: 1 of the keys that sign is not in the DNS"));
        EXPECT_THAT(ran.out, HasSubstr("r1._domainkey.shop.example"));
    }
}

// --- check

// As check.server answers: one item.
boost::json::value network_answer(const std::string& status) {
    return boost::json::parse(
        R"({"ok":true,"result":{"items":[{"id":"dns.resolver","group":"dns","title":"Resolver","subject":"",)"
        R"("found":"the DNS answers","expected":null,"why":"Without DNS no mail server is found.",)"
        R"("action":"Check dns.servers.","status":")" +
        status + R"("}]}})");
}

TEST_F(CommandLine, ChecksTheMachineAndAsksForWhatTheNetworkShows) {
    commands_.answers = {network_answer("ok")};
    const Ran ran = run({"check"});
    EXPECT_THAT(ran.out, HasSubstr("ok       Configuration · "));
    EXPECT_THAT(ran.out, HasSubstr("ok       Resolver: the DNS answers"));
    EXPECT_THAT(ran.out, HasSubstr("can be written and flushed"));
    EXPECT_EQ(ran.code, 0) << ran.out;
    ASSERT_EQ(commands_.requests.size(), 1U);
    EXPECT_EQ(commands_.requests[0].at("command").as_string(), "check.server");
    write_configuration("[server2]\n");
    const Ran wrong = run({"check", "--json"});
    EXPECT_EQ(wrong.code, 1);
    EXPECT_THAT(wrong.out, HasSubstr(R"("status":"fail")"));
}

TEST_F(CommandLine, ExplainsWhatIsNotWellInTheLanguageThatIsAskedFor) {
    commands_.answers = {network_answer("fail")};
    const Ran ran = run({"check", "shop.example", "--language", "es"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out, HasSubstr("FALLO"));
    EXPECT_THAT(ran.out, HasSubstr("Without DNS no mail server is found."));
    EXPECT_THAT(ran.out, HasSubstr("→ Check dns.servers."));
    EXPECT_THAT(ran.out, HasSubstr("1 comprobación:"));
    EXPECT_EQ(commands_.requests[0].at("arguments").at("domain").as_string(), "shop.example");
    EXPECT_EQ(run({"check", "--language", "fr"}).code, 2);
}

TEST_F(CommandLine, FindsAPortInUse) {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(descriptor, 1), 0);
    ASSERT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
    write_configuration("[[listener]]\naddress = \"127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "\"\n");
    const Ran ran = run({"check"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out, HasSubstr("Address already in use"));
    EXPECT_THAT(ran.out, HasSubstr("ss -ltnp"));
    close(descriptor);
}

TEST_F(CommandLine, FindsAFolderThatCannotBeWritten) {
    EXPECT_EQ(check_data_folder("/nonexistent").status, CheckStatus::fail);
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    EXPECT_EQ(check_data_folder(folder_).status, CheckStatus::warn);
    EXPECT_THAT(check_data_folder(folder_).action.english, HasSubstr("chmod 700"));
}

TEST_F(CommandLine, FindsACertificateThatDoesNotFit) {
    const auto make = [&](const std::string& name, const char* days) {
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.example "
            "-days " +
            std::string(days) + " -keyout " + (folder_ / (name + ".key")).string() + " -out " +
            (folder_ / (name + ".pem")).string() + " 2>/dev/null";
        ASSERT_EQ(std::system(command.c_str()), 0);
    };
    make("a", "90");
    make("b", "3");
    EXPECT_EQ(check_certificate({folder_ / "a.pem", folder_ / "a.key"}, "a.example").status, CheckStatus::ok);
    EXPECT_EQ(check_certificate({folder_ / "b.pem", folder_ / "b.key"}, "a.example").status, CheckStatus::warn);
    EXPECT_THAT(check_certificate({folder_ / "a.pem", folder_ / "b.key"}, "a.example").found.english,
                HasSubstr("does not belong"));
    EXPECT_EQ(check_certificate({folder_ / "a.pem", folder_ / "a.key"}, "b.example").status, CheckStatus::warn);
    EXPECT_EQ(check_certificate({folder_ / "a.key", folder_ / "a.key"}, "a.example").status, CheckStatus::fail);
    EXPECT_EQ(check_certificate({folder_ / "a.pem", "/nonexistent"}, "a.example").status, CheckStatus::fail);
}

// --- sink and send-test

TEST_F(CommandLine, TellsTheSinkHowToMisbehave) {
    EXPECT_EQ(run({"sink", "--listen", "127.0.0.1:2526", "--reply", "rcpt=451@0.25", "--reply", "connect=554", "--drop",
                   "data", "--delay", "250ms", "--greylist", "5min", "--without", "pipelining", "--count", "3"})
                  .code,
              0);
    const SinkOptions& options = commands_.sink_options.value();
    EXPECT_EQ(options.listen.at(0).text(), "127.0.0.1:2526");
    ASSERT_EQ(options.faults.size(), 3U);
    EXPECT_EQ(options.faults[0].stage, SinkStage::rcpt);
    EXPECT_EQ(options.faults[0].code, 451);
    EXPECT_EQ(options.faults[0].share, 0.25);
    EXPECT_EQ(options.faults[2].code, 0);
    EXPECT_EQ(options.delay, std::chrono::milliseconds(250));
    EXPECT_EQ(options.greylist, std::chrono::seconds(300));
    EXPECT_THAT(options.without, ElementsAre("PIPELINING"));
    EXPECT_EQ(options.count, 3U);
    for (const char* wrong : {"rcpt", "rcpt=250", "rcp=451", "rcpt=451@2", "rcpt=451@x"})
        EXPECT_EQ(run({"sink", "--reply", wrong}).code, 2) << wrong;
}

TEST_F(CommandLine, SendsATestToOurselvesByDefault) {
    EXPECT_EQ(run({"send-test", "ana@example.org"}).code, 0);
    EXPECT_EQ(commands_.send_test_options->host, "127.0.0.1");
    EXPECT_EQ(commands_.send_test_options->from, "postmaster@mail.example.com");
    EXPECT_EQ(run({"send-test", "ana@example.org", "--server", "[2001:db8::1]:465"}).code, 0);
    EXPECT_EQ(commands_.send_test_options->host, "2001:db8::1");
    EXPECT_TRUE(commands_.send_test_options->verify);
    EXPECT_EQ(run({"send-test", "ana@example.org", "--server", "mail.example:465", "--any-certificate"}).code, 0);
    EXPECT_FALSE(commands_.send_test_options->verify);
    EXPECT_EQ(commands_.send_test_options->tls, ListenerTls::implicit);
    EXPECT_EQ(run({"send-test", "ana@example.org", "--user", "x"}).code, 2);
}

// --- what people see

TEST(Rendering, AlignsColumns) {
    const auto result = boost::json::parse(
        R"({"tenants":[{"id":"ten_1","name":"Añil","language":"es","domains":1,"credentials":2,"suspended":true,)"
        R"("created_at":"2026-11-23T12:00:00.123Z"}]})");
    EXPECT_EQ(render("tenant.list", result),
              "ID     NAME  LANGUAGE  DOMAINS  CREDENTIALS  STATE      SINCE\n"
              "ten_1  Añil  es        1        2            suspended  2026-11-23 12:00:00\n");
    EXPECT_THAT(render("tenant.list", boost::json::object{}), HasSubstr("relevo tenant add"));
}

TEST(Rendering, NeverLetsAReplySteerTheTerminal) {  // security E13
    const auto result = boost::json::parse(
        R"({"entries":[{"id":"msg_1/0","state":"waiting","last_reply":"451 \u001b[31mred\r\nX\u202e"}],"next":null})");
    const std::string page = render("queue.list", result);
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, Not(HasSubstr("\r")));
    EXPECT_THAT(page, Not(HasSubstr("\u202e")));
    EXPECT_THAT(render("queue.list", result), HasSubstr("<>"));
}

TEST(Rendering, TellsTheStoryOfAMessage) {
    const auto message =
        boost::json::parse(R"({"id":"msg_1","tenant":"acme","credential":"acme-1","sender":"a@example.com",
        "accepted_at":"2026-11-23T12:00:00.123Z","size":20480,"recipients":1,"pending":[],
        "timeline":[
         {"time":"2026-11-23T12:00:00.123Z","kind":"accepted","recipient":null,"text":"Accepted from 192.0.2.9","facts":{}},
         {"time":"2026-11-24T00:00:01.000Z","kind":"deferred","recipient":"b@example.org","text":null,
          "facts":{"host":"mx.example.org","address":"192.0.2.7","port":25,"reply":"451 4.7.1 Later","next_attempt":"2026-11-24T00:05:00.000Z"},
          "transcript":"S: 220 hello\nC: EHLO a\n"}]})");
    const std::string page = render("message.show", message);
    EXPECT_THAT(page, HasSubstr("msg_1  from a@example.com  20.0 KiB  1 recipient(s)"));
    EXPECT_THAT(page, HasSubstr("2026-11-23\n  12:00:00.123   accepted\n                 Accepted from 192.0.2.9\n"));
    EXPECT_THAT(page, HasSubstr("2026-11-24\n  00:00:01.000   deferred b@example.org\n                 mx.example.org "
                                "[192.0.2.7]:25: 451 4.7.1 Later; next attempt 2026-11-24 00:05:00\n"));
    EXPECT_THAT(page, HasSubstr("                 | S: 220 hello\n                 | C: EHLO a\n"));
}

TEST(Rendering, StandsMembersThatAreMissingOrOfAnotherType) {
    for (const CommandSpec& command : command_table())
        for (
            const char* result :
            {"null", "{}", "[]", "5", R"({"entries":5,"sites":[1],"destinations":[2],"answers":[{}],"timeline":[[]]})",
             R"({"sites":[{"sources":[3,{"changes":[4],"limits":[5],"connect":6}],"hosts":7}],"sources":[{"values":[8]}]})"})
            if (!command.request.empty()) (void)render(command.request, boost::json::parse(result));
}

TEST(Rendering, CutsLongCellsByCharacters) {
    EXPECT_EQ(shortened("ñandú", 5), "ñandú");
    EXPECT_EQ(shortened("ñandúes", 5), "ñand…");
}

}  // namespace
}  // namespace relevo::cli
