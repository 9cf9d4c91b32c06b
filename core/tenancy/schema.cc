#include "core/tenancy/schema.h"

#include <array>

namespace relevo {

namespace {

// BIGINT, INTEGER and TEXT mean the same to SQLite and PostgreSQL; neither BLOB nor BYTEA does, so octets are kept as
// base 64. Ids come from tenancy_sequence and are never given twice: a queued message keeps naming the tenant it came
// from even after that tenant is gone.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE tenancy_sequence (
    name TEXT PRIMARY KEY,
    last_id BIGINT NOT NULL
);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('tenant', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('domain', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('credential', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('network_grant', 0);

CREATE TABLE tenant (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    suspended INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE domain (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL UNIQUE,
    subdomains INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX domain_tenant ON domain (tenant_id);

CREATE TABLE domain_address (
    domain_id BIGINT NOT NULL REFERENCES domain (id),
    address TEXT NOT NULL,
    PRIMARY KEY (domain_id, address)
);

CREATE TABLE credential (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenant (id),
    login TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    scram TEXT NOT NULL,
    smtp_enabled INTEGER NOT NULL,
    messages_per_hour BIGINT NOT NULL,
    messages_per_day BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    last_used_from TEXT NOT NULL
);
CREATE INDEX credential_tenant ON credential (tenant_id);

CREATE TABLE credential_domain (
    credential_id BIGINT NOT NULL REFERENCES credential (id),
    domain TEXT NOT NULL,
    PRIMARY KEY (credential_id, domain)
);

CREATE TABLE credential_network (
    credential_id BIGINT NOT NULL REFERENCES credential (id),
    network TEXT NOT NULL,
    PRIMARY KEY (credential_id, network)
);

CREATE TABLE network_grant (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenant (id),
    network TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    messages_per_hour BIGINT NOT NULL,
    messages_per_day BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX network_grant_tenant ON network_grant (tenant_id);

CREATE TABLE login_address (
    login TEXT NOT NULL,
    address TEXT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (login, address)
);

CREATE TABLE login_failure (
    kind INTEGER NOT NULL,
    subject BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    last_failed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);

CREATE TABLE usage_hour (
    sender_kind INTEGER NOT NULL,
    sender_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (sender_kind, sender_id, hour)
);
CREATE INDEX usage_hour_hour ON usage_hour (hour);
)sql";

// Domains from before ownership was asked for are trusted: what could send yesterday sends today.
constexpr std::string_view ownership_schema = R"sql(
ALTER TABLE domain ADD COLUMN ownership INTEGER NOT NULL DEFAULT 2;
ALTER TABLE domain ADD COLUMN challenge TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN verified_at BIGINT NOT NULL DEFAULT 0;
)sql";

// What mail from outside to the domain goes through; 0: as the configuration says.
constexpr std::string_view dmarc_schema = "ALTER TABLE domain ADD COLUMN dmarc INTEGER NOT NULL DEFAULT 0;";

// Where the domain's mail comes back to; '': not to a sub-domain of its own.
constexpr std::string_view return_path_schema = "ALTER TABLE domain ADD COLUMN return_path TEXT NOT NULL DEFAULT '';";

// Whose turn it is, what kind of mail a sender sends, and how much of it. A usage row is how much of one quota was used
// in one period, with what was let in ahead of the next ones.
constexpr std::string_view fairness_schema = R"sql(
ALTER TABLE tenant ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE credential ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;
ALTER TABLE network_grant ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;
INSERT INTO tenancy_sequence (name, last_id) VALUES ('quota', 0);
CREATE TABLE quota (
    id BIGINT PRIMARY KEY,
    scope INTEGER NOT NULL,
    subject BIGINT NOT NULL,
    period INTEGER NOT NULL,
    recipients BIGINT NOT NULL,
    beyond INTEGER NOT NULL,
    UNIQUE (scope, subject, period)
);
CREATE TABLE quota_usage (
    quota_id BIGINT PRIMARY KEY REFERENCES quota (id),
    period_number BIGINT NOT NULL,
    used BIGINT NOT NULL
);
)sql";

// What all of a tenant's mail needs, as mail::TlsWish.
constexpr std::string_view tls_schema = "ALTER TABLE tenant ADD COLUMN tls INTEGER NOT NULL DEFAULT 0;";
// What is tracked of the domain's mail (0: as the configuration says), and the host of its links ('': the service's).
constexpr std::string_view tracking_schema = R"sql(
ALTER TABLE domain ADD COLUMN tracking INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domain ADD COLUMN tracking_host TEXT NOT NULL DEFAULT '';
)sql";

// 0 for a tenant or a credential that is not known. Rows of what was removed are told by their login until they are
// forgotten.
constexpr std::string_view failed_login_schema = R"sql(
CREATE TABLE failed_login (
    tenant_id BIGINT NOT NULL,
    credential_id BIGINT NOT NULL,
    counted_address TEXT NOT NULL,
    port INTEGER NOT NULL,
    problem INTEGER NOT NULL,
    address TEXT NOT NULL,
    login TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    client_name TEXT NOT NULL,
    detail TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, credential_id, counted_address, port, problem)
);
CREATE INDEX failed_login_last ON failed_login (tenant_id, last_at);
CREATE INDEX failed_login_of_credential ON failed_login (credential_id, last_at);
CREATE INDEX failed_login_newest ON failed_login (last_at);
)sql";

// Where people read the mail of a domain: "imaps://imap.example.com".
constexpr std::string_view mailbox_schema = R"sql(
CREATE TABLE domain_mailbox (
    domain_id BIGINT NOT NULL REFERENCES domain (id),
    place INTEGER NOT NULL,
    server TEXT NOT NULL,
    PRIMARY KEY (domain_id, place)
);
)sql";

// Plans, who has which, and what a tenant may have whatever its plan says. A quota with a plan_id follows that plan; 0:
// it was set for the tenant alone. Numbers of things: 0 for any.
constexpr std::string_view plan_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('plan', 0);
CREATE TABLE plan (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    note TEXT NOT NULL,
    domains BIGINT NOT NULL,
    credentials BIGINT NOT NULL,
    users BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE plan_quota (
    plan_id BIGINT NOT NULL REFERENCES plan (id),
    period INTEGER NOT NULL,
    recipients BIGINT NOT NULL,
    beyond INTEGER NOT NULL,
    PRIMARY KEY (plan_id, period)
);
CREATE TABLE tenant_limit (
    tenant_id BIGINT NOT NULL REFERENCES tenant (id),
    thing INTEGER NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, thing)
);
ALTER TABLE tenant ADD COLUMN plan_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE quota ADD COLUMN plan_id BIGINT NOT NULL DEFAULT 0;
)sql";

constexpr std::array migrations = {
    Migration{"tenancy", 1, initial_schema},  Migration{"tenancy", 2, ownership_schema},
    Migration{"tenancy", 3, dmarc_schema},    Migration{"tenancy", 4, return_path_schema},
    Migration{"tenancy", 5, fairness_schema}, Migration{"tenancy", 6, tls_schema},
    Migration{"tenancy", 7, tracking_schema}, Migration{"tenancy", 8, failed_login_schema},
    Migration{"tenancy", 9, mailbox_schema},  Migration{"tenancy", 10, plan_schema}};

}  // namespace

std::span<const Migration> tenancy_migrations() { return migrations; }

}  // namespace relevo
