#include "adapters/telemetry/metrics_registry.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace relevo::telemetry {
namespace {

// What render() says before the process's own numbers.
std::string own_part(const MetricsRegistry& registry) {
    const std::string text = registry.render();
    return text.substr(0, text.find("# HELP process_"));
}

TEST(MetricsRegistry, RendersCountersAndGaugesByLabel) {
    MetricsRegistry registry;
    registry.counter("relevo_accepted_total", "Messages accepted.", {{"listener", "smtp"}}).add(3);
    registry.counter("relevo_accepted_total", "Messages accepted.", {{"listener", "a\"b\\c\n"}}).add();
    registry.gauge("relevo_open", "Open.\nNow.").set(-2);
    EXPECT_EQ(own_part(registry),
              "# HELP relevo_accepted_total Messages accepted.\n# TYPE relevo_accepted_total counter\n"
              "relevo_accepted_total{listener=\"a\\\"b\\\\c\\n\"} 1\n"
              "relevo_accepted_total{listener=\"smtp\"} 3\n"
              "# HELP relevo_open Open.\\nNow.\n# TYPE relevo_open gauge\nrelevo_open -2\n");
}

TEST(MetricsRegistry, RendersHistogramsCumulatively) {
    MetricsRegistry registry;
    constexpr std::array bounds = {0.1, 1.0};
    Histogram& histogram = registry.histogram("relevo_seconds", "Time.", bounds, {{"stage", "data"}});
    for (const double value : {0.1, 0.5, 0.75, 4.0}) histogram.observe(value);
    EXPECT_EQ(own_part(registry),
              "# HELP relevo_seconds Time.\n# TYPE relevo_seconds histogram\n"
              "relevo_seconds_bucket{stage=\"data\",le=\"0.1\"} 1\n"
              "relevo_seconds_bucket{stage=\"data\",le=\"1\"} 3\n"
              "relevo_seconds_bucket{stage=\"data\",le=\"+Inf\"} 4\n"
              "relevo_seconds_sum{stage=\"data\"} 5.35\n"
              "relevo_seconds_count{stage=\"data\"} 4\n");
}

TEST(MetricsRegistry, GivesTheSameObjectForTheSameNameAndLabels) {
    MetricsRegistry registry;
    EXPECT_EQ(&registry.counter("a_total", ""), &registry.counter("a_total", ""));
    EXPECT_NE(&registry.counter("a_total", "", {{"x", "1"}}), &registry.counter("a_total", "", {{"x", "2"}}));
}

TEST(MetricsRegistry, LosesNoAdditionFromAnyThread) {
    MetricsRegistry registry;
    constexpr std::array bounds = {1.0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&registry, &bounds] {
            Counter& counter = registry.counter("a_total", "");
            Histogram& histogram = registry.histogram("b", "", bounds);
            for (int round = 0; round < 5000; ++round) {
                counter.add();
                histogram.observe(2);
            }
            EXPECT_FALSE(registry.render().empty());
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(registry.counter("a_total", "").value(), 20000U);
    EXPECT_EQ(registry.histogram("b", "", bounds).sum(), 40000.0);
}

TEST(MetricsRegistry, TellsOfTheProcess) {
    const std::string text = MetricsRegistry().render();
    for (const std::string name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"})
        EXPECT_NE(text.find("\n" + name + " "), std::string::npos) << text;
    const std::string start = "\nprocess_start_time_seconds ";
    const double started = std::stod(text.substr(text.find(start) + start.size()));
    const auto now = static_cast<double>(std::time(nullptr));
    EXPECT_LE(started, now + 1);
    EXPECT_GT(started, now - 600) << "this test has not run for ten minutes";
}

}  // namespace
}  // namespace relevo::telemetry
