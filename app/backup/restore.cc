#include "app/backup/restore.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/backup_folder.h"
#include "app/backup/examination.h"
#include "app/backup/held_store.h"
#include "app/backup/review.h"
#include "core/ports/file_descriptor.h"
#include "core/ports/migration.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace relevo::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view configuration_folder = "restored-configuration";

std::string minute_of(const Manifest& manifest) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(manifest.made_at)));
}

std::unexpected<Error> of_system(const std::string& path, std::error_code problem) {
    const ErrorKind kind = problem == std::errc::no_space_on_device  ? ErrorKind::full
                           : problem == std::errc::permission_denied ? ErrorKind::refused
                                                                     : ErrorKind::io;
    return failure(kind, fmt::format("{}: {}", path, problem.message()));
}

class Restore {
 public:
    Restore(BackupFolder& backups, const RestoreOptions& options, std::span<const Migration> known)
        : backups_(backups), options_(options), known_(known) {}

    Result<Restored> run() {
        RELEVO_TRY(restored_.manifest, backups_.manifest(options_.name));
        RELEVO_TRY(const auto names, backups_.names());
        restored_.name = options_.name.empty() ? names.back() : options_.name;
        RELEVO_CHECK(examine_backup());
        RELEVO_CHECK(require_empty_folder());
        existed_ = fs::exists(options_.data_dir);
        auto done = write();
        if (!done.has_value()) {
            clear();
            if (done.error().kind == ErrorKind::full)
                done.error().detail = fmt::format("there is no room in {} ({}): nothing was kept there",
                                                  options_.data_dir, done.error().detail);
            return std::unexpected(std::move(done).error());
        }
        return std::move(restored_);
    }

 private:
    // Before anything is written: is it a store that this program can serve?
    Result<void> examine_backup() {
        DiskView view = backups_.view_of(restored_.manifest);
        RELEVO_TRY(const Examination found, examine_store(view, known_, [] { return Result<void>(); }));
        for (const Finding& finding : found.findings)
            if (finding.kind == FindingKind::database)
                return failure(ErrorKind::damaged,
                               fmt::format("{} is damaged ({}): nothing was restored; `relevo backup list "
                                           "{}` names others",
                                           restored_.name, cause_of(finding), backups_.path()));
        return {};
    }

    // SQLite only says that it could not read.
    std::string cause_of(const Finding& finding) {
        for (const BackedUpFile& file : restored_.manifest.files) {
            if (file.place != Place::store || file.name.starts_with("segment-")) continue;
            if (auto whole = backups_.read(file); !whole.has_value())
                return fmt::format("{}: {}", file.name, whole.error().detail);
        }
        return finding.problem;
    }

