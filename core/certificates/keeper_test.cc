#include "core/certificates/keeper.h"

#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "adapters/simulation/simulated_disk.h"
#include "core/certificates/challenge_board.h"
#include "lib/acme/scripted_authority.h"
#include "lib/acme/test_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using State = CertificateStatus::State;

class Inline final : public Background {
 public:
    void post(std::move_only_function<void()> work) override { work(); }
};

// The authority behind WebPages. It signs nothing: its chain is a self-signed certificate for the key of the folder.
class AuthorityPages final : public WebPages {
 public:
    acme::ScriptedAuthority authority;
    std::function<void()> before_answer = [] {};
    std::optional<Error> fault{};
    std::vector<PageRequest> requests{};

    Task<Result<Page>> fetch(PageRequest request) override {
        before_answer();
        requests.push_back(request);
        if (fault) co_return std::unexpected(*fault);
        const acme::AuthorityAnswer answer =
            authority.answer({"https://" + request.host + request.path,
                              request.post ? std::optional(request.post->octets) : std::nullopt});
        co_return Page{
            .status = answer.status,
            .content_type = {},
            .body = answer.body,
            .fields = {{"replay-nonce", answer.nonce},
                       {"location", answer.location},
                       {"retry-after", answer.retry_after ? std::to_string(answer.retry_after->count()) : ""}}};
    }
};

class BoardPublisher final : public ChallengePublisher {
 public:
    ChallengeBoard board;
    std::vector<std::string> tokens{};
    Task<Result<void>> publish(acme::Publish challenge) override {
        tokens.push_back(challenge.token);
        board.put(challenge.token, challenge.key_authorization);
        co_return Result<void>();
    }
    Task<> withdraw(acme::Publish challenge) override {
        board.remove(challenge.token);
        co_return;
    }
};

constexpr std::string_view name = "mail.example.com";

class CertificateKeeperTest : public testing::Test {
 protected:
    CertificateKeeperTest() {
        resolver.address("ca.example", "192.0.2.1");
        const auto pair = acme::issued_certificate(name);
        key = pair.key;
        chain = pair.certificate;
        pages.authority.chain = chain;
        restart();
    }

    // As a new process would find the disk.
    void restart() {
        keeper = std::make_unique<CertificateKeeper>(
            CertificateKeeper::Ports{.shard = shard,
                                     .resolver = resolver,
                                     .pages = pages,
                                     .background = background,
                                     .publisher = publisher,
                                     .log = log,
                                     .metrics = metrics,
                                     .open_folder = [this]() -> Result<std::unique_ptr<Disk>> {
                                         auto opened = std::make_unique<simulation::SimulatedDisk>(image);
                                         disk = opened.get();
                                         return std::unique_ptr<Disk>(std::move(opened));
                                     },
                                     .names = [this] { return names; },
                                     .former_key = [this](const std::string&) { return std::optional(key); },
                                     .installed = [this]() -> Task<Result<void>> {
                                         ++installed;
                                         co_return Result<void>();
                                     },
                                     .tell = [this](Event event) -> Task<> {
                                         told.push_back(std::move(event));
                                         co_return;
                                     },
                                     .chance = [this] { return chance; },
                                     .now = [this] { return now; }},
            options());
    }
    static KeeperOptions options() {
        return {.enabled = true,
                .directory = parse_https_url("https://ca.example/directory").value(),
                .orders_per_hour = 5};
    }

    bool round() {
        bool ordered = false;
        const auto task = [&]() -> Task<> {
            ordered = co_await keeper->round();
            shard.stop();
        };
        shard.context().restart();
        shard.spawn(task());
        shard.run();
        if (disk != nullptr) image = disk->image();
        return ordered;
    }
    CertificateStatus status() { return keeper->list().at(0); }

    Shard shard{0};
    MemoryResolver resolver;
    MemoryLog log;
    MemoryMetrics metrics;
    Inline background;
    AuthorityPages pages;
    BoardPublisher publisher;
    simulation::SimulatedDisk* disk = nullptr;
    simulation::DiskImage image;
    std::string key, chain;
    std::vector<std::string> names{std::string(name)};
    WallClock::time_point now = WallClock::now();
    double chance = 0.0;
    int installed = 0;
    std::vector<Event> told;
    std::unique_ptr<CertificateKeeper> keeper;
};

