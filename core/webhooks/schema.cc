#include "core/webhooks/schema.h"

#include <array>

namespace relevo {
namespace {

// Times are milliseconds since 1970, 0 for never; tenant_id 0 is the whole server. Secrets are sealed. `hears_since`:
// earlier events are not for the endpoint. `pending` counts rows; `delivered`, `dead` and `attempts` count all there
// ever were and number them, so that the oldest go without counting. webhook_delivery.state is WebhookDeliveryState
// of deliveries.h; `place`: its number among those of its state, 0 while it waits. A test has an event_id below 0.
constexpr std::string_view initial_schema = R"sql(
INSERT INTO tenancy_sequence (name, last_id) VALUES ('webhook', 0);
INSERT INTO tenancy_sequence (name, last_id) VALUES ('webhook_delivery', 0);

CREATE TABLE webhook (
    id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    event_types BIGINT NOT NULL,
    secret TEXT NOT NULL,
    former_secret TEXT NOT NULL,
    former_until BIGINT NOT NULL,
    enabled INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    hears_since BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    last_success_at BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    given_up BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);

CREATE TABLE webhook_delivery (
    id BIGINT PRIMARY KEY,
    webhook_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    event_type INTEGER NOT NULL,
    body TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    place BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, state, due_at);
CREATE INDEX webhook_delivery_place ON webhook_delivery (webhook_id, state, place);

CREATE TABLE webhook_attempt (
    webhook_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    event_type INTEGER NOT NULL,
    at BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    status BIGINT NOT NULL,
    problem TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (webhook_id, number)
);

CREATE TABLE webhook_cursor (
    id INTEGER PRIMARY KEY,
    event_id BIGINT NOT NULL
);
INSERT INTO webhook_cursor (id, event_id) VALUES (1, 0);
)sql";

constexpr std::string_view shared_cursor = R"sql(
INSERT INTO event_cursor (consumer, event_id) SELECT 'webhooks', event_id FROM webhook_cursor;
DROP TABLE webhook_cursor;
)sql";

constexpr std::array migrations = {Migration{"webhooks", 1, initial_schema}, Migration{"webhooks", 2, shared_cursor}};

}  // namespace

std::span<const Migration> webhooks_migrations() { return migrations; }

}  // namespace relevo
