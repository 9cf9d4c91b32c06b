#include "app/backup/doctor.h"

#include "adapters/sqlite/sqlite_database.h"
#include "adapters/vault/file_key_vault.h"
#include "app/backup/held_store.h"
#include "core/signing/key_ring.h"
#include "core/signing/keys.h"

#include <fmt/format.h>

#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace relevo::backup {
namespace {

// Whatever anybody but the owner may do is too much: the store is all mail and all keys.
void check_access(const HeldStore& store, Examination& found) {
    const auto check = [&](const std::string& path) {
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 077) == 0) return;
        const char* const right = S_ISDIR(status.st_mode) ? "700" : "600";
        found.findings.push_back({FindingKind::access, path,
                                  fmt::format("others than its owner have rights to it (mode {:o}): chmod {}",
                                              status.st_mode & 07777, right)});
    };
    check(store.data_dir());
    for (const HeldFile& file : store.files()) check(store.data_dir() + "/" + file.name);
}

void check_space(const Configuration& configuration, const HeldStore& store, Examination& found) {
    struct statvfs status{};
    if (::statvfs(store.data_dir().c_str(), &status) != 0) return;
    const Octets free = static_cast<Octets>(status.f_bavail) * status.f_frsize;
    const Octets reserve = configuration.disk_reserve_on(static_cast<Octets>(status.f_blocks) * status.f_frsize);
    if (free > reserve) return;
    found.findings.push_back({FindingKind::space, store.data_dir(),
                              fmt::format("{} MiB are free, {} MiB are kept for what must be written at any time "
                                          "(queue.disk_reserve): new mail is refused. Make room",
                                          free / mebibyte, reserve / mebibyte)});
}

// Without its key a domain's mail leaves unsigned.
void check_keys(const Configuration& configuration, Disk& view, Examination& found) {
    const auto database = open_sqlite(view, database_name);
    if (!database.has_value()) return;  // found already
    const auto looked = (*database)->read([&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::int64_t sealed, count_sealed_keys(reader));
        if (sealed == 0) return {};
        const auto vault = open_file_key_vault(configuration.master_key_file(), MissingMasterKey::refuse);
        if (!vault.has_value()) {
            found.findings.push_back({FindingKind::key, configuration.master_key_file(), vault.error().detail});
            return {};
        }
        std::vector<std::string> problems;
        const auto ring = KeyRing::load(reader, **vault, configuration.signing.service_domain, nullptr, problems);
        if (!ring.has_value())
            found.findings.push_back({FindingKind::key, configuration.master_key_file(), ring.error().detail});
        for (const std::string& problem : problems)
            found.findings.push_back({FindingKind::key, "signing key", problem});
        return {};
    });
    if (!looked.has_value()) found.findings.push_back({FindingKind::database, database_name, looked.error().detail});
}

}  // namespace

Result<Examination> examine_host(const Configuration& configuration, std::span<const Migration> known) {
    auto store = hold_store(configuration);
    // So far that nobody can say which messages are.
    if (!store.has_value() && store.error().kind == ErrorKind::damaged) {
        Examination found;
        found.findings.push_back({FindingKind::database, database_name, store.error().detail});
        return found;
    }
    if (!store.has_value()) return std::unexpected(std::move(store).error());
    const auto view = view_of(**store);
    RELEVO_TRY(Examination found, examine_store(*view, known, [&] { return (*store)->go_on(); }));
    if (!(*store)->damage_of_statistics().empty())
        found.findings.push_back(finding_of_statistics((*store)->damage_of_statistics()));
    check_access(**store, found);
    check_space(configuration, **store, found);
    if (found.missing_changes == 0) check_keys(configuration, *view, found);
    RELEVO_CHECK((*store)->let_database_go());  // it was ours until now, or what was found may be of two moments
    return found;
}

}  // namespace relevo::backup
