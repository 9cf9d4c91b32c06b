#include "core/accounts/schema.h"

#include <array>

namespace relevo {
namespace {

// Times are milliseconds since 1970, 0 for never; tenant_id 0 is the whole server. Secrets are kept as SHA-256 in base
// 64, but for passwords (argon2id) and TOTP secrets (sealed). Keys and users keep no foreign key to their tenant: a
// tenant that has any cannot be removed (require_no_access_of()), a revoked key's row outlives it.
constexpr std::string_view initial_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('api_key', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('account_user', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('account_session', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('audit', 0);

CREATE TABLE api_key (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    visible_prefix TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL UNIQUE,
    tenant_id BIGINT NOT NULL,
    scopes BIGINT NOT NULL,
    networks TEXT NOT NULL,
    made_by BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    last_used_from TEXT NOT NULL
);
CREATE INDEX api_key_made_by ON api_key (made_by);

CREATE TABLE account_user (
    id BIGINT PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    language TEXT NOT NULL,
    role INTEGER NOT NULL,
    tenant_id BIGINT NOT NULL,
    enabled INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT NOT NULL
);

CREATE TABLE account_totp (
    user_id BIGINT PRIMARY KEY REFERENCES account_user (id),
    sealed TEXT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    used_steps TEXT NOT NULL
);

CREATE TABLE account_recovery_code (
    user_id BIGINT NOT NULL REFERENCES account_user (id),
    code_hash TEXT NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE account_session (
    id BIGINT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES account_user (id),
    peer TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX account_session_user ON account_session (user_id);

CREATE TABLE account_token (
    token_hash TEXT PRIMARY KEY,
    purpose INTEGER NOT NULL,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (purpose, user_id)
);

CREATE TABLE idempotent_answer (
    principal_kind INTEGER NOT NULL,
    principal_id BIGINT NOT NULL,
    request_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal_kind, principal_id, request_key)
);
CREATE INDEX idempotent_answer_created ON idempotent_answer (created_at);
)sql";

// 0: the link was shown, not mailed. Users are listed with their links.
constexpr std::string_view mailed_links_schema = R"sql(
ALTER TABLE account_token ADD COLUMN message_id BIGINT NOT NULL DEFAULT 0;
CREATE INDEX account_token_user ON account_token (user_id);
)sql";

// Accounts at providers by which people come in. One account is one user's, and a user has one at each provider.
constexpr std::string_view identities_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('account_identity', 0);

CREATE TABLE account_identity (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES account_user (id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject),
    UNIQUE (user_id, issuer)
);
)sql";

// Public keys of authenticators; credential and public_key are octets in base64url.
constexpr std::string_view passkeys_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('account_passkey', 0);

CREATE TABLE account_passkey (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES account_user (id),
    name TEXT NOT NULL,
    relying_party TEXT NOT NULL,
    credential TEXT NOT NULL UNIQUE,
    algorithm INTEGER NOT NULL,
    public_key TEXT NOT NULL,
    sign_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX account_passkey_user ON account_passkey (user_id);
)sql";

constexpr std::array migrations = {
    Migration{"accounts", 1, initial_schema}, Migration{"accounts", 2, mailed_links_schema},
    Migration{"accounts", 3, identities_schema}, Migration{"accounts", 4, passkeys_schema}};

}  // namespace

std::span<const Migration> accounts_migrations() { return migrations; }

}  // namespace relevo
