// How well a throttle does against servers of every kind. Bars are asserted for 20 seeds each.
#include "tests/simulation/simulator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace relevo::simulation {
namespace {

using shaping::Limits;
using shaping::Rates;
using shaping::Throttle;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr unsigned seeds = 2;  // slow there, and of the same code
#else
constexpr unsigned seeds = 20;
#endif

struct Course {
    std::unique_ptr<Receiver> receiver;
    std::unique_ptr<Throttle> throttle;
    std::unique_ptr<Simulator> simulator;

    void run(std::chrono::seconds length) { simulator->run_until(start + length); }
    [[nodiscard]] double refused_share(seconds from, seconds to) const {
        const Second sum = simulator->between(from, to);
        return sum.attempts == 0 ? 0 : sum.refused_for_rate / static_cast<double>(sum.attempts);
    }
    // Of what the receiver takes.
    [[nodiscard]] double yield(seconds from, seconds to) const {
        return simulator->between(from, to).accepted / simulator->possible_between(from, to);
    }
    // Seed 1 is what people look at.
    void show(const std::string& name, unsigned seed) const {
        const char* folder = std::getenv("RELEVO_SIMULATION_CSV");
        if (folder == nullptr || seed != 1) return;
        std::filesystem::create_directories(folder);
        std::ofstream(fmt::format("{}/{}.csv", folder, name)) << simulator->csv();
        std::ofstream log(fmt::format("{}/{}.log", folder, name));
        for (const auto& change : throttle->status(simulator->now()).changes)
            log << fmt::format("{:6d} s  {}\n", std::chrono::floor<seconds>(change.time() - start).count(),
                               change.text(mail::Language::english));
    }
};

Course course(std::unique_ptr<Receiver> receiver, SenderOptions options, Limits limits = {}) {
    Course made;
    made.receiver = std::move(receiver);
    made.throttle = std::make_unique<Throttle>(std::make_shared<const Limits>(limits));
    made.simulator = std::make_unique<Simulator>(*made.throttle, *made.receiver, options);
    return made;
}

class EachSeed : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Simulation, EachSeed, testing::Range(1U, seeds + 1));

TEST_P(EachSeed, ATokenBucketIsFilledAndHardlyOverrun) {
    for (const double rate : {0.5, 2.0, 10.0, 60.0}) {
        for (const double burst_seconds : {1.0, 10.0}) {
            SCOPED_TRACE(fmt::format("{} a second, burst of {} s", rate, burst_seconds));
            Course any = course(
                std::make_unique<TokenBucket>(std::vector{RateFrom{start, rate}}, std::max(1.0, rate * burst_seconds)),
                {.connections = 30, .seed = GetParam()});
            any.run(minutes(30));
            EXPECT_LE(any.refused_share(minutes(5), minutes(30)), 0.05);
            EXPECT_GE(any.yield(minutes(5), minutes(30)), 0.85);
            any.show(fmt::format("bucket-{}-{}", rate, burst_seconds), GetParam());
        }
    }
}

TEST_P(EachSeed, ABucketThatChangesFromTenToTwoAndBackIsFollowed) {
    Course any = course(
        std::make_unique<TokenBucket>(
            std::vector{RateFrom{start, 10}, RateFrom{start + minutes(20), 2}, RateFrom{start + minutes(40), 10}}, 20),
        {.seed = GetParam()});
    any.run(minutes(70));
    EXPECT_LE(any.refused_share(minutes(2), minutes(20)), 0.05);
    EXPECT_GE(any.yield(minutes(2), minutes(20)), 0.85);
    EXPECT_LE(any.refused_share(minutes(22), minutes(40)), 0.05);
    EXPECT_GE(any.yield(minutes(22), minutes(40)), 0.85);
    EXPECT_LE(any.refused_share(minutes(45), minutes(70)), 0.05);
    EXPECT_GE(any.yield(minutes(45), minutes(70)), 0.85);
    any.show("bucket-changes", GetParam());
}

