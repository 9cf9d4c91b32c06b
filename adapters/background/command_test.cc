#include "adapters/background/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace relevo {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Result<void> run(std::string script, milliseconds time_limit = milliseconds(20'000),
                 std::vector<std::string> arguments = {}) {
    CommandRunner runner;
    CommandRequest request{.words = {"/bin/sh", "-c", std::move(script), "sh"}, .time_limit = time_limit};
    request.words.insert(request.words.end(), arguments.begin(), arguments.end());
    return runner.run(request);
}

TEST(CommandRunner, GivesWordsAsTheyAre) {
    EXPECT_TRUE(run("test \"$1\" = '$(touch /x); a b'", milliseconds(20'000), {"$(touch /x); a b"}).has_value());
}

TEST(CommandRunner, TellsTheStatusAndTheEndOfWhatWasWritten) {
    const auto failed = run("echo one; echo two >&2; exit 7");
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().kind, ErrorKind::refused);
    EXPECT_THAT(failed.error().detail, HasSubstr("ended with status 7 and said: one"));
    EXPECT_THAT(failed.error().detail, HasSubstr("two"));
    const auto long_one = run("yes | head -c 300000; echo the end; exit 1");
    EXPECT_THAT(long_one.error().detail, HasSubstr("the end"));
    EXPECT_LE(long_one.error().detail.size(), 2 * CommandRunner::output_limit_octets);
    EXPECT_THAT(run("kill -9 $$").error().detail, HasSubstr("signal 9"));
}

TEST(CommandRunner, EndsWhatTakesTooLongWithAllThatItHasStarted) {
    const auto began = std::chrono::steady_clock::now();
    const auto late = run("tail -f /dev/null & tail -f /dev/null", milliseconds(100));
    EXPECT_EQ(late.error().kind, ErrorKind::timeout);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(CommandRunner, CancellingEndsWhatRunsAndWhatWouldBegin) {
    CommandRunner runner;
    std::thread other([&] { runner.cancel(); });
    EXPECT_EQ(runner.run({.words = {"/usr/bin/tail", "-f", "/dev/null"}}).error().kind, ErrorKind::cancelled);
    other.join();
    EXPECT_EQ(runner.run({.words = {"/usr/bin/tail", "-f", "/dev/null"}}).error().kind, ErrorKind::cancelled);
}

TEST(CommandRunner, ProgramsGetNothingOfOurs) {
    ::setenv("RELEVO_SECRET_OF_THE_TEST", "x", 1);
    EXPECT_TRUE(run("test -z \"$RELEVO_SECRET_OF_THE_TEST\" && test ! -e /proc/self/fd/5").has_value());
}

TEST(CommandRunner, AMissingProgramIsTold) {
    CommandRunner runner;
    EXPECT_THAT(runner.run({.words = {"/nonexistent/hook"}}).error().detail,
                HasSubstr("/nonexistent/hook cannot be run: No such file or directory"));
}

}  // namespace
}  // namespace relevo
