#include "app/backup/create.h"

#include "app/backup/backup_folder.h"
#include "app/backup/held_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <thread>

namespace relevo::backup {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr Octets database_block_octets = 64 * kibibyte;  // rows change here and there
// What was written to so short a while ago may be written to once more without another time stamp.
constexpr std::chrono::nanoseconds stamp_uncertainty = std::chrono::seconds(2);

// With every link followed, as far as it exists.
std::string canonical(const std::string& path) {
    std::error_code problem;
    const fs::path found = fs::weakly_canonical(path, problem);
    return problem ? path : found.string();
}

std::string absolute(const std::string& path) {
    std::error_code problem;
    const fs::path found = fs::absolute(path, problem);
    return problem ? path : found.lexically_normal().string();
}

// When a file was last written to, and which it is.
struct Stamp {
    std::int64_t changed = 0;
    std::uint64_t inode = 0;
    Octets size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

Result<Stamp> stamp_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return failure(errno == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                       fmt::format("{}: {}", path, std::generic_category().message(errno)));
    return Stamp{.changed = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
                 .inode = status.st_ino,
                 .size = static_cast<Octets>(status.st_size)};
}

// Spreads reading over time, so that the server has the disk too.
class Pace {
 public:
    explicit Pace(Octets rate) : rate_(rate) {}
    void spend(Octets octets) {
        if (rate_ == 0) return;
        const auto now = SteadyClock::now();
        free_at_ = std::max(free_at_, now) + std::chrono::nanoseconds(octets * 1'000'000'000 / rate_);
        if (free_at_ - now > std::chrono::milliseconds(20)) std::this_thread::sleep_until(free_at_);
    }

 private:
    Octets rate_;
    SteadyClock::time_point free_at_{};
};

class Copy {
 public:
    Copy(BackupWriter& writer, Octets rate) : writer_(writer), pace_(rate) {}

    Result<BackedUpFile> run(const std::string& path, std::string name, Place place, Octets size, HeldStore& store) {
        RELEVO_TRY(const Stamp stamp, stamp_of(path));
        BackedUpFile file{.name = std::move(name),
                          .place = place,
                          .size = size,
                          .block_octets = place == Place::store && path.ends_with(database_name) ? database_block_octets
                                                                                                 : longest_block_octets,
                          .changed = certain(stamp.changed),
                          .inode = stamp.inode,
                          .blocks = {}};
        if (const BackedUpFile* same = unchanged(file)) {
            file.blocks = same->blocks;
            return file;
        }
        RELEVO_TRY(const auto source, open_to_read(path, size));
        std::string octets;
        for (Octets at = 0; at < size; at += octets.size()) {
            RELEVO_CHECK(store.go_on());
            octets.resize(std::min(file.block_octets, size - at));
            RELEVO_TRY(const std::size_t count, source->read_at(at, std::as_writable_bytes(std::span(octets))));
            if (count < octets.size()) return failure(ErrorKind::conflict, path + " became shorter while it was read");
            RELEVO_TRY(file.blocks.emplace_back(), writer_.add(octets));
            pace_.spend(octets.size());
        }
        return file;
    }

 private:
    static std::int64_t certain(std::int64_t changed) {
        const auto now =
            std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
        return changed < (now - stamp_uncertainty).count() ? std::max<std::int64_t>(changed, 0) : 0;
    }

    // Segments alone: the database is small beside them, and no byte of it may be taken on trust.
    [[nodiscard]] const BackedUpFile* unchanged(const BackedUpFile& file) const {
        if (!writer_.previous() || file.changed == 0 || file.place != Place::store ||
            !file.name.starts_with("segment-"))
            return nullptr;
        const auto& files = writer_.previous()->files;
        const auto found = std::ranges::find_if(files, [&](const BackedUpFile& one) {
            return one.place == file.place && one.name == file.name && one.size == file.size &&
                   one.changed == file.changed && one.inode == file.inode && one.block_octets == file.block_octets;
        });
        return found != files.end() ? &*found : nullptr;
    }

