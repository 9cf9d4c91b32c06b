// The files of a store at one moment, whether a server runs or not.
#pragma once

#include "adapters/disk/disk_view.h"
#include "app/configuration/configuration.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace relevo::backup {

inline constexpr const char* database_name = "relevo.db";
inline constexpr const char* statistics_name = "statistics.db";
// There from the first to the last moment of a restore; no server starts beside it.
inline constexpr const char* restoring_name = "restoring";

struct HeldFile {
    std::string name;
    Octets size = 0;
};

// The regular files of a data folder that make up its store, sorted: not the lock, logs of SQLite, what is under way
// (`attempts`) or was set aside. Errors: io, refused.
[[nodiscard]] Result<std::vector<HeldFile>> files_of_store(const std::string& data_dir);

// As long as it lives: relevo.db is whole without its log and not written to, the first `size` octets of the other
// files stay. Threads: one at a time.
class HeldStore {
 public:
    virtual ~HeldStore() = default;
    [[nodiscard]] const std::string& data_dir() const { return data_dir_; }
    [[nodiscard]] const std::vector<HeldFile>& files() const { return files_; }
    [[nodiscard]] std::chrono::system_clock::time_point moment() const { return moment_; }
    // Why the figures (statistics.db) are not among the files although they are there; empty: they are, or there are
    // none. A server sets damaged ones aside and counts anew from the events: they are not worth failing for.
    [[nodiscard]] const std::string& damage_of_statistics() const { return damage_of_statistics_; }
    // Call it often: asks the server now and then to go on. Errors: conflict – the server has let the files go.
    [[nodiscard]] virtual Result<void> go_on() { return {}; }
    // relevo.db is needed no more.
    [[nodiscard]] virtual Result<void> let_database_go() { return {}; }

 protected:
    std::string data_dir_;
    std::vector<HeldFile> files_;
    std::chrono::system_clock::time_point moment_;
    std::string damage_of_statistics_;
};

// The held files as a disk, to open them as a store. The store must outlive it.
[[nodiscard]] std::unique_ptr<DiskView> view_of(const HeldStore& store);

// Asks the running server, else takes the lock of the data folder. Errors: not_found – there is no store. conflict –
// a server that does not answer uses it, or another copy is being made. damaged – the database is: text says how.
// refused, full.
[[nodiscard]] Result<std::unique_ptr<HeldStore>> hold_store(const Configuration& configuration);

// Writes into the store that a backup of it was made, for monitoring. Errors: as hold_store(); the backup is good
// without it.
[[nodiscard]] Result<void> record_backup_of(const Configuration& configuration,
                                            std::chrono::system_clock::time_point moment);

}  // namespace relevo::backup
