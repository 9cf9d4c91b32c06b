#include "adapters/sqlite/sqlite_database.h"

#include "adapters/simulation/crash_model.h"
#include "adapters/simulation/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

namespace relevo {
namespace {

using simulation::Call;
using simulation::SimulatedDisk;
using testing::ElementsAre;
using testing::HasSubstr;

class SqliteDatabase : public testing::Test {
 protected:
    void SetUp() override {
        database_ = open_sqlite(disk_).value();
        ASSERT_TRUE(write([](Transaction& transaction) {
                        return transaction.define(
                            "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, size REAL, raw BLOB)");
                    }).has_value());
    }
    Result<void> write(const std::function<Result<void>(Transaction&)>& work) {
        RELEVO_CHECK(database_->begin());
        if (auto done = work(database_->transaction()); !done.has_value()) {
            database_->rollback();
            return done;
        }
        return database_->commit();
    }
    Result<void> insert(std::int64_t id, std::string_view name) {
        return write([&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(transaction.execute("INSERT INTO thing (id, name) VALUES ($1, $2)", {id, name}));
            return {};
        });
    }
    std::vector<std::int64_t> ids() {
        std::vector<std::int64_t> found;
        EXPECT_TRUE(database_
                        ->read([&](Reader& reader) {
                            return reader.query("SELECT id FROM thing ORDER BY id", {},
                                                [&](const Row& row) -> Result<void> {
                                                    found.push_back(row.integer(0));
                                                    return {};
                                                });
                        })
                        .has_value());
        return found;
    }

    SimulatedDisk disk_;
    std::unique_ptr<Database> database_;
};

TEST_F(SqliteDatabase, KeepsEveryKindOfValue) {
    const std::string octets("\0\xff'", 3);
    ASSERT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                    RELEVO_TRY(const std::int64_t rows,
                               transaction.execute("INSERT INTO thing VALUES ($1, $2, $3, $4), ($5, $6, $7, $8)",
                                                   {std::int64_t{1} << 62, "ñandú", 0.5, Blob{octets}, std::int64_t{-1},
                                                    nullptr, nullptr, Blob{{}}}));
                    EXPECT_EQ(rows, 2);
                    return {};
                }).has_value());
    int count = 0;
    ASSERT_TRUE(database_
                    ->read([&](Reader& reader) {
                        return reader.query("SELECT * FROM thing ORDER BY id DESC", {},
                                            [&](const Row& row) -> Result<void> {
                                                if (count++ == 0) {
                                                    EXPECT_EQ(row.integer(0), std::int64_t{1} << 62);
                                                    EXPECT_EQ(row.text(1), "ñandú");
                                                    EXPECT_EQ(row.real(2), 0.5);
                                                    EXPECT_EQ(row.text(3), octets);
                                                } else {
                                                    EXPECT_TRUE(row.is_null(1));
                                                    EXPECT_FALSE(row.is_null(3)) << "an empty blob is not NULL";
                                                    EXPECT_EQ(row.text(3), "");
                                                }
                                                return {};
                                            });
                    })
                    .has_value());
    EXPECT_EQ(count, 2);
}

TEST_F(SqliteDatabase, BindsParametersByTheirNumberWhateverTheirOrder) {
    ASSERT_TRUE(write([](Transaction& transaction) -> Result<void> {
                    RELEVO_CHECK(transaction.execute("INSERT INTO thing (name, id, size) VALUES ($2, $1, $1)",
                                                     {std::int64_t{7}, "n"}));
                    return transaction.query(
                        "SELECT id, name, size FROM thing WHERE name = $2 AND id = $1 AND size = $1",
                        {std::int64_t{7}, "n"}, [](const Row& row) -> Result<void> {
                            EXPECT_EQ(row.text(1), "n");
                            return failure(ErrorKind::refused, "found");
                        });
                })
                    .error()
                    .detail == "found");
    EXPECT_EQ(write([](Transaction& transaction) -> Result<void> {
                  RELEVO_CHECK(transaction.execute("DELETE FROM thing WHERE id = $1", {}));
                  return {};
              })
                  .error()
                  .kind,
              ErrorKind::internal);
}

