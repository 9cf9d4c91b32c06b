#include "app/backup/held_store.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/log_guard.h"
#include "app/cli/control_client.h"
#include "app/cli/json_view.h"
#include "core/spool/spool.h"

#include <boost/json/object.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace relevo::backup {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds answer_timeout{30};
constexpr std::chrono::seconds renew_every{10};  // a sixth of the lease (docs/control-protocol.md)
// None of these is part of a store that starts anew.
constexpr std::array<std::string_view, 5> passing_names{"lock", "attempts", restoring_name, "relevo.db.new",
                                                        log_expected_name};

Result<void> move_log_of_statistics(Disk& disk) {
    RELEVO_TRY(const bool exists, disk.exists(statistics_name));
    if (!exists) return {};
    RELEVO_TRY(const auto problems, problems_of_database(disk, statistics_name));
    if (!problems.empty()) return failure(ErrorKind::io, problems.front());
    RELEVO_TRY(const auto database, open_sqlite(disk, statistics_name));
    return database->checkpoint_whole();
}

bool is_of_store(std::string_view name) {
    return std::ranges::find(passing_names, name) == passing_names.end() && !name.ends_with("-wal");
}

Result<json::value> asked(const std::string& socket, std::string_view command, json::object arguments) {
    RELEVO_TRY(json::object answer,
               cli::ask_server(socket, {{"command", command}, {"arguments", std::move(arguments)}}, answer_timeout));
    const json::value whole(std::move(answer));
    if (cli::text(whole, "ok") == "yes") return cli::member(whole, "result");
    const json::value& error = cli::member(whole, "error");
    const std::string kind = cli::text(error, "kind");
    return failure(kind == "conflict"      ? ErrorKind::conflict
                   : kind == "unsupported" ? ErrorKind::unsupported
                                           : ErrorKind::io,
                   cli::text(error, "message", "the server refused without a reason"));
}

class HeldByServer final : public HeldStore {
 public:
    static Result<std::unique_ptr<HeldStore>> begin(const std::string& socket) {
        RELEVO_TRY(const json::value hold, asked(socket, "store.hold", {}));
        std::unique_ptr<HeldByServer> held(new HeldByServer(socket));
        held->id_ = cli::text(hold, "hold");
        held->data_dir_ = cli::text(hold, "data_dir");
        held->moment_ = std::chrono::system_clock::now();
        for (const json::value& file : cli::elements(hold, "files"))
            held->files_.push_back({cli::text(file, "name"), static_cast<Octets>(cli::number(file, "size"))});
        return std::unique_ptr<HeldStore>(std::move(held));
    }
    ~HeldByServer() override { static_cast<void>(asked(socket_, "store.let_go", {{"hold", id_}})); }

    Result<void> go_on() override {
        if (SteadyClock::now() < renew_at_) return {};
        return renew(let_go_ ? "contents" : "all");
    }
    Result<void> let_database_go() override {
        let_go_ = true;
        return renew("contents");
    }

 private:
    explicit HeldByServer(std::string socket) : socket_(std::move(socket)) {}
    Result<void> renew(std::string_view held) {
        const auto renewed = asked(socket_, "store.go_on", {{"hold", id_}, {"held", held}});
        if (!renewed.has_value())
            return failure(ErrorKind::conflict, "the server went on without waiting any longer (" +
                                                    renewed.error().detail +
                                                    "): run it again, with a higher --rate if there is a limit");
        renew_at_ = SteadyClock::now() + renew_every;
        return {};
    }

    std::string socket_, id_;
    bool let_go_ = false;
    SteadyClock::time_point renew_at_ = SteadyClock::now() + renew_every;
};

