#include "app/relevo/state_metrics.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

const WallClock::time_point now = WallClock::time_point(std::chrono::seconds(1'800'000'000));

TEST(StateMetrics, TellTheAgeOfWhatWaitsAndTheMomentOfTheBackup) {
    StateNumbers numbers;
    numbers.queue = Spool::Numbers{
        .oldest_waiting = now - std::chrono::hours(2), .suspensions = 3, .last_backup = now - std::chrono::hours(24)};
    const std::string page = state_metrics(numbers, now);
    EXPECT_THAT(page, HasSubstr("\nrelevo_queue_oldest_seconds 7200\n"));
    EXPECT_THAT(page, HasSubstr("\nrelevo_suspensions 3\n"));
    EXPECT_THAT(page, HasSubstr("\nrelevo_last_backup_timestamp_seconds 1799913600\n"));
}

TEST(StateMetrics, AnEmptyQueueHasNoAgeAndAClockThatWasSetBackMakesNone) {
    StateNumbers numbers;
    numbers.queue = Spool::Numbers{};
    EXPECT_THAT(state_metrics(numbers, now), HasSubstr("\nrelevo_queue_oldest_seconds 0\n"));
    EXPECT_THAT(state_metrics(numbers, now), HasSubstr("\nrelevo_last_backup_timestamp_seconds 0\n"));
    numbers.queue->oldest_waiting = now + std::chrono::hours(1);
    EXPECT_THAT(state_metrics(numbers, now), HasSubstr("\nrelevo_queue_oldest_seconds 0\n"));
}

TEST(StateMetrics, LeaveOutWhatCouldNotBeFoundOut) {
    StateNumbers numbers;
    numbers.disk_reserve = 1024;
    numbers.damaged_pages = 3;
    const std::string page = state_metrics(numbers, now);
    EXPECT_THAT(page, Not(HasSubstr("relevo_queue_oldest_seconds")));
    EXPECT_THAT(page, Not(HasSubstr("relevo_disk_available_octets")));
    EXPECT_THAT(page, HasSubstr("\nrelevo_disk_reserve_octets 1024\n"));
    EXPECT_THAT(page, HasSubstr("\nrelevo_store_damaged_pages 3\n"));
}

TEST(StateMetrics, NamesOfCertificatesBreakNothing) {
    StateNumbers numbers;
    numbers.certificates.push_back({.file = "/etc/a\"b.pem", .names = {"mail.example\n"}, .expires = now});
    numbers.certificates.push_back({.file = "c.pem", .names = {}, .expires = now});
    EXPECT_THAT(state_metrics(numbers, now),
                HasSubstr("{name=\"mail.example \",file=\"/etc/a\\\"b.pem\"} 1800000000\n"
                          "relevo_certificate_expiry_timestamp_seconds{name=\"\",file=\"c.pem\"} 1800000000\n"));
}

}  // namespace
}  // namespace relevo