TEST_P(EachSeed, SlowAnswersOverManyConnectionsAreNoReasonToOverrun) {
    using std::chrono::milliseconds;
    Course any = course(std::make_unique<TokenBucket>(std::vector{RateFrom{start, 20}}, 40),
                        {.connections = 200,
                         .least_latency = milliseconds(1000),
                         .most_latency = milliseconds(4000),
                         .seed = GetParam()});
    any.run(minutes(40));
    EXPECT_LE(any.refused_share(minutes(10), minutes(40)), 0.05);
    EXPECT_GE(any.yield(minutes(10), minutes(40)), 0.85);
    any.show("bucket-slow-answers", GetParam());
}

// Three refusals in a row close it for five minutes. Whoever asks for the limit pays: it is asked for rarely.
TEST_P(EachSeed, AServerThatPunishesIsSeldomProvoked) {
    Course any = course(std::make_unique<Punishing>(10, 20, minutes(5)), {.seed = GetParam()});
    any.run(hours(4));
    EXPECT_LE(any.refused_share(hours(1), hours(4)), 0.01);
    EXPECT_GE(any.yield(hours(1), hours(4)), 0.85);
    any.show("punishing", GetParam());
}

// Full minutes and hours, as many providers count them. The first refusal of a window comes when the rest is closed.
TEST_P(EachSeed, CountsOfWholeMinutesAndHoursAreUsedUp) {
    for (const auto& [limit, length] : {std::pair<unsigned, seconds>{600, minutes(1)},
                                        {60, minutes(1)},
                                        {3600, hours(1)},
                                        {1000, hours(1)},
                                        {200, hours(1)}}) {
        SCOPED_TRACE(fmt::format("{} in {} s", limit, length.count()));
        Course any = course(std::make_unique<FixedWindow>(limit, length), {.seed = GetParam()});
        // Two windows tell how long one is.
        const seconds settled = 2 * length, end = length + hours(length == hours(1) ? 7 : 1);
        any.run(end);
        EXPECT_LE(any.refused_share(settled, end), 0.05);
        EXPECT_GE(any.yield(settled, end), 0.85);
        any.show(fmt::format("window-{}-in-{}s", limit, length.count()), GetParam());
    }
}

TEST_P(EachSeed, GreylistingDoesNotSlowASource) {
    // As fast as its connections allow, whatever the first answers are.
    Course any =
        course(std::make_unique<Greylist>(minutes(5)), {.offered = 20, .retry_after = minutes(6), .seed = GetParam()});
    any.run(hours(1));
    EXPECT_EQ(any.throttle->state().pace.rate, 0);
    EXPECT_TRUE(any.throttle->status(any.simulator->now()).changes.empty());
    const Second later = any.simulator->between(minutes(10), hours(1));
    EXPECT_GE(later.accepted, 0.98 * 20 * 50 * 60);
    any.show("greylisting", GetParam());
}

TEST_P(EachSeed, ABlockClosesTheSourceAndItReopensByItself) {
    for (const auto where : {Blocking::Where::reply, Blocking::Where::greeting}) {
        SCOPED_TRACE(where == Blocking::Where::reply ? "reply" : "greeting");
        Course any = course(std::make_unique<Blocking>(start + minutes(20), start + minutes(80), where),
                            {.offered = 20, .retry_after = minutes(30), .seed = GetParam()});
        any.run(hours(4));
        // What was on its way, and a few probes.
        EXPECT_LE(any.simulator->between(minutes(20), minutes(80)).refused_for_block, 20U + 5U);
        // At most an hour after it ended; then what has waited goes too.
        EXPECT_GE(any.simulator->between(minutes(140), hours(4)).accepted, 20U * 60 * 100);
        EXPECT_EQ(any.simulator->between(minutes(140), hours(4)).refused_for_block, 0U);
        EXPECT_LT(any.throttle->state().pace.rate, 400) << "what nobody used is not learned";
        any.show(where == Blocking::Where::reply ? "block-in-replies" : "block-in-greeting", GetParam());
    }
}

TEST_P(EachSeed, AServerWithFewConnectionsIsNotPestered) {
    for (const unsigned limit : {1U, 3U, 10U}) {
        SCOPED_TRACE(limit);
        Course any = course(std::make_unique<FewConnections>(limit), {.connections = 40, .seed = GetParam()});
        any.run(minutes(30));
        EXPECT_LE(any.refused_share(minutes(5), minutes(30)), 0.01);
        // 100 ms a message on the average, and a connection for each 100.
        EXPECT_GE(any.simulator->between(minutes(5), minutes(30)).accepted, 0.85 * limit * 10 * 25 * 60);
        any.show(fmt::format("connections-{}", limit), GetParam());
    }
}