TEST_F(SqliteDatabase, ReportsConflictsAndWrongSql) {
    ASSERT_TRUE(insert(1, "one").has_value());
    EXPECT_EQ(insert(1, "again").error().kind, ErrorKind::conflict);
    const auto wrong = write([](Transaction& transaction) { return transaction.query("SELEC 1", {}, nullptr); });
    EXPECT_EQ(wrong.error().kind, ErrorKind::internal);
    EXPECT_THAT(wrong.error().detail, HasSubstr("SELEC 1"));
    EXPECT_THAT(ids(), ElementsAre(1));
}

TEST_F(SqliteDatabase, RollbackLeavesNothing) {
    ASSERT_TRUE(database_->begin().has_value());
    ASSERT_TRUE(database_->transaction().execute("INSERT INTO thing (id) VALUES ($1)", {std::int64_t{5}}).has_value());
    EXPECT_THAT(ids(), ElementsAre()) << "others see what is committed";
    database_->rollback();
    EXPECT_THAT(ids(), ElementsAre());
}

TEST_F(SqliteDatabase, ReadersCannotWrite) {
    const auto done = database_->read([](Reader& reader) {
        return reader.query("INSERT INTO thing (id) VALUES (1)", {}, [](const Row&) -> Result<void> { return {}; });
    });
    EXPECT_FALSE(done.has_value());
    EXPECT_THAT(ids(), ElementsAre());
}

TEST_F(SqliteDatabase, RunsAStatementInsideItsOwnRows) {
    for (std::int64_t id = 1; id <= 3; ++id) ASSERT_TRUE(insert(id, "x").has_value());
    int pairs = 0;
    ASSERT_TRUE(database_
                    ->read([&](Reader& reader) {
                        static constexpr std::string_view sql = "SELECT id FROM thing";
                        return reader.query(sql, {}, [&](const Row&) {
                            return reader.query(sql, {}, [&](const Row&) -> Result<void> {
                                ++pairs;
                                return {};
                            });
                        });
                    })
                    .has_value());
    EXPECT_EQ(pairs, 9);
}

TEST_F(SqliteDatabase, TellsTextsApartThatLayAtOneAddress) {
    std::string sql = "INSERT INTO thing (id) VALUES (1)";
    const auto run = [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(transaction.execute(sql, {}));
        return {};
    };
    ASSERT_TRUE(write(run).has_value());
    sql[sql.size() - 2] = '2';
    ASSERT_TRUE(write(run).has_value());
    EXPECT_THAT(ids(), ElementsAre(1, 2));
}

TEST_F(SqliteDatabase, ReadsASnapshotWhileAnotherThreadWritesAndMovesTheLog) {
    std::atomic<bool> done = false;
    std::atomic<int> wrong = 0;
    std::thread reader([&] {
        while (!done) {
            static_cast<void>(database_->read([&](Reader& inner) {
                std::int64_t first = -1, second = -1;
                const auto count = [&](std::int64_t& into) {
                    return inner.query("SELECT count(*) FROM thing", {}, [&into](const Row& row) -> Result<void> {
                        into = row.integer(0);
                        return {};
                    });
                };
                if (!count(first).has_value() || !count(second).has_value() || first != second) ++wrong;
                return Result<void>();
            }));
        }
    });
    for (std::int64_t id = 1; id <= 500; ++id) {
        EXPECT_TRUE(insert(id, "some name").has_value());
        if (id % 50 == 0) EXPECT_TRUE(database_->checkpoint().has_value());
    }
    done = true;
    reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(ids().size(), 500U);
}

TEST_F(SqliteDatabase, SyncsTheLogOncePerCommit) {
    ASSERT_TRUE(insert(1, "warm").has_value());
    const std::size_t before = disk_.calls().size();
    ASSERT_TRUE(insert(2, "x").has_value());
    int syncs = 0;
    for (std::size_t place = before; place < disk_.calls().size(); ++place)
        syncs += disk_.calls()[place].kind == Call::Kind::sync ? 1 : 0;
    EXPECT_EQ(syncs, 1);
    EXPECT_GT(database_->log_size(), 0U);
    ASSERT_TRUE(database_->checkpoint().has_value());
    EXPECT_EQ(database_->log_size(), 0U);
}

