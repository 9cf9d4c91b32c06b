#include "app/backup/log_guard.h"

#include "adapters/sqlite/log_check.h"
#include "app/backup/held_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>

namespace relevo::backup {

namespace fs = std::filesystem;

namespace {

Result<bool> has_begun_log(Disk& disk) {
    const std::string name = std::string(database_name) + "-wal";
    RELEVO_TRY(const bool exists, disk.exists(name));
    if (!exists) return false;
    RELEVO_TRY(const auto log, disk.open(name, OpenMode::existing));
    std::array<std::byte, 4> begin{};
    RELEVO_TRY(const std::size_t count, log->read_at(0, begin));
    return count == begin.size() && begin != std::array<std::byte, 4>{};
}

}  // namespace

Result<std::vector<std::string>> problems_of_store_log(Disk& disk) {
    RELEVO_TRY(std::vector<std::string> problems, problems_of_log(disk, database_name));
    RELEVO_TRY(const bool is_expected, disk.exists(log_expected_name));
    RELEVO_TRY(const bool has_database, disk.exists(database_name));
    RELEVO_TRY(const bool has_begun, has_begun_log(disk));
    if (is_expected && !has_begun && has_database)
        problems.push_back(
            fmt::format("{}-wal is missing or empty: what was committed since it was last moved into {} is lost",
                        database_name, database_name));
    return problems;
}

Result<void> expect_log(Disk& disk) {
    RELEVO_TRY(const auto marker, disk.open(log_expected_name, OpenMode::create));
    return disk.sync_folder();
}

Result<void> stop_expecting_log(Disk& disk) {
    RELEVO_TRY(const bool exists, disk.exists(log_expected_name));
    if (!exists) return {};
    RELEVO_CHECK(disk.remove(log_expected_name));
    return disk.sync_folder();
}

Result<std::string> keep_damaged_log(const std::string& data_dir) {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const fs::path folder = fs::path(data_dir) / fmt::format("damaged-{:%Y%m%dT%H%M%S}", fmt::gmtime(now));
    std::error_code problem;
    fs::create_directory(folder, problem);
    if (!problem) fs::permissions(folder, fs::perms::owner_all, problem);
    const std::string log = std::string(database_name) + "-wal";
    if (!problem && fs::exists(fs::path(data_dir) / log, problem))
        fs::copy_file(fs::path(data_dir) / log, folder / log, problem);
    for (fs::directory_iterator entry(data_dir, problem), end; !problem && entry != end; entry.increment(problem)) {
        const fs::path name = entry->path().filename();
        if (name.string().starts_with("segment-")) fs::create_hard_link(entry->path(), folder / name, problem);
    }
    if (problem)
        return failure(problem == std::errc::no_space_on_device ? ErrorKind::full : ErrorKind::io,
                       fmt::format("{}: {}", folder.string(), problem.message()));
    return folder.string();
}

}  // namespace relevo::backup
