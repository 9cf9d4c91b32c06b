#include "core/ports/migration.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace relevo {
namespace {

using Applied = std::set<std::pair<std::string, std::int64_t>>;

constexpr std::string_view sql_table =
    "CREATE TABLE IF NOT EXISTS schema_migration (module TEXT NOT NULL, number INTEGER NOT NULL,"
    " PRIMARY KEY (module, number))";
constexpr std::string_view sql_applied = "SELECT module, number FROM schema_migration";
constexpr std::string_view sql_record = "INSERT INTO schema_migration (module, number) VALUES ($1, $2)";

// Runs `work` in one transaction.
template <class Work>
Result<void> in_transaction(Database& database, Work work) {
    RELEVO_CHECK(database.begin());
    if (auto done = work(database.transaction()); !done.has_value()) {
        database.rollback();
        return done;
    }
    return database.commit();
}

Result<Applied> applied_in(Database& database) {
    Applied applied;
    RELEVO_CHECK(in_transaction(database, [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(transaction.define(sql_table));
        return transaction.query(sql_applied, {}, [&](const Row& row) -> Result<void> {
            applied.emplace(std::string(row.text(0)), row.integer(1));
            return {};
        });
    }));
    return applied;
}

Result<void> refuse_unknown(const Applied& applied, std::span<const Migration> known) {
    for (const auto& [module, number] : applied) {
        const bool found = std::ranges::any_of(known, [&](const Migration& migration) {
            return migration.module == module && migration.number == number;
        });
        if (!found)
            return failure(
                ErrorKind::unsupported,
                fmt::format("the store was written by a newer Relevo: it has change {} of {}, which this one does "
                            "not know",
                            number, module));
    }
    return {};
}

}  // namespace

Result<void> migrate(Database& database, std::span<const Migration> known) {
    RELEVO_TRY(const Applied applied, applied_in(database));
    RELEVO_CHECK(refuse_unknown(applied, known));
    std::vector<const Migration*> missing;
    for (const Migration& migration : known)
        if (!applied.contains({std::string(migration.module), migration.number})) missing.push_back(&migration);
    for (const Migration* migration : missing) {
        auto done = in_transaction(database, [&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(transaction.define(migration->sql));
            RELEVO_CHECK(
                transaction.execute(sql_record, {migration->module, static_cast<std::int64_t>(migration->number)}));
            return {};
        });
        if (done.has_value()) continue;
        Error error = std::move(done).error();
        error.detail = fmt::format("change {} of {}: {}", migration->number, migration->module, error.detail);
        return std::unexpected(std::move(error));
    }
    return {};
}

}  // namespace relevo
