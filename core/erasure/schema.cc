#include "core/erasure/schema.h"

#include <array>

namespace relevo {
namespace {

// Rows are there only while an erasure is under way: after a crash it is taken up with them. tenant_id 0: of all.
// erasure_mail: mail to the person, or, with ordinal -1, from it; written before the events that say so are erased.
constexpr std::string_view initial_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('erasure', 0);
CREATE TABLE erasure (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    principal_kind INTEGER NOT NULL,
    principal BIGINT NOT NULL,
    principal_name TEXT NOT NULL,
    UNIQUE (tenant_id, address)
);
CREATE TABLE erasure_mail (
    erasure_id BIGINT NOT NULL REFERENCES erasure (id),
    message_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    PRIMARY KEY (erasure_id, message_id, ordinal)
);
)sql";

constexpr std::array migrations = {Migration{"erasure", 1, initial_schema}};

}  // namespace

std::span<const Migration> erasure_migrations() { return migrations; }

}  // namespace relevo
