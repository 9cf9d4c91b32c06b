#include "core/signing/schema.h"

#include <array>

namespace relevo {
namespace {

// Rows outlive their domain, withdrawn and without their private key, so that no selector is ever given twice.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE signing_key (
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    domain_id BIGINT NOT NULL,
    algorithm INTEGER NOT NULL,
    state INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    record TEXT NOT NULL,
    presence INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    presence_since BIGINT NOT NULL,
    activated_at BIGINT NOT NULL,
    retired_at BIGINT NOT NULL,
    PRIMARY KEY (domain, selector)
);
CREATE INDEX signing_key_domain ON signing_key (domain_id);
)sql";

constexpr std::array migrations = {Migration{"signing", 1, initial_schema}};

}  // namespace

std::span<const Migration> signing_migrations() { return migrations; }

}  // namespace relevo
