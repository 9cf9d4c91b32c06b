#include "adapters/telemetry/line_log.h"

#include "adapters/telemetry/line_format.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace relevo::telemetry {
namespace {

struct TemporaryFile {
    TemporaryFile() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-log-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        path = folder + "/relevo.log";
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove_all(folder); }
    std::string folder;
    std::string path;
};

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

std::unique_ptr<LineLog> must_open(LineLogOptions options) {
    auto log = LineLog::open(std::move(options));
    EXPECT_TRUE(log) << (log ? "" : log.error().detail);
    return std::move(*log);
}

std::string line_with(Field field) {
    std::string line;
    append_line(line, LineFormat::json,
                std::chrono::system_clock::time_point(std::chrono::microseconds(1767225600000123)), Level::info,
                "test.event", {field});
    return line;
}

TEST(LineFormat, WritesOneLineOfTextPerEvent) {
    std::string line;
    append_line(line, LineFormat::text,
                std::chrono::system_clock::time_point(std::chrono::microseconds(1767225600000123)), Level::warning,
                "test.event", {{"peer", "a\nb"}, {"size", 7}});
    EXPECT_EQ(line, "2026-01-01T00:00:00.000123Z warning test.event peer=\"a\\\\x0ab\" size=7\n");
}

TEST(LineFormat, WritesOneJsonObjectPerEvent) {
    const std::string start = R"({"time":"2026-01-01T00:00:00.000123Z","level":"info","event":"test.event","value":)";
    struct Case {
        Field field;
        std::string expected;
    };
    const Case cases[] = {{{"value", "plain text"}, R"("plain text")"},
                          {{"value", -7}, "-7"},
                          {{"value", true}, "true"},
                          {{"value", 0.25}, "0.25"},
                          {{"value", std::nan("")}, "null"},
                          {{"value", R"(a"b\c)"}, R"("a\"b\\c")"},
                          {{"value", "línea"}, R"("línea")"}};
    for (const Case& example : cases) EXPECT_EQ(line_with(example.field), start + example.expected + "}\n");
}

TEST(LineFormat, LetsNoValueBreakTheLineOrTheTerminal) {  // security E13
    const std::string_view hostile[] = {"a\r\nb",
                                        "\x1b[2J",
                                        "\xe2\x80\xae"
                                        "abc",
                                        "\xff\xfe",
                                        "\n",
                                        "\t",
                                        std::string_view("\0x", 2)};
    for (const std::string_view value : hostile) {
        const std::string line = line_with({"value", value});
        EXPECT_EQ(line.find('\n'), line.size() - 1);
        for (const char c : line.substr(0, line.size() - 1)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
    }
    EXPECT_LT(line_with({"value", std::string(100000, 'x')}).size(), 700U);
}

TEST(LineLog, WritesWhatIsEnabledInOrder) {
    const TemporaryFile file;
    {
        const auto log = must_open({.file = file.path});
        log->debug("not.this");
        for (int index = 0; index < 1000; ++index) log->info("count", {{"index", index}});
        log->set_minimum(Level::debug);
        log->debug("but.this");
    }
    const auto lines = lines_of(file.path);
    ASSERT_EQ(lines.size(), 1001U);
    EXPECT_NE(lines[0].find("\"index\":0}"), std::string::npos);
    EXPECT_NE(lines[999].find("\"index\":999}"), std::string::npos);
    EXPECT_NE(lines[1000].find("but.this"), std::string::npos);
}

TEST(LineLog, FollowsItsNameAfterRotation) {
    const TemporaryFile file;
    const auto log = must_open({.file = file.path});
    log->info("before");
    log->flush();
    std::filesystem::rename(file.path, file.path + ".1");
    log->reopen();
    log->flush();
    log->info("after");
    log->flush();
    EXPECT_EQ(lines_of(file.path + ".1").size(), 1U);
    ASSERT_EQ(lines_of(file.path).size(), 1U);
    EXPECT_NE(lines_of(file.path)[0].find("after"), std::string::npos);
}

// Everything that comes through the pipe until its writer closes it.
std::string drain(int reader) {
    std::string all;
    std::string buffer(65536, '\0');
    for (ssize_t count; (count = ::read(reader, buffer.data(), buffer.size())) > 0;)
        all.append(buffer, 0, static_cast<std::size_t>(count));
    return all;
}

TEST(LineLog, DropsAndCountsRatherThanWaitForAStuckReader) {
    const TemporaryFile file;
    ASSERT_EQ(::mkfifo(file.path.c_str(), 0600), 0);
    const int reader = ::open(file.path.c_str(), O_RDONLY | O_NONBLOCK);
    std::string all;
    std::thread draining;
    {
        const auto log = must_open({.file = file.path, .queue_limit_octets = 64 * kibibyte});
        const std::string much(400, 'x');
        for (int index = 0; index < 5000; ++index) log->info("flood", {{"text", much}});
        ::fcntl(reader, F_SETFL, 0);
        draining = std::thread([reader, &all] { all = drain(reader); });
        log->flush();
        log->error("last.word");
    }
    draining.join();
    ::close(reader);

    std::istringstream lines(all);
    std::size_t floods = 0;
    std::size_t told = 0;
    std::string line;
    while (std::getline(lines, line)) {
        if (line.find("\"flood\"") != std::string::npos) ++floods;
        constexpr std::string_view mark = "log.dropped\",\"lines\":";
        if (const auto at = line.find(mark); at != std::string::npos) told += std::stoul(line.substr(at + mark.size()));
    }
    EXPECT_GT(told, 0U);
    EXPECT_EQ(floods + told, 5000U);
    EXPECT_NE(all.rfind("last.word"), std::string::npos);
}

TEST(LineLog, TakesLinesFromSeveralThreadsWhole) {
    const TemporaryFile file;
    {
        const auto log = must_open({.file = file.path});
        std::vector<std::thread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&log, thread] {
                for (int index = 0; index < 500; ++index) log->info("line", {{"thread", thread}, {"index", index}});
            });
        for (std::thread& thread : threads) thread.join();
    }
    const auto lines = lines_of(file.path);
    EXPECT_EQ(lines.size(), 2000U);
    for (const std::string& line : lines) EXPECT_TRUE(line.starts_with("{\"time\"") && line.ends_with("}"));
}