TEST_F(CertificateKeeperTest, OrdersWhatIsMissingAndPutsItInForce) {
    EXPECT_TRUE(round());
    EXPECT_EQ(status().state, State::valid);
    EXPECT_EQ(installed, 1);
    ASSERT_THAT(told, testing::SizeIs(1));
    EXPECT_EQ(told[0].kind, EventKind::certificate_issued);
    EXPECT_EQ(told[0].subject, "certificate:mail.example.com");
    EXPECT_THAT(told[0].detail, testing::Not(HasSubstr("PRIVATE KEY")));
    EXPECT_EQ(image.at("mail.example.com.pem"), chain);
    EXPECT_EQ(image.at("mail.example.com.key"), key) << "the key from before is kept";
    EXPECT_THAT(publisher.tokens, ElementsAre("tok_en-1"));
    EXPECT_FALSE(publisher.board.answer_to("/.well-known/acme-challenge/tok_en-1")) << "it is withdrawn";
    EXPECT_FALSE(round()) << "nothing is due";
    EXPECT_EQ(metrics.counted("relevo_acme_orders_total{result=issued}"), 1U);
    EXPECT_EQ(metrics.level("relevo_acme_names_without_certificate"), 0);
    for (const std::string& line : log.lines()) EXPECT_THAT(line, testing::Not(HasSubstr("PRIVATE KEY")));  // row E12
}

TEST_F(CertificateKeeperTest, RenewsByItselfAndNotBefore) {
    round();
    restart();
    EXPECT_FALSE(round()) << "a restart orders nothing";
    const auto facts = *status().facts;
    const auto due = status().due_at;
    EXPECT_GT(due, facts.not_before + (facts.not_after - facts.not_before) / 2);
    EXPECT_LT(due, facts.not_after);
    now = due;
    pages.authority = acme::ScriptedAuthority();
    pages.authority.chain = chain;
    EXPECT_TRUE(round());
    EXPECT_EQ(installed, 2);
    EXPECT_EQ(told.back().kind, EventKind::certificate_renewed);
}

TEST_F(CertificateKeeperTest, TellsAFailureAndWaitsEvenThroughARestart) {
    pages.authority.on("/order", acme::ScriptedAuthority::problem(403, "caa", "CAA forbids it"));
    EXPECT_TRUE(round());
    EXPECT_EQ(status().failures, 1U);
    ASSERT_THAT(told, testing::SizeIs(1));
    EXPECT_EQ(told[0].kind, EventKind::certificate_failed);
    EXPECT_THAT(told[0].detail, HasSubstr("CAA")) << "with the reason";
    EXPECT_THAT(status().problem.english, HasSubstr("CAA record of mail.example.com forbids"));
    EXPECT_THAT(status().problem.spanish, HasSubstr("el registro CAA de mail.example.com prohíbe"));
    EXPECT_EQ(log.count("acme.failed"), 1U);
    EXPECT_EQ(metrics.counted("relevo_acme_orders_total{result=failed}"), 1U);
    EXPECT_EQ(metrics.level("relevo_acme_names_without_certificate"), 1);
    restart();
    EXPECT_FALSE(round());
    EXPECT_EQ(status().failures, 1U);
    now += std::chrono::minutes(10);
    EXPECT_TRUE(round());
    EXPECT_EQ(status().state, State::valid);
    EXPECT_EQ(status().problem.english, "");
    EXPECT_EQ(status().problem.spanish, "");
}

TEST_F(CertificateKeeperTest, LeavesALimitedAuthorityAloneForAllNamesAndEvenIfAsked) {
    names = {std::string(name), "other.example.com"};
    acme::AuthorityAnswer limited = acme::ScriptedAuthority::problem(429, "rateLimited", "too many");
    limited.retry_after = std::chrono::hours(3);
    pages.authority.on("/order", limited);
    EXPECT_TRUE(round());
    EXPECT_FALSE(round());
    const auto refused = keeper->renew(std::string(name));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::limit);
    EXPECT_THAT(refused.error().detail, HasSubstr("wants no order for mail.example.com before"));
    now += std::chrono::minutes(61);
    EXPECT_TRUE(keeper->renew("other.example.com").has_value()) << "it may have been a limit of one name";
    now += std::chrono::hours(2);
    EXPECT_TRUE(keeper->renew(std::string(name)).has_value());
}