TEST_P(EachSeed, ASlowServerIsServedWithAllConnections) {
    using std::chrono::milliseconds;
    Course any =
        course(std::make_unique<FewConnections>(1000),
               {.least_latency = milliseconds(4000), .most_latency = milliseconds(12'000), .seed = GetParam()});
    any.run(hours(1));
    EXPECT_EQ(any.throttle->state().pace.rate, 0);
    EXPECT_GE(any.simulator->between(minutes(5), hours(1)).accepted, 0.9 * 20 / 8.0 * 55 * 60);
    any.show("slow", GetParam());
}

TEST_P(EachSeed, ReasonsOfRecipientsAndMessagesDoNotSlowASource) {
    Course any = course(
        std::make_unique<Choosy>(std::vector<std::pair<BounceClass, double>>{{BounceClass::unknown_user, 0.1},
                                                                             {BounceClass::mailbox_full, 0.05},
                                                                             {BounceClass::policy, 0.05},
                                                                             {BounceClass::address_blocked, 0.03},
                                                                             {BounceClass::temporary_failure, 0.05}},
                                 GetParam()),
        {.offered = 20, .retry_after = hours(2), .seed = GetParam()});
    any.run(hours(1));
    EXPECT_EQ(any.throttle->state().pace.phase, shaping::AdaptivePace::Phase::open);
    EXPECT_GE(any.simulator->between(seconds(0), hours(1)).attempts, 0.99 * 20 * 3600);
}

TEST_P(EachSeed, AFewRefusalsForRateAmongMuchMailCostLittle) {
    // Some providers say "too fast" of one mailbox that gets too much.
    Course any =
        course(std::make_unique<Choosy>(std::vector<std::pair<BounceClass, double>>{{BounceClass::rate_limited, 0.001}},
                                        GetParam()),
               {.offered = 20, .seed = GetParam()});
    any.run(hours(2));
    EXPECT_GE(any.simulator->between(seconds(0), hours(2)).accepted, 0.8 * 20 * 7200);
    any.show("few-refusals", GetParam());
}

TEST_P(EachSeed, MailThatIsDislikedSlowsItsSourceDownButDoesNotStopIt) {
    Course any = course(std::make_unique<Choosy>(
                            std::vector<std::pair<BounceClass, double>>{{BounceClass::spam_content, 0.5}}, GetParam()),
                        {.offered = 20, .retry_after = hours(3), .seed = GetParam()});
    any.run(hours(1));
    const Second late = any.simulator->between(minutes(30), hours(1));
    EXPECT_LE(late.attempts, 0.5 * 20 * 1800);
    EXPECT_GE(late.attempts, 0.08 * 20 * 1800);
    any.show("disliked", GetParam());
}

TEST_P(EachSeed, WrittenLimitsAreKeptToThePoint) {
    Limits limits;
    limits.message_rate = Rates{.per_second = 8, .per_hour = 20'000};
    limits.connections = 5;
    Course any = course(std::make_unique<FewConnections>(1000), {.seed = GetParam()}, limits);
    any.run(hours(3));
    std::uint32_t most = 0, most_connections = 0;
    for (const Second& second : any.simulator->seconds()) {
        most = std::max(most, second.attempts);
        most_connections = std::max(most_connections, second.connections);
    }
    EXPECT_LE(most, 10U) << "what is sent in one second may be taken in the next";
    EXPECT_EQ(most_connections, 5U);
    for (int hour = 0; hour < 3; ++hour)
        EXPECT_LE(any.simulator->between(hours(hour), hours(hour + 1)).attempts, 20'000U);
    EXPECT_GE(any.simulator->between(hours(0), hours(3)).attempts, 0.97 * 3 * 20'000);
    any.show("written-limits", GetParam());
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
    const auto run = [](unsigned seed) {
        Course any = course(std::make_unique<TokenBucket>(std::vector{RateFrom{start, 5}}, 10), {.seed = seed});
        any.run(minutes(10));
        return any.simulator->csv();
    };
    EXPECT_EQ(run(3), run(3));
    EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace relevo::simulation
