#include "core/statistics/schema.h"

#include <array>

namespace relevo {
namespace {

// bucket: minutes, hours or days since 1970 in UTC; tenant_id 0: the whole server; dimension: Dimension; counts: see
// Counts::text().
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE statistic_minute (
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    bucket BIGINT NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (tenant_id, dimension, bucket, name)
);
CREATE INDEX statistic_minute_bucket ON statistic_minute (bucket);
CREATE TABLE statistic_hour (
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    bucket BIGINT NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (tenant_id, dimension, bucket, name)
);
CREATE INDEX statistic_hour_bucket ON statistic_hour (bucket);
CREATE TABLE statistic_day (
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    bucket BIGINT NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (tenant_id, dimension, bucket, name)
);
CREATE INDEX statistic_day_bucket ON statistic_day (bucket);
)sql";

// Keys begin with the time: what is written together lies together, old rows are at the beginning, and one index does
// for all.
constexpr std::string_view time_first_schema = R"sql(
ALTER TABLE statistic_minute RENAME TO old_statistic_minute;
ALTER TABLE statistic_hour RENAME TO old_statistic_hour;
ALTER TABLE statistic_day RENAME TO old_statistic_day;
CREATE TABLE statistic_minute (
    bucket BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (bucket, tenant_id, dimension, name)
);
CREATE TABLE statistic_hour (
    bucket BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (bucket, tenant_id, dimension, name)
);
CREATE TABLE statistic_day (
    bucket BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    dimension INTEGER NOT NULL,
    name TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (bucket, tenant_id, dimension, name)
);
INSERT INTO statistic_minute (bucket, tenant_id, dimension, name, counts)
    SELECT bucket, tenant_id, dimension, name, counts FROM old_statistic_minute ORDER BY bucket, tenant_id, dimension, name;
INSERT INTO statistic_hour (bucket, tenant_id, dimension, name, counts)
    SELECT bucket, tenant_id, dimension, name, counts FROM old_statistic_hour ORDER BY bucket, tenant_id, dimension, name;
INSERT INTO statistic_day (bucket, tenant_id, dimension, name, counts)
    SELECT bucket, tenant_id, dimension, name, counts FROM old_statistic_day ORDER BY bucket, tenant_id, dimension, name;
DROP TABLE old_statistic_minute;
DROP TABLE old_statistic_hour;
DROP TABLE old_statistic_day;
)sql";

// Messages whose recipients are looked for as scheduled, until send_at (milliseconds since 1970).
constexpr std::string_view scheduled_schema = R"sql(
CREATE TABLE scheduled (
    message_id INTEGER PRIMARY KEY,
    send_at BIGINT NOT NULL
);
CREATE INDEX scheduled_send_at ON scheduled (send_at);
)sql";

constexpr std::array migrations = {Migration{"statistics", 1, initial_schema},
                                   Migration{"statistics", 2, time_first_schema},
                                   Migration{"statistics", 3, scheduled_schema}};

}  // namespace

std::span<const Migration> statistics_migrations() { return migrations; }

}  // namespace relevo