TEST(LineLog, SaysWhyItCannotOpenItsFile) {
    const auto log = LineLog::open({.file = "/nonexistent/relevo.log"});
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().detail, "cannot open the log /nonexistent/relevo.log: No such file or directory");
}

TEST(LineLog, KnowsTheWordsOfItsLevels) {
    EXPECT_EQ(*parse_level("warning"), Level::warning);
    EXPECT_FALSE(parse_level("loud"));
}

TEST(LineLog, NumbersPrioritiesAsTheJournalReadsThem) {
    const TemporaryFile file;
    auto log = must_open({.file = file.path, .minimum = Level::debug, .prefix = LinePrefix::priority});
    log->debug("d", {});
    log->info("i", {});
    log->warning("w", {});
    log->error("e", {});
    log.reset();
    std::vector<std::string> prefixes;
    for (const std::string& line : lines_of(file.path)) prefixes.push_back(line.substr(0, 4));
    EXPECT_EQ(prefixes, (std::vector<std::string>{"<7>{", "<6>{", "<4>{", "<3>{"}));
}

TEST(LineLog, RemembersTheLastProblems) {
    const TemporaryFile file;
    auto log = must_open({.file = file.path, .format = LineFormat::text, .prefix = LinePrefix::priority});
    log->info("fine", {});
    for (int number = 0; number < 250; ++number) log->warning("odd", {{"number", number}});
    const std::vector<std::string> problems = log->recent_problems();
    ASSERT_EQ(problems.size(), 200U);
    EXPECT_NE(problems.front().find("number=50"), std::string::npos) << problems.front();
    EXPECT_NE(problems.back().find("number=249"), std::string::npos) << problems.back();
    EXPECT_EQ(problems.back().find_first_of("<\n"), std::string::npos);
    EXPECT_EQ(log->count_of(Level::warning), 250U);
    EXPECT_EQ(log->count_of(Level::error), 0U);
}

TEST(LineLog, KeepsLinesUntilItMayStart) {
    const TemporaryFile file;
    const LineLogOptions options{.file = file.path, .start = WriterStart::by_start};
    auto log = must_open(options);
    log->info("before", {});
    EXPECT_EQ(lines_of(file.path).size(), 0U);
    log->start();
    log->flush();
    EXPECT_EQ(lines_of(file.path).size(), 1U);

    auto never_started = must_open(options);
    never_started->info("a start that failed", {});
    never_started.reset();
    EXPECT_EQ(lines_of(file.path).size(), 2U);
}

}  // namespace
}  // namespace relevo::telemetry