class HeldByLock final : public HeldStore {
 public:
    static Result<std::unique_ptr<HeldStore>> begin(const std::string& data_dir) {
        std::error_code problem;
        if (!fs::exists(fs::path(data_dir) / database_name, problem))
            return failure(problem ? ErrorKind::refused : ErrorKind::not_found,
                           problem ? fmt::format("{}: {}", data_dir, problem.message())
                                   : data_dir + " holds no store: there is no relevo.db");
        std::unique_ptr<HeldByLock> held(new HeldByLock());
        RELEVO_TRY(held->disk_, open_disk(data_dir));
        RELEVO_TRY(const bool is_restoring, held->disk_->exists(restoring_name));
        if (is_restoring)
            return failure(ErrorKind::conflict, "a restore into " + data_dir + " was interrupted: run it again");
        // Before anything opens the database: SQLite makes a log where one is missing, and a database of an empty file.
        if (fs::file_size(fs::path(data_dir) / database_name, problem) == 0 || problem)
            return failure(ErrorKind::damaged, "relevo.db is damaged: it is empty");
        RELEVO_TRY(const std::vector<std::string> lost, problems_of_store_log(*held->disk_));
        // The start of a server keeps what is left of a damaged log; here that would be gone.
        if (!lost.empty())
            return failure(ErrorKind::damaged,
                           fmt::format("relevo.db is damaged: {}. A start of the server keeps the damaged "
                                       "log apart and serves what is left",
                                       lost.front()));
        // Before the log is moved: nothing may be written into a damaged file.
        const auto problems = problems_of_database(*held->disk_, database_name);
        if (!problems.has_value() || !problems->empty())
            return failure(
                ErrorKind::damaged,
                "relevo.db is damaged: " + (problems.has_value() ? problems->front() : problems.error().detail));
        RELEVO_CHECK(stop_expecting_log(*held->disk_));
        {
            RELEVO_TRY(const auto database, open_sqlite(*held->disk_, database_name));
            RELEVO_CHECK(database->checkpoint_whole());
        }
        const auto statistics = move_log_of_statistics(*held->disk_);
        if (!statistics.has_value()) held->damage_of_statistics_ = statistics.error().detail;
        held->data_dir_ = data_dir;
        held->moment_ = std::chrono::system_clock::now();
        RELEVO_TRY(held->files_, files_of_store(data_dir));
        if (!statistics.has_value())
            std::erase_if(held->files_, [](const HeldFile& file) { return file.name == statistics_name; });
        return std::unique_ptr<HeldStore>(std::move(held));
    }

 private:
    HeldByLock() = default;
    std::unique_ptr<Disk> disk_;
};

}  // namespace

Result<std::vector<HeldFile>> files_of_store(const std::string& data_dir) {
    std::vector<HeldFile> files;
    std::error_code problem;
    for (fs::directory_iterator entry(data_dir, problem), end; !problem && entry != end; entry.increment(problem)) {
        std::error_code gone;  // a file may be removed meanwhile
        const std::string name = entry->path().filename().string();
        if (!entry->is_regular_file(gone) || entry->is_symlink(gone) || !is_of_store(name)) continue;
        const auto size = entry->file_size(gone);
        if (!gone) files.push_back({name, size});
    }
    if (problem)
        return failure(problem == std::errc::permission_denied ? ErrorKind::refused : ErrorKind::io,
                       fmt::format("{}: {}", data_dir, problem.message()));
    std::ranges::sort(files, {}, &HeldFile::name);
    return files;
}

std::unique_ptr<DiskView> view_of(const HeldStore& store) {
    std::map<std::string, DiskView::Opener, std::less<>> files;
    for (const HeldFile& file : store.files())
        files.emplace(file.name, [path = store.data_dir() + "/" + file.name, size = file.size] {
            return open_to_read(path, size);
        });
    return std::make_unique<DiskView>(std::move(files));
}

Result<std::unique_ptr<HeldStore>> hold_store(const Configuration& configuration) {
    auto held = HeldByServer::begin(configuration.control_socket());
    if (held.has_value() || held.error().kind != ErrorKind::closed) return held;
    return HeldByLock::begin(configuration.server.data_dir);
}

Result<void> record_backup_of(const Configuration& configuration, std::chrono::system_clock::time_point moment) {
    const auto told = asked(
        configuration.control_socket(), "store.backed_up",
        {{"moment", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(moment)))}});
    if (told.has_value()) return {};
    if (told.error().kind != ErrorKind::closed) return std::unexpected(told.error());
    RELEVO_TRY(const auto disk, open_disk(configuration.server.data_dir));
    RELEVO_TRY(const auto database, open_sqlite(*disk, database_name));
    RELEVO_CHECK(database->begin());
    if (auto done = record_backup(database->transaction(), moment); !done.has_value()) {
        database->rollback();
        return done;
    }
    return database->commit();
}

}  // namespace relevo::backup