TEST_F(CertificateKeeperTest, MakesNoMoreOrdersInAnHourThanItMay) {
    for (int i = 0; i < 5; ++i) {
        pages.authority.on("/order", acme::ScriptedAuthority::problem(500, "serverInternal", "sorry"));
        ASSERT_TRUE(round());
        if (i < 4) ASSERT_TRUE(keeper->renew("").has_value());
    }
    restart();  // the orders are remembered
    round();
    EXPECT_EQ(keeper->renew("").error().kind, ErrorKind::limit);
    now += std::chrono::minutes(61);
    EXPECT_TRUE(keeper->renew("").has_value());
    EXPECT_TRUE(round());
}

TEST_F(CertificateKeeperTest, WritesKeysAndTheOrderBeforeTheAuthorityIsAsked) {
    bool is_first = true;
    pages.before_answer = [&] {
        if (!std::exchange(is_first, false)) return;
        const auto written = disk->image();
        EXPECT_TRUE(written.contains("account.key"));
        EXPECT_TRUE(written.contains("mail.example.com.key"));
        EXPECT_THAT(written.at("account.json"), testing::Not(HasSubstr(R"("orders":[])")));
        EXPECT_EQ(disk->calls().back().kind, simulation::Call::Kind::sync_folder);
    };
    EXPECT_TRUE(round());
    EXPECT_FALSE(is_first);
}

TEST_F(CertificateKeeperTest, GoesOnWithTheOrderOfAProcessThatDied) {
    // Dies after the order was made: what is on the disk then is all that the next process has.
    simulation::DiskImage at_death;
    pages.before_answer = [&] {
        if (pages.authority.asked.size() == 5) at_death = disk->image();
    };
    round();
    EXPECT_THAT(at_death.at("mail.example.com.json"), HasSubstr("https://ca.example/order/1"));
    image = at_death;
    pages.before_answer = [] {};
    pages.authority.asked.clear();
    restart();
    disk = nullptr;
    EXPECT_TRUE(round());
    EXPECT_EQ(std::ranges::count(pages.authority.asked, "/order"), 0) << "no second order";
    EXPECT_EQ(std::ranges::count(pages.authority.asked, "/account"), 0) << "no second account";
    EXPECT_EQ(status().state, State::valid);
}

TEST_F(CertificateKeeperTest, AFullDiskIsToldAndCostsNoOrder) {
    round();
    ASSERT_NE(disk, nullptr);
    round();  // asks when to renew
    disk->set_fault([](const simulation::Call& call) -> std::optional<Error> {
        if (call.kind == simulation::Call::Kind::write) return Error{ErrorKind::full, "no space left"};
        return std::nullopt;
    });
    pages.authority.asked.clear();
    ASSERT_TRUE(keeper->renew("").has_value());
    EXPECT_TRUE(status().is_being_ordered) << "from when it is asked for: who looks on shall go on looking";
    EXPECT_TRUE(round());
    EXPECT_FALSE(status().is_being_ordered);
    EXPECT_TRUE(pages.authority.asked.empty());
    EXPECT_THAT(status().problem.english, HasSubstr("no space left"));
    EXPECT_EQ(status().state, State::valid) << "the former certificate stays";
}

TEST_F(CertificateKeeperTest, AnAuthorityThatCannotBeReachedIsTold) {
    pages.fault = Error{ErrorKind::timeout, "no answer within 30 s"};
    EXPECT_TRUE(round());
    EXPECT_THAT(status().problem.english, HasSubstr("the authority at ca.example port 443 cannot be asked: no answer"));
}

TEST_F(CertificateKeeperTest, LeavesOutNamesThatAreNone) {
    names = {"localhost",  "192.0.2.1",     "../../etc/passwd", "a..example",
             "-a.example", "UPPER.example", std::string(name)};
    EXPECT_TRUE(round());
    EXPECT_EQ(keeper->list().size(), 1U);
    EXPECT_EQ(log.count("acme.name_left_out"), 6U);
    EXPECT_EQ(keeper->renew("localhost").error().kind, ErrorKind::not_found);
}

// A window of the authority, from and to so many hours from now on.
std::string window_of(WallClock::time_point now, int from, int to) {
    const auto at = [&](int hours) { return utc_text(now + std::chrono::hours(hours)); };
    return R"({"suggestedWindow":{"start":")" + at(from) + R"(","end":")" + at(to) +
           R"("},"explanationURL":"https://ca.example/why"})";
}

