#include "core/tracking/schema.h"

#include <array>

namespace relevo {
namespace {

// Where links lead, once for all messages of a tenant with the same one; last_day: the last day on which mail with it
// went out, in days since 1970.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE tracked_link (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    url TEXT NOT NULL,
    last_day BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX tracked_link_day ON tracked_link (last_day);
)sql";

constexpr std::array migrations = {Migration{"tracking", 1, initial_schema}};

}  // namespace

std::span<const Migration> tracking_migrations() { return migrations; }

}  // namespace relevo
