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

constexpr std::array migrations = {Migration{"statistics", 1, initial_schema}};

}  // namespace

std::span<const Migration> statistics_migrations() { return migrations; }

}  // namespace relevo