TEST_F(CertificateKeeperTest, RenewsAtAMomentOfTheWindowThatTheAuthoritySuggests) {  // RFC 9773 §4.2
    pages.authority.renewal_info = window_of(now, 40, 44);
    chance = 0.5;
    round();
    round();
    ASSERT_TRUE(status().suggested.has_value());
    EXPECT_EQ(status().suggested->explanation, "https://ca.example/why");
    const auto due = std::chrono::floor<std::chrono::seconds>(now) + std::chrono::hours(42);
    EXPECT_EQ(status().due_at, due);
    EXPECT_EQ(log.count("acme.renewal_suggested"), 1U);
    chance = 0.9;
    restart();
    now += std::chrono::hours(7);
    EXPECT_FALSE(round());
    EXPECT_EQ(status().due_at, due) << "the moment is drawn once for a window, through looks and restarts";
    now = due;
    EXPECT_TRUE(round());
}

TEST_F(CertificateKeeperTest, AsksAgainWhenTheAuthorityWishes) {  // RFC 9773 §4.3
    pages.authority.renewal_info = window_of(now, 40, 44);
    pages.authority.renewal_retry_after = std::chrono::hours(2);
    const auto looks = [this] {
        return std::ranges::count_if(pages.authority.asked,
                                     [](const auto& path) { return path.starts_with("/renewal/"); });
    };
    round();
    round();
    EXPECT_EQ(looks(), 1);
    now += std::chrono::minutes(119);
    round();
    EXPECT_EQ(looks(), 1);
    now += std::chrono::minutes(1);
    pages.authority.renewal_info = window_of(now, -2, -1);  // it was revoked
    pages.authority.authorization_status = pages.authority.order_status = "pending";
    EXPECT_TRUE(round()) << "renewed at once";
    EXPECT_EQ(looks(), 2);
    now += std::chrono::hours(2);
    round();
    EXPECT_FALSE(round()) << "but not again and again";
    EXPECT_EQ(status().due_at, now + std::chrono::hours(4));
}

TEST_F(CertificateKeeperTest, SaysWhatANewCertificateReplaces) {  // RFC 9773 §5
    pages.authority.renewal_info = window_of(now, 40, 44);
    round();
    const auto orders = [this] {
        std::string all;
        for (std::size_t index = 0; index < pages.authority.posted.size(); ++index)
            all += pages.authority.payload(index) + "\n";
        return all;
    };
    EXPECT_THAT(orders(), testing::AllOf(HasSubstr(R"("identifiers":[)"), testing::Not(HasSubstr("replaces"))));
    ASSERT_TRUE(keeper->renew("").has_value());
    pages.authority.authorization_status = pages.authority.order_status = "pending";
    EXPECT_TRUE(round());
    EXPECT_THAT(orders(), HasSubstr(R"("replaces":")" + status().facts->renewal_id + "\""));
}

TEST_F(CertificateKeeperTest, WithoutASuggestionItRenewsAsBefore) {
    round();
    const auto due = status().due_at;
    EXPECT_FALSE(status().suggested.has_value());
    pages.authority.renewal_info = window_of(now, 1, 2);
    now += std::chrono::hours(23);
    round();
    EXPECT_FALSE(status().suggested.has_value()) << "an authority that has none is asked once a day";
    now += std::chrono::hours(2);
    pages.authority.on("/renewal/" + status().facts->renewal_id,
                       acme::ScriptedAuthority::problem(404, "malformed", "who?"));
    EXPECT_FALSE(round());
    EXPECT_EQ(status().due_at, due);
    EXPECT_EQ(log.count("acme.suggestion_failed"), 1U);
    pages.fault = Error{ErrorKind::timeout, "no answer within 30 s"};
    now += std::chrono::hours(6);
    EXPECT_FALSE(round());
    EXPECT_EQ(status().due_at, due);
    const std::size_t asked = pages.requests.size();
    EXPECT_FALSE(round());
    EXPECT_EQ(pages.requests.size(), asked) << "a fault is not asked about again at once";
}

TEST_F(CertificateKeeperTest, SwitchedOffItAsksNobody) {
    keeper->set_options({});
    EXPECT_FALSE(round());
    EXPECT_TRUE(pages.requests.empty());
    EXPECT_EQ(keeper->renew("").error().kind, ErrorKind::unsupported);
}

}  // namespace
}  // namespace relevo