TEST_F(SqliteDatabase, WhatIsNotSyncedIsReadByOthersAtOnceAndTwoCanReadAtATime) {
    const auto other = open_sqlite(disk_, "other.db", Synchronous::normal).value();
    ASSERT_TRUE(other->begin().has_value());
    ASSERT_TRUE(other->transaction().define("CREATE TABLE t (id INTEGER PRIMARY KEY);").has_value());
    ASSERT_TRUE(other->commit().has_value());  // the head of a new log is synced
    const std::size_t before = disk_.calls().size();
    ASSERT_TRUE(other->begin().has_value());
    ASSERT_TRUE(other->transaction().execute("INSERT INTO t (id) VALUES ($1)", {std::int64_t{7}}).has_value());
    ASSERT_TRUE(other->commit().has_value());
    for (std::size_t place = before; place < disk_.calls().size(); ++place)
        EXPECT_NE(disk_.calls()[place].kind, Call::Kind::sync);
    int found = 0;
    const auto look = [&](Reader& reader) {
        return reader.query("SELECT id FROM t", {}, [&](const Row& row) -> Result<void> {
            found += static_cast<int>(row.integer(0));
            return {};
        });
    };
    EXPECT_TRUE(other
                    ->read([&](Reader& reader) -> Result<void> {
                        RELEVO_CHECK(look(reader));
                        return other->read_apart(look);
                    })
                    .has_value());
    EXPECT_EQ(found, 14);
}

TEST_F(SqliteDatabase, ReportsAFailedSyncAndForgetsTheTransaction) {  // security row R4
    ASSERT_TRUE(insert(1, "safe").has_value());
    int left = 1;
    disk_.set_fault([&](const Call& call) -> std::optional<Error> {
        if (call.kind != Call::Kind::sync || left-- <= 0) return std::nullopt;
        return Error{ErrorKind::io, "sync relevo.db-wal: Input/output error"};
    });
    const auto failed = insert(2, "void");
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().kind, ErrorKind::io);
    EXPECT_THAT(failed.error().detail, HasSubstr("Input/output error"));
    EXPECT_THAT(ids(), ElementsAre(1));
    ASSERT_TRUE(insert(3, "next").has_value()) << "it goes on with a new log";
    simulation::CrashModel model({});
    for (const Call& call : disk_.calls()) model.apply(call);
    simulation::Chance chance(1);
    SimulatedDisk after(model.crash(simulation::Fate::lost, chance));
    database_ = open_sqlite(after).value();
    EXPECT_THAT(ids(), ElementsAre(1, 3));
    database_.reset();
}

TEST_F(SqliteDatabase, CommitsInTwoStepsWhileTheNextTransactionIsFilled) {  // security row R3
    ASSERT_TRUE(insert(1, "safe").has_value());
    const auto begin_with = [&](std::int64_t id) {
        ASSERT_TRUE(database_->begin().has_value());
        ASSERT_TRUE(database_->transaction().execute("INSERT INTO thing (id) VALUES ($1)", {id}).has_value());
    };
    const auto ids_after_power_cut = [&] {
        simulation::CrashModel model({});
        for (const Call& call : disk_.calls()) model.apply(call);
        simulation::Chance chance(1);
        SimulatedDisk after(model.crash(simulation::Fate::lost, chance));
        auto mine = std::exchange(database_, open_sqlite(after).value());
        auto found = ids();
        database_ = std::move(mine);
        return found;
    };
    begin_with(2);
    ASSERT_TRUE(database_->commit_unsynced().has_value());
    EXPECT_THAT(ids(), ElementsAre(1, 2)) << "readers see it at once";
    EXPECT_THAT(ids_after_power_cut(), ElementsAre(1));
    begin_with(3);
    ASSERT_TRUE(database_->sync().has_value());
    EXPECT_THAT(ids_after_power_cut(), ElementsAre(1, 2)) << "and not what was filled meanwhile";
    ASSERT_TRUE(database_->commit_unsynced().has_value());
    ASSERT_TRUE(database_->sync().has_value());
    EXPECT_THAT(ids_after_power_cut(), ElementsAre(1, 2, 3));
    EXPECT_TRUE(database_->sync().has_value()) << "nothing to do";
}

