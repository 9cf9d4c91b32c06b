// Numbered schema changes. Each core module owns a list; the app runs them all at start.
#pragma once

#include "core/ports/database.h"

#include <span>
#include <string_view>

namespace relevo {

// Never edited once released; a change is a new one with the next number. `sql` is DDL in the common subset of SQLite
// and PostgreSQL.
struct Migration {
    std::string_view module;  // "spool"
    int number = 0;           // 1, 2, … within the module
    std::string_view sql;
};

// Applies what is missing in the order of `known`, each with its record in one transaction (table schema_migration).
// Errors: unsupported – the store has a migration that `known` lacks: it was written by a newer Relevo; nothing was
// changed. io, full.
[[nodiscard]] Result<void> migrate(Database& database, std::span<const Migration> known);

}  // namespace relevo