    Result<void> require_empty_folder() const {
        const fs::path folder(options_.data_dir);
        std::error_code problem;
        if (!fs::exists(folder, problem)) return {};
        if (fs::exists(folder / restoring_name, problem)) return {};  // of a restore that was interrupted
        for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
            const std::string name = entry->path().filename().string();
            if (name == "lock" || name == "lost+found") continue;
            return failure(ErrorKind::conflict,
                           fmt::format("{} is not empty (it holds {}): a backup is restored into an empty folder only. "
                                       "Move what is there elsewhere, or name another folder with --data-dir",
                                       options_.data_dir, name));
        }
        if (problem) return of_system(options_.data_dir, problem);
        return {};
    }

    Result<void> write() {
        RELEVO_TRY(disk_, open_disk(options_.data_dir));
        RELEVO_CHECK(empty_folder());
        RELEVO_TRY(const auto marker, disk_->open(restoring_name, OpenMode::create));
        RELEVO_CHECK(disk_->sync_folder());
        RELEVO_CHECK(require_room());
        for (const BackedUpFile& file : restored_.manifest.files)
            RELEVO_CHECK(file.place == Place::store ? write_store_file(file) : write_configuration_file(file));
        RELEVO_CHECK(settle_rows());
        RELEVO_CHECK(disk_->sync_folder());
        RELEVO_CHECK(disk_->remove(restoring_name));
        RELEVO_CHECK(disk_->sync_folder());
        restored_.files.push_back(options_.data_dir);
        // What opening the store has made, its lock for one.
        std::error_code problem;
        for (fs::directory_iterator entry(options_.data_dir, problem), end; !problem && entry != end;
             entry.increment(problem))
            if (entry->is_regular_file(problem)) restored_.files.push_back(entry->path().string());
        return problem ? of_system(options_.data_dir, problem) : Result<void>();
    }

    Result<void> require_room() {
        Octets needed = 0;
        for (const BackedUpFile& file : restored_.manifest.files) needed += file.size;
        RELEVO_TRY(const Octets free, disk_->free_space());
        if (free >= needed) return {};
        return failure(ErrorKind::full,
                       fmt::format("{} MiB are needed, {} MiB are free", needed / mebibyte + 1, free / mebibyte));
    }

    Result<void> write_store_file(const BackedUpFile& file) {
        RELEVO_TRY(const auto target, disk_->open(file.name, OpenMode::create_new));
        Octets at = 0;
        for (const Block& block : file.blocks) {
            RELEVO_TRY(const std::string octets, backups_.block(block));
            RELEVO_CHECK(target->write_at(at, std::as_bytes(std::span(octets))));
            target->begin_sync(at, octets.size());
            at += octets.size();
        }
        restored_.files.push_back(options_.data_dir + "/" + file.name);
        return target->sync();
    }

    // The path comes from the manifest, which holds no "..".
    Result<void> write_configuration_file(const BackedUpFile& file) {
        restored_.configuration = fmt::format("{}/{}", options_.data_dir, configuration_folder);
        const fs::path path = restored_.configuration + file.name;
        RELEVO_CHECK(make_folders(path.parent_path()));
        const FileDescriptor target(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!target) return of_system(path.string(), {errno, std::generic_category()});
        for (const Block& block : file.blocks) {
            RELEVO_TRY(const std::string octets, backups_.block(block));
            for (std::size_t done = 0; done < octets.size();) {
                const ssize_t count = ::write(target.get(), octets.data() + done, octets.size() - done);
                if (count < 0 && errno != EINTR) return of_system(path.string(), {errno, std::generic_category()});
                done += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
            }
        }
        restored_.files.push_back(path.string());
        if (::fsync(target.get()) != 0) return of_system(path.string(), {errno, std::generic_category()});
        return {};
    }

    Result<void> make_folders(const fs::path& wanted) {
        fs::path folder = options_.data_dir;
        for (const fs::path& part : wanted.lexically_relative(options_.data_dir)) {
            folder /= part;
            std::error_code problem;
            if (!fs::create_directory(folder, problem)) {
                if (problem) return of_system(folder.string(), problem);
                continue;
            }
            fs::permissions(folder, fs::perms::owner_all, problem);
            if (problem) return of_system(folder.string(), problem);
            restored_.files.push_back(folder.string());
        }
        return {};
    }

    Result<void> settle_rows() {
        {
            RELEVO_TRY(const auto database, open_sqlite(*disk_, database_name));
            RELEVO_CHECK(migrate(*database, known_));
        }
        if (options_.queue == RestoredQueue::held) {
            RELEVO_TRY(restored_.held,
                       hold_for_review(*disk_, database_name,
                                       fmt::format("restored from the backup of {}; it may have been delivered since",
                                                   minute_of(restored_.manifest)),
                                       [](DeliveryId) { return true; }));
        }
        RELEVO_TRY(const auto database, open_sqlite(*disk_, database_name));
        return database->checkpoint_whole();
    }

    // What an interrupted restore left. Nothing else can be there: see require_empty_folder().
    Result<void> empty_folder() {
        RELEVO_TRY(const std::vector<std::string> names, disk_->list());
        for (const std::string& name : names) {
            if (name == restoring_name || name == "lost+found") continue;
            std::error_code problem;
            fs::remove_all(fs::path(options_.data_dir) / name, problem);
            if (problem) return of_system(options_.data_dir + "/" + name, problem);
        }
        return {};
    }

    void clear() {
        if (!disk_) return;  // somebody else's, or never made
        static_cast<void>(empty_folder());
        static_cast<void>(disk_->remove(restoring_name));
        disk_.reset();
        std::error_code ignored;
        fs::remove(fs::path(options_.data_dir) / "lock", ignored);
        if (!existed_) fs::remove(options_.data_dir, ignored);
    }

    BackupFolder& backups_;
    const RestoreOptions& options_;
    std::span<const Migration> known_;
    Restored restored_;
    std::unique_ptr<Disk> disk_;
    bool existed_ = false;
};

}  // namespace

Result<Restored> restore_backup(const RestoreOptions& options, std::span<const Migration> known) {
    RELEVO_TRY(BackupFolder backups, BackupFolder::open(options.folder));
    return Restore(backups, options, known).run();
}

}  // namespace relevo::backup
