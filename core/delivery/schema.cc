#include "core/delivery/schema.h"

#include <array>

namespace relevo {
namespace {

// Times are milliseconds since 1970. Counts: "quarter current before before before before", the numbers of a
// shaping::SlidingCount.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE throttle (
    source TEXT NOT NULL,
    shaping_key TEXT NOT NULL,
    messages_of_hour TEXT NOT NULL,
    messages_of_day TEXT NOT NULL,
    connections_of_hour TEXT NOT NULL,
    connections_of_day TEXT NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    ceiling DOUBLE PRECISION NOT NULL,
    phase BIGINT NOT NULL,
    cause TEXT NOT NULL,
    level BIGINT NOT NULL,
    resume_at BIGINT NOT NULL,
    connections BIGINT NOT NULL,
    warm_up_day BIGINT NOT NULL,
    warm_up_ended BIGINT NOT NULL,
    warm_up_target BIGINT NOT NULL,
    warm_up_sent BIGINT NOT NULL,
    warm_up_delivered BIGINT NOT NULL,
    warm_up_deferred BIGINT NOT NULL,
    warm_up_bounced BIGINT NOT NULL,
    warm_up_complained BIGINT NOT NULL,
    PRIMARY KEY (source, shaping_key)
);

CREATE TABLE drained_source (
    source TEXT PRIMARY KEY,
    cause BIGINT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    times BIGINT NOT NULL
);
)sql";

// Messages that were under way when the process died, and in how many runs in a row; the last such run that was
// counted.
constexpr std::string_view suspects_schema = R"sql(
CREATE TABLE suspect (message_id BIGINT PRIMARY KEY, runs BIGINT NOT NULL);
CREATE TABLE cut_off_run (id INTEGER PRIMARY KEY, run BIGINT NOT NULL);
)sql";

constexpr std::array migrations = {Migration{"delivery", 1, initial_schema}, Migration{"delivery", 2, suspects_schema}};

}  // namespace

std::span<const Migration> delivery_migrations() { return migrations; }

}  // namespace relevo
