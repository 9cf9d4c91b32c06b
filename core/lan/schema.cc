#include "core/lan/schema.h"

#include <array>

namespace relevo {
namespace {

// Rows of offices stay when the office goes: reports of earlier days name them. Times are 0 for never.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE lan_office (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    login TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    enrolled_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    credential_id BIGINT NOT NULL
);
CREATE TABLE lan_device (
    name TEXT PRIMARY KEY,
    credential_id BIGINT NOT NULL,
    network_grant_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
)sql";

constexpr std::array migrations = {Migration{"lan", 1, initial_schema}};

}  // namespace

std::span<const Migration> lan_migrations() { return migrations; }

}  // namespace relevo
