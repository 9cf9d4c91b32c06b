// Changes of the schema, cut off anywhere. Security row R15.
#include "adapters/simulation/crash_model.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/relevo/store.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using simulation::CrashModel;
using simulation::Fate;
using simulation::SimulatedDisk;

constexpr std::int64_t tenants = 50;

Result<std::int64_t> count_of(Database& database, std::string_view sql) {
    std::int64_t count = 0;
    RELEVO_CHECK(database.read([&](Reader& reader) {
        return reader.query(sql, {}, [&](const Row& row) -> Result<void> {
            count = row.integer(0);
            return {};
        });
    }));
    return count;
}

// The store that the first change of each module makes, with rows that every later one must keep.
simulation::DiskImage first_store() {
    SimulatedDisk disk;
    {
        const auto database = open_sqlite(disk).value();
        std::vector<Migration> first;
        for (const Migration& migration : store_migrations())
            if (migration.number == 1) first.push_back(migration);
        EXPECT_TRUE(migrate(*database, first).has_value());
        EXPECT_TRUE(database->begin().has_value());
        for (std::int64_t id = 1; id <= tenants; ++id)
            EXPECT_TRUE(database->transaction()
                            .execute("INSERT INTO tenant (id, name, language, suspended, created_at) VALUES ($1, $2, "
                                     "'es', 0, 0)",
                                     {id, std::string_view(std::to_string(id))})
                            .has_value());
        EXPECT_TRUE(database->transaction()
                        .execute("INSERT INTO delivery (id, message_id, tenant_id, recipient, notify, "
                                 "original_recipient, state, due_at, attempts, delay_reported, last_reply) VALUES (7, "
                                 "7, 1, 'a@example.net', 0, '', 0, 0, 0, 0, '')",
                                 {})
                        .has_value());
        EXPECT_TRUE(database->commit().has_value());
    }
    return disk.image();
}

TEST(MigrationOfTheStore, GoesOnWhereverItWasCutOff) {
    const simulation::DiskImage start = first_store();
    const std::vector<Migration> known = store_migrations();
    std::vector<simulation::Call> calls;
    {
        SimulatedDisk disk(start);
        const auto database = open_sqlite(disk).value();
        ASSERT_TRUE(migrate(*database, known).has_value());
        calls = disk.calls();
    }
    ASSERT_GT(calls.size(), 20U);
    CrashModel model(start);
    simulation::Chance chance(7);
    std::size_t half_done = 0;
    for (std::size_t place = 0; place <= calls.size(); ++place) {
        if (place > 0) model.apply(calls[place - 1]);
        SimulatedDisk disk(model.crash(static_cast<Fate>(place % 4), chance));
        const auto opened = open_sqlite(disk);
        ASSERT_TRUE(opened.has_value()) << place << ": " << opened.error().detail;
        Database& database = **opened;
        const auto done = static_cast<std::size_t>(count_of(database, "SELECT count(*) FROM schema_migration").value());
        half_done += done > 0 && done < known.size() ? 1 : 0;
        const auto migrated = migrate(database, known);
        ASSERT_TRUE(migrated.has_value()) << place << ": " << migrated.error().detail;
        EXPECT_EQ(count_of(database, "SELECT count(*) FROM schema_migration").value(), std::ssize(known)) << place;
        EXPECT_EQ(count_of(database, "SELECT count(*) FROM tenant").value(), tenants) << place;
        EXPECT_EQ(count_of(database, "SELECT count(*) FROM delivery WHERE restored = 0").value(), 1) << place;
    }
    EXPECT_GT(half_done, 10U) << "hardly any cut fell between two changes";
}

}  // namespace
}  // namespace relevo
