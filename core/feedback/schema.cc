#include "core/feedback/schema.h"

#include <array>

namespace relevo {
namespace {

// An address is in its comparable form (core/tenancy, comparable_address()). expires_at 0: never.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE suppression (
    tenant_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    reason INTEGER NOT NULL,
    text TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, address)
);
CREATE INDEX suppression_address ON suppression (address);
CREATE INDEX suppression_expiry ON suppression (expires_at);

CREATE TABLE soft_bounce (
    tenant_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, address, message_id)
);
CREATE INDEX soft_bounce_time ON soft_bounce (at);
)sql";

// Keys of return paths and of unsubscriptions, sealed.
constexpr std::string_view token_schema =
    "CREATE TABLE feedback_key (id BIGINT PRIMARY KEY, sealed TEXT NOT NULL, created_at BIGINT NOT NULL);";

// What became of a tenant's mail, by hours since 1970; and the level that it led to, if that is not good.
constexpr std::string_view conduct_schema = R"sql(
CREATE TABLE conduct_hour (
    tenant_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hour)
);

CREATE TABLE conduct (
    tenant_id BIGINT PRIMARY KEY,
    level INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    since BIGINT NOT NULL,
    window_hours BIGINT NOT NULL
);
)sql";

constexpr std::array migrations = {Migration{"feedback", 1, initial_schema}, Migration{"feedback", 2, token_schema},
                                   Migration{"feedback", 3, conduct_schema}};

}  // namespace

std::span<const Migration> feedback_migrations() { return migrations; }

}  // namespace relevo
