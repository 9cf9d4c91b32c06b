#include "core/spool/spool.h"

#include <array>

namespace relevo {
namespace {
// INTEGER means 64 bits in every store (the PostgreSQL adapter says BIGINT). One row per recipient that still waits;
// its key is message id + ordinal, so rows arrive in order of the key and a message's rows lie together.
constexpr std::array migrations{
    Migration{
        "spool", 1,
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, tenant_id INTEGER NOT NULL,"
        " recipient TEXT NOT NULL, notify INTEGER NOT NULL, original_recipient TEXT NOT NULL, state INTEGER NOT NULL,"
        " due_at INTEGER NOT NULL, attempts INTEGER NOT NULL, delay_reported INTEGER NOT NULL, last_reply TEXT NOT "
        "NULL);"
        "CREATE TABLE suspension (site TEXT PRIMARY KEY, reason TEXT NOT NULL, since INTEGER NOT NULL);"},
    // The pools of egress sources that messages ask for, by the numbers in the rows of messages. Never removed: as many
    // as an operator ever names.
    Migration{"spool", 2, "CREATE TABLE pool_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"},
    // 1: held because it came from a backup, until a person lets it go.
    Migration{"spool", 3, "ALTER TABLE delivery ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;"},
    // One row, id 1: the moment that the newest backup shows.
    Migration{"spool", 4, "CREATE TABLE last_backup (id INTEGER PRIMARY KEY, moment INTEGER NOT NULL);"},
    // When it was to be tried first, if that was later than the acceptance; 0: it was not (first_due.h).
    Migration{"spool", 5, "ALTER TABLE delivery ADD COLUMN first_due_at INTEGER NOT NULL DEFAULT 0;"}};
}  // namespace

std::span<const Migration> spool_migrations() { return migrations; }

}  // namespace relevo