TEST_F(SqliteDatabase, ReadsApartWhatIsSafe) {
    ASSERT_TRUE(database_->begin().has_value());
    ASSERT_TRUE(database_->transaction().execute("INSERT INTO thing (id) VALUES (1)", {}).has_value());
    ASSERT_TRUE(database_->commit_unsynced().has_value());
    std::atomic<int> seen = 0;
    std::atomic<bool> returned = false;
    std::thread reader([&] {
        EXPECT_TRUE(database_
                        ->read_apart([&](Reader& from) {
                            return from.query("SELECT 1 FROM thing", {}, [&](const Row&) -> Result<void> {
                                ++seen;
                                seen.notify_all();
                                return {};
                            });
                        })
                        .has_value());
        returned = true;
    });
    seen.wait(0);
    EXPECT_FALSE(returned);
    EXPECT_TRUE(database_->sync().has_value());
    reader.join();
    EXPECT_TRUE(returned);
}

TEST_F(SqliteDatabase, ForgetsBothTransactionsWhenTheLateSyncFails) {  // security row R4
    ASSERT_TRUE(insert(1, "safe").has_value());
    ASSERT_TRUE(database_->begin().has_value());
    ASSERT_TRUE(database_->transaction().execute("INSERT INTO thing (id) VALUES (2)", {}).has_value());
    ASSERT_TRUE(database_->commit_unsynced().has_value());
    ASSERT_TRUE(database_->begin().has_value());
    ASSERT_TRUE(database_->transaction().execute("INSERT INTO thing (id) VALUES (3)", {}).has_value());
    bool fails = true;
    disk_.set_fault([&](const Call& call) -> std::optional<Error> {
        if (call.kind != Call::Kind::sync || !std::exchange(fails, false)) return std::nullopt;
        return Error{ErrorKind::io, "sync relevo.db-wal: Input/output error"};
    });
    const auto failed = database_->sync();
    ASSERT_FALSE(failed.has_value());
    EXPECT_THAT(failed.error().detail, HasSubstr("Input/output error"));
    database_->rollback();
    EXPECT_THAT(ids(), ElementsAre(1));
    ASSERT_TRUE(insert(4, "next").has_value()) << "it goes on with a new log";
    simulation::CrashModel model({});
    for (const Call& call : disk_.calls()) model.apply(call);
    simulation::Chance chance(1);
    SimulatedDisk after(model.crash(simulation::Fate::kept, chance));
    database_ = open_sqlite(after).value();
    EXPECT_THAT(ids(), ElementsAre(1, 4)) << "what the system's cache held does not come back";
    database_.reset();
}

TEST_F(SqliteDatabase, ReportsAFullDiskAndGoesOnWhenThereIsRoom) {  // security row R6
    Octets used = 0;
    for (const auto& [name, octets] : disk_.image()) used += octets.size();
    disk_.set_capacity(used + 10'000);
    const std::string name(3000, 'x');
    std::int64_t id = 1;
    Result<void> done;
    while ((done = insert(id, name)).has_value()) ++id;
    EXPECT_EQ(done.error().kind, ErrorKind::full);
    EXPECT_EQ(ids().size(), static_cast<std::size_t>(id - 1));
    disk_.set_capacity(used + mebibyte);
    EXPECT_TRUE(insert(id, name).has_value());
}

TEST(OpenSqlite, NamesADamagedFile) {  // security row R14
    SimulatedDisk disk({{"relevo.db", std::string(8192, 'x')}});
    const auto opened = open_sqlite(disk);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().kind, ErrorKind::damaged);
    EXPECT_THAT(opened.error().detail, HasSubstr("relevo.db is damaged"));
}

}  // namespace
}  // namespace relevo