    BackupWriter& writer_;
    Pace pace_;
};

// The files that the server reads, but for those in data_dir, which come with the store.
std::vector<std::string> named_files(const Configuration& configuration, const std::string& configuration_path) {
    std::vector<std::string> names{configuration_path,
                                   configuration.tls.certificate,
                                   configuration.tls.key,
                                   configuration.acme.hook,
                                   configuration.acme.trust_file,
                                   configuration.acme.eab_key_file,
                                   configuration.signing.master_key_file,
                                   configuration.delivery.shaping,
                                   configuration.delivery.bounce_patterns,
                                   configuration.checks.address_lists,
                                   configuration.tracking.machines};
    for (const CertificateSettings& pair : configuration.tls.more_certificates) {
        names.push_back(pair.certificate);
        names.push_back(pair.key);
    }
    for (const RouteSettings& route : configuration.routes) names.push_back(route.password_file);
    for (const SourceSettings& source : configuration.sources) names.push_back(source.proxy_password_file);
    for (const OidcSettings& provider : configuration.oidc) {
        names.push_back(provider.client_secret_file);
        names.push_back(provider.trust_file);
    }
    std::vector<std::string> paths;
    for (const std::string& name : names) {
        if (name.empty()) continue;
        std::string path = absolute(name);
        if (path.starts_with(absolute(configuration.server.data_dir) + "/")) continue;
        if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
    }
    return paths;
}

Result<void> keep_apart(const std::string& folder, const std::string& data_dir) {
    const std::string inner = canonical(folder) + "/";
    const std::string outer = canonical(data_dir) + "/";
    if (!inner.starts_with(outer)) return {};
    return failure(ErrorKind::invalid,
                   fmt::format("{} is in the store itself: what damages one would damage both; name "
                               "a folder elsewhere, best on another disk",
                               folder));
}

Result<void> copy_store(Copy& copy, HeldStore& store, Manifest& manifest) {
    const std::string database = store.data_dir() + "/" + database_name;
    // First, and at once: the log of the server grows meanwhile.
    RELEVO_TRY(const Stamp before, stamp_of(database));
    RELEVO_TRY(BackedUpFile copied, copy.run(database, database_name, Place::store, before.size, store));
    RELEVO_TRY(const Stamp after, stamp_of(database));
    if (before != after)
        return failure(ErrorKind::conflict,
                       "the server had to go on writing while relevo.db was copied: run it again, with a higher --rate "
                       "if there is a limit");
    manifest.files.push_back(std::move(copied));
    RELEVO_CHECK(store.let_database_go());
    for (const HeldFile& file : store.files()) {
        if (file.name == database_name) continue;
        RELEVO_TRY(manifest.files.emplace_back(),
                   copy.run(store.data_dir() + "/" + file.name, file.name, Place::store, file.size, store));
    }
    return {};
}

// A file that is missing keeps nobody from having a backup of the store; it is told.
void copy_configuration(Copy& copy, const std::vector<std::string>& paths, HeldStore& store, Manifest& manifest,
                        Created& created) {
    for (const std::string& path : paths) {
        const std::string target = canonical(path);  // certificates are often links
        auto copied = stamp_of(target);
        auto file = copied.has_value() ? copy.run(target, path, Place::configuration, copied->size, store)
                                       : Result<BackedUpFile>(std::unexpected(copied.error()));
        if (file.has_value())
            manifest.files.push_back(*std::move(file));
        else
            created.left_out.push_back(file.error().detail);
    }
}

std::string advice_for(const Error& error, const std::string& folder) {
    if (error.kind != ErrorKind::full) return error.detail;
    return fmt::format("there is no room in {} ({}): earlier backups there are whole, nothing of this one was kept",
                       folder, error.detail);
}

Result<Created> create(const Configuration& configuration, const CreateOptions& options,
                       std::span<const Migration> known) {
    Created created;
    RELEVO_CHECK(keep_apart(options.folder, configuration.server.data_dir));
    RELEVO_TRY(const auto writer, BackupWriter::open(options.folder));
    if (options.full) writer->forget_earlier();
    Manifest manifest;
    std::string damage_of_statistics;
    {
        RELEVO_TRY(const auto store, hold_store(configuration));
        manifest.made_at = std::chrono::time_point_cast<std::chrono::milliseconds>(store->moment());
        manifest.version = RELEVO_VERSION;
        manifest.host_name = configuration.server.host_name;
        manifest.data_dir = store->data_dir();
        damage_of_statistics = store->damage_of_statistics();
        Copy copy(*writer, options.rate);
        RELEVO_CHECK(copy_store(copy, *store, manifest));
        copy_configuration(copy, named_files(configuration, options.configuration_path), *store, manifest, created);
        RELEVO_CHECK(writer->sync());
    }
    // From here on the server does without us; what is examined is what was written.
    RELEVO_TRY(BackupFolder written, BackupFolder::open(options.folder));
    DiskView view = written.view_of(manifest);
    RELEVO_TRY(created.examination, examine_store(view, known, [] { return Result<void>(); }));
    for (const Finding& finding : created.examination.findings) {
        if (finding.problem.find("of the backup") != std::string::npos)
            return failure(ErrorKind::damaged,
                           fmt::format("{}: it is of an earlier backup, which this one would have built "
                                       "on. `--full` writes everything anew",
                                       finding.problem));
        if (finding.kind == FindingKind::database)
            return failure(ErrorKind::damaged,
                           fmt::format("the copy of the database is damaged ({}): it was not kept; look "
                                       "at the store with `relevo doctor`; if it is whole, `--full` "
                                       "takes nothing from earlier backups",
                                       finding.problem));
    }
    if (!damage_of_statistics.empty()) {
        created.examination.findings.push_back(finding_of_statistics(damage_of_statistics));
        created.left_out.push_back(std::string(statistics_name) + ": it is damaged");
    }
    manifest.messages = created.examination.messages;
    manifest.recipients = created.examination.recipients;
    RELEVO_TRY(created.name, writer->publish(manifest));
    for (const BackedUpFile& file : manifest.files) created.octets += file.size;
    created.files = manifest.files.size();
    created.written = writer->written();
    if (const auto recorded = record_backup_of(configuration, manifest.made_at); !recorded.has_value())
        created.not_recorded = recorded.error().detail;
    if (options.keep > 0) {
        const auto removed = writer->keep_newest(options.keep);
        created.removed = removed.value_or(0);
        if (!removed.has_value()) created.not_removed = removed.error().detail;
    }
    return created;
}

}  // namespace

Result<Created> create_backup(const Configuration& configuration, const CreateOptions& options,
                              std::span<const Migration> known) {
    const auto begun = SteadyClock::now();
    auto created = create(configuration, options, known);
    if (!created.has_value()) {
        created.error().detail = advice_for(created.error(), options.folder);
        return created;
    }
    created->time = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begun);
    return created;
}

}  // namespace relevo::backup
