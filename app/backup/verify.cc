#include "app/backup/verify.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::backup {

Result<Verified> verify_backup(const std::string& folder, const std::string& name, std::span<const Migration> known) {
    RELEVO_TRY(BackupFolder backups, BackupFolder::open(folder));
    Verified verified;
    RELEVO_TRY(verified.manifest, backups.manifest(name));
    RELEVO_TRY(const std::vector<std::string> names, backups.names());
    verified.name = name.empty() ? names.back() : name;
    for (const BackedUpFile& file : verified.manifest.files)
        if (const auto whole = backups.read(file); !whole.has_value())
            verified.damage.push_back(fmt::format("{}: {}", file.name, whole.error().detail));
    const auto is_database = [](const BackedUpFile& file) {
        return file.place == Place::store && file.name == "relevo.db";
    };
    if (std::ranges::none_of(verified.manifest.files, is_database))
        verified.damage.emplace_back("relevo.db is not in it");
    if (!verified.damage.empty()) return verified;
    DiskView view = backups.view_of(verified.manifest);
    RELEVO_TRY(verified.examination, examine_store(view, known, [] { return Result<void>(); }));
    return verified;
}

}  // namespace relevo::backup
