#include "app/relevo/store_repair.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/log_guard.h"
#include "app/backup/review.h"
#include "app/relevo/privileges.h"
#include "app/relevo/store.h"
#include "core/ports/migration.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <unordered_set>

namespace relevo {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

const std::string database_name = "relevo.db";
const std::string fresh_name = "relevo.db.new";

constexpr std::string_view way_out = "Make the store from a backup, in an empty folder: `relevo backup restore`";

Result<void> remove_if_there(Disk& disk, const std::string& name) {
    RELEVO_TRY(const bool exists, disk.exists(name));
    return exists ? disk.remove(name) : Result<void>();
}

json::array told(const std::vector<SalvagedTable>& tables) {
    json::array list;
    for (const SalvagedTable& table : tables)
        list.emplace_back(
            json::object{{"name", table.name},
                         {"rows", table.rows},
                         {"doubtful", table.doubtful.size()},
                         {"problem", table.problem.empty() ? json::value() : json::value(table.problem)}});
    return list;
}

json::array told(const std::vector<std::string>& lines) { return json::array(lines.begin(), lines.end()); }

// Tables of days are made when they are needed; one that is said to be there must be.
Result<void> forget_days_without_tables(Disk& disk) {
    RELEVO_TRY(const auto fresh, open_sqlite(disk, fresh_name));
    RELEVO_CHECK(fresh->begin());
    RELEVO_CHECK(fresh->transaction().execute(
        "DELETE FROM history_day WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = prefix || '_' || day)",
        {}));
    return fresh->commit();
}

// A recipient whose row, or whose message's row, lies on a damaged page may have got another address.
Result<std::int64_t> hold_doubtful(Disk& disk, const std::vector<SalvagedTable>& tables) {
    std::unordered_set<std::int64_t> deliveries, messages;
    for (const SalvagedTable& table : tables) {
        if (table.name == "delivery") deliveries.insert(table.doubtful.begin(), table.doubtful.end());
        if (table.name.starts_with("message_")) messages.insert(table.doubtful.begin(), table.doubtful.end());
    }
    if (deliveries.empty() && messages.empty()) return 0;
    return backup::hold_for_review(
        disk, fresh_name,
        "saved from a damaged page of the store: its address, or its sender, may be wrong; drop it or release it",
        [&](DeliveryId id) { return deliveries.contains(key_of(id)) || messages.contains(id.message.value); });
}

struct SavedRows {
    std::vector<SalvagedTable> tables;
    std::int64_t held = 0;
};

// The new database, whole and durable under a name that Store::open() knows.
Result<SavedRows> save_rows(Disk& disk) {
    for (const std::string& name : {fresh_name, fresh_name + "-wal"}) RELEVO_CHECK(remove_if_there(disk, name));
    {
        RELEVO_TRY(const auto fresh, open_sqlite(disk, fresh_name));
        RELEVO_CHECK(migrate(*fresh, store_migrations()));
    }
    SavedRows saved;
    RELEVO_TRY(saved.tables, salvage(disk, database_name, fresh_name));
    RELEVO_CHECK(forget_days_without_tables(disk));
    RELEVO_TRY(saved.held, hold_doubtful(disk, saved.tables));
    RELEVO_TRY(const bool has_log, disk.exists(fresh_name + "-wal"));
    if (has_log) return failure(ErrorKind::io, "the new database could not be completed: its log is left");
    RELEVO_CHECK(disk.rename(fresh_name, repaired_database_name));
    RELEVO_CHECK(disk.sync_folder());
    return saved;
}

// Until the last step Store::open() refuses, and a second repair goes on here.
Result<std::string> swap(Disk& disk, const std::string& data_dir) {
    const std::string folder =
        fmt::format("{}/damaged-{:%Y%m%dT%H%M%S}", data_dir, fmt::gmtime(WallClock::to_time_t(WallClock::now())));
    std::error_code problem;
    fs::create_directory(folder, problem);
    fs::permissions(folder, fs::perms::owner_all, problem);
    RELEVO_TRY(const std::vector<std::string> names, disk.list());
    for (const std::string& name : names) {
        if (problem) break;
        const fs::path here = fs::path(data_dir) / name, there = fs::path(folder) / name;
        if (name == backup::log_expected_name)
            fs::remove(here, problem);  // the log goes with its database
        else if (name.starts_with("segment-"))
            fs::create_hard_link(here, there, problem);
        else if (name == database_name || name == database_name + "-wal")
            fs::rename(here, there, problem);
    }
    if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", folder, problem.message()));
    RELEVO_CHECK(disk.rename(repaired_database_name, database_name));
    RELEVO_CHECK(disk.sync_folder());
    return folder;
}

}  // namespace

Result<json::object> repair_store(const Configuration& configuration, Log& log) {
    json::object report{{"folder", nullptr}, {"problems", json::array()}, {"tables", json::array()}, {"held", 0}};
    const std::string& data_dir = configuration.server.data_dir;
    {
        RELEVO_TRY(const auto disk, open_disk(data_dir));
        RELEVO_TRY(const bool is_begun, disk->exists(repaired_database_name));
        if (!is_begun) {
            RELEVO_TRY(const bool exists, disk->exists(database_name));
            std::error_code problem;
            // Opened, an empty file would cost its log.
            if (!exists || fs::file_size(fs::path(data_dir) / database_name, problem) == 0)
                return failure(ErrorKind::not_found,
                               fmt::format("{} has no relevo.db, or an empty one, so nothing can be saved. {}",
                                           data_dir, way_out));
            RELEVO_TRY(const bool has_checksums, has_page_checksums(*disk, database_name));
            auto problems = problems_of_database(*disk, database_name);
            if (!problems.has_value()) problems = std::vector<std::string>{problems.error().detail};
            if (problems->empty() && has_checksums) return report;
            if (problems->empty()) problems->emplace_back("nothing is damaged, but its pages bear no checksums yet");
            report["problems"] = told(*problems);
            const auto saved = save_rows(*disk);
            if (!saved.has_value())
                return failure(saved.error().kind, fmt::format("nothing of relevo.db can be saved ({}). {}",
                                                               saved.error().detail, way_out));
            report["tables"] = told(saved->tables);
            report["held"] = saved->held;
        }
        RELEVO_TRY(const std::string folder, swap(*disk, data_dir));
        report["folder"] = folder;
    }
    // What the rows that are left lack of each other, such as recipients without their message.
    RELEVO_TRY(const auto store, Store::open(configuration, log));
    RELEVO_TRY(const Spool::Recovery recovery, store->recover([](const PendingDelivery&) {}));
    report["messages"] = recovery.messages;
    report["damage"] = told(recovery.damage);
    const std::string folder(report["folder"].as_string());
    std::ofstream(folder + "/report.json") << json::serialize(report) << "\n";
    RELEVO_CHECK(give_to_user(configuration.server,
                              {data_dir + "/" + database_name, data_dir + "/" + statistics_database_name, folder}));
    return report;
}

}  // namespace relevo
