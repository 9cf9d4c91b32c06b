#include "app/backup/backup_folder.h"

#include "adapters/disk/posix_disk.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <mutex>
#include <set>

namespace relevo::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view marker_name = "relevo-backups";
constexpr std::string_view marker_text = "Backups of Relevo, format 1: docs/formats/backups.md\n";
constexpr std::string_view marker_start = "Backups of Relevo, format ";
constexpr std::string_view manifest_prefix = "backup-";
constexpr std::string_view unfinished_manifest = "unfinished";
constexpr std::string_view pack_prefix = "pack-";
constexpr Octets pack_limit_octets = 256 * mebibyte;
constexpr Octets buffer_octets = 4 * mebibyte;
constexpr Octets cache_octets = 64 * mebibyte;
constexpr Octets manifest_limit_octets = 1024 * mebibyte;

std::optional<std::uint32_t> pack_in(std::string_view name) {
    if (!name.starts_with(pack_prefix)) return std::nullopt;
    return parse_decimal<std::uint32_t>(name.substr(pack_prefix.size()));
}

Result<std::string> whole(DiskFile& file, Octets limit, std::string_view name) {
    RELEVO_TRY(const Octets size, file.size());
    if (size > limit) return failure(ErrorKind::limit, fmt::format("{} is too large to be of a backup", name));
    std::string octets(size, '\0');
    RELEVO_TRY(const std::size_t count, file.read_at(0, std::as_writable_bytes(std::span(octets))));
    octets.resize(count);
    return octets;
}

Result<Manifest> read_manifest(DiskFile& file, const std::string& name) {
    RELEVO_TRY(const std::string text, whole(file, manifest_limit_octets, name));
    auto manifest = parse_manifest(text);
    if (!manifest.has_value()) manifest.error().detail = fmt::format("{}: {}", name, manifest.error().detail);
    return manifest;
}

Result<void> check_marker(DiskFile& file, const std::string& path) {
    RELEVO_TRY(const std::string text, whole(file, 4096, marker_name));
    if (text == marker_text) return {};
    if (text.starts_with(marker_start))
        return failure(ErrorKind::unsupported, path + " holds backups of a newer Relevo");
    return failure(ErrorKind::not_found,
                   path + " holds no backup of Relevo, or its file \"relevo-backups\" is damaged");
}

bool is_manifest(std::string_view name) { return name.starts_with(manifest_prefix); }

// Somebody's documents are no place for a backup: not even a lock is left there.
Result<void> require_own_folder(const std::string& path) {
    std::error_code problem;
    if (!fs::exists(path, problem) || fs::exists(fs::path(path) / marker_name, problem)) return {};
    for (fs::directory_iterator entry(path, problem), end; !problem && entry != end; entry.increment(problem)) {
        const std::string name = entry->path().filename().string();
        if (name != "lost+found" && name != "lock")
            return failure(ErrorKind::conflict,
                           fmt::format("{} holds something else ({}): backups need a folder of their own", path, name));
    }
    if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", path, problem.message()));
    return {};
}

// A file of a backup. The blocks read last stay in memory: SQLite goes to and fro.
class BlockFile final : public DiskFile {
 public:
    BlockFile(BackupFolder& folder, const BackedUpFile& file) : folder_(folder), file_(file) {}

    Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) override {
        const std::lock_guard guard(mutex_);
        std::size_t done = 0;
        while (done < into.size() && offset + done < file_.size) {
            const Octets at = offset + done;
            RELEVO_TRY(const std::string* const octets, block(static_cast<std::size_t>(at / file_.block_octets)));
            const std::size_t start = at % file_.block_octets;
            const std::size_t count = std::min(octets->size() - start, into.size() - done);
            std::memcpy(into.data() + done, octets->data() + start, count);
            done += count;
        }
        return done;
    }
    Result<void> write_at(Octets, std::span<const std::byte>) override { return unchangeable(); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(Octets) override { return unchangeable(); }
    Result<Octets> size() override { return Octets{file_.size}; }

 private:
    std::unexpected<Error> unchangeable() const {
        return failure(ErrorKind::refused, file_.name + " is only to be read");
    }

    Result<const std::string*> block(std::size_t index) {
        if (const auto found = places_.find(index); found != places_.end()) {
            recent_.splice(recent_.begin(), recent_, found->second);
            return &recent_.front().second;
        }
        RELEVO_TRY(std::string octets, folder_.block(file_.blocks[index]));
        if (recent_.size() >= cache_octets / file_.block_octets) {
            places_.erase(recent_.back().first);
            recent_.pop_back();
        }
        recent_.emplace_front(index, std::move(octets));
        places_[index] = recent_.begin();
        return &recent_.front().second;
    }

    BackupFolder& folder_;
    const BackedUpFile& file_;
    std::mutex mutex_;
    std::list<std::pair<std::size_t, std::string>> recent_;
    std::map<std::size_t, std::list<std::pair<std::size_t, std::string>>::iterator> places_;
};

}  // namespace

std::string name_of_pack(std::uint32_t number) { return fmt::format("{}{:010}", pack_prefix, number); }

Result<BackupFolder> BackupFolder::open(const std::string& path) {
    auto marker = open_to_read(fmt::format("{}/{}", path, marker_name));
    std::error_code problem;
    if (!marker.has_value() && marker.error().kind == ErrorKind::not_found)
        return failure(ErrorKind::not_found,
                       path + (fs::exists(path, problem) ? " holds no backup of Relevo"
                                                         : " does not exist: is its disk mounted?"));
    if (!marker.has_value()) return std::unexpected(std::move(marker).error());
    RELEVO_CHECK(check_marker(**marker, path));
    return BackupFolder(path);
}

Result<std::vector<std::string>> BackupFolder::names() const {
    std::vector<std::string> names;
    std::error_code problem;
    for (fs::directory_iterator entry(path_, problem), end; !problem && entry != end; entry.increment(problem))
        if (is_manifest(entry->path().filename().string())) names.push_back(entry->path().filename().string());
    if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", path_, problem.message()));
    std::ranges::sort(names);
    return names;
}

Result<Manifest> BackupFolder::manifest(const std::string& name) const {
    RELEVO_TRY(const std::vector<std::string> names, this->names());
    if (names.empty()) return failure(ErrorKind::not_found, path_ + " holds no whole backup yet");
    const std::string& wanted = name.empty() ? names.back() : name;
    if (std::ranges::find(names, wanted) == names.end())
        return failure(ErrorKind::not_found, fmt::format("{} has no {}: `relevo backup list {}` names those it has",
                                                         path_, printable(wanted, 60), path_));
    RELEVO_TRY(const auto file, open_to_read(fmt::format("{}/{}", path_, wanted)));
    auto manifest = read_manifest(*file, wanted);
    if (!manifest.has_value()) manifest.error().detail += fmt::format("; `relevo backup list {}` names others", path_);
    return manifest;
}

Result<std::string> BackupFolder::block(const Block& block) {
    if (!pack_ || open_pack_ != block.pack) {
        pack_.reset();
        auto opened = open_to_read(fmt::format("{}/{}", path_, name_of_pack(block.pack)));
        if (!opened.has_value())
            return failure(ErrorKind::io, fmt::format("{} of the backup cannot be read: {}", name_of_pack(block.pack),
                                                      opened.error().detail));
        pack_ = *std::move(opened);
        open_pack_ = block.pack;
    }
    std::string octets(block.length, '\0');
    RELEVO_TRY(const std::size_t count, pack_->read_at(block.offset, std::as_writable_bytes(std::span(octets))));
    if (count < block.length)
        return failure(ErrorKind::damaged,
                       fmt::format("{} of the backup is cut short: {} octets at {} are missing",
                                   name_of_pack(block.pack), block.length - count, block.offset + count));
    if (hash_of(octets) != block.hash)
        return failure(ErrorKind::damaged,
                       fmt::format("{} of the backup is damaged: {} octets at {} are not those that were written",
                                   name_of_pack(block.pack), block.length, block.offset));
    return octets;
}

Result<void> BackupFolder::read(const BackedUpFile& file) {
    for (const Block& one : file.blocks) RELEVO_CHECK(block(one));
    return {};
}

DiskView BackupFolder::view_of(const Manifest& manifest) {
    std::map<std::string, DiskView::Opener, std::less<>> files;
    for (const BackedUpFile& file : manifest.files)
        if (file.place == Place::store)
            files.emplace(file.name, [this, &file]() -> Result<std::unique_ptr<DiskFile>> {
                return std::make_unique<BlockFile>(*this, file);
            });
    return DiskView(std::move(files));
}

Result<std::unique_ptr<BackupWriter>> BackupWriter::open(const std::string& path) {
    RELEVO_CHECK(require_own_folder(path));
    std::error_code problem;
    if (const fs::path parent = fs::absolute(path, problem).parent_path(); !problem && !fs::exists(parent, problem))
        return failure(ErrorKind::not_found, parent.string() + " does not exist: is its disk mounted?");
    auto disk = open_disk(path);
    if (!disk.has_value() && disk.error().kind == ErrorKind::conflict)
        return failure(ErrorKind::conflict, "another backup is being made in " + path);
    if (!disk.has_value()) return std::unexpected(std::move(disk).error());
    std::unique_ptr<BackupWriter> writer(new BackupWriter(path, *std::move(disk)));
    RELEVO_CHECK(writer->claim_folder());
    RELEVO_CHECK(writer->load());
    return writer;
}

Result<void> BackupWriter::claim_folder() {
    RELEVO_TRY(const bool is_ours, disk_->exists(marker_name));
    if (is_ours) {
        RELEVO_TRY(const auto marker, disk_->open(marker_name, OpenMode::existing));
        return check_marker(*marker, path_);
    }
    RELEVO_TRY(const auto marker, disk_->open(marker_name, OpenMode::create_new));
    RELEVO_CHECK(marker->write_at(0, std::as_bytes(std::span(marker_text))));
    RELEVO_CHECK(marker->sync());
    return disk_->sync_folder();
}

Result<void> BackupWriter::load() {
    RELEVO_TRY(const std::vector<std::string> names, disk_->list());
    for (const std::string& name : names) {
        if (const auto pack = pack_in(name)) last_pack_ = std::max(last_pack_, *pack);
        if (!is_manifest(name)) continue;
        RELEVO_TRY(const auto file, disk_->open(name, OpenMode::existing));
        auto manifest = read_manifest(*file, name);
        if (!manifest.has_value())
            all_readable_ = false;
        else
            manifests_.emplace(name, *std::move(manifest));
    }
    std::map<std::uint32_t, Octets> sizes;
    for (const std::string& name : names)
        if (const auto pack = pack_in(name)) {
            RELEVO_TRY(const auto file, disk_->open(name, OpenMode::existing));
            RELEVO_TRY(sizes[*pack], file->size());
        }
    for (const auto& [name, manifest] : manifests_)
        for (const BackedUpFile& file : manifest.files)
            for (const Block& block : file.blocks)
                if (const auto pack = sizes.find(block.pack);
                    pack != sizes.end() && block.offset + block.length <= pack->second)
                    known_.emplace(block.hash, block);
    if (!manifests_.empty()) previous_ = manifests_.rbegin()->second;
    remove_unfinished();
    return {};
}

void BackupWriter::forget_earlier() {
    previous_.reset();
    known_.clear();
}

Result<void> BackupWriter::next_pack() {
    RELEVO_CHECK(sync());
    const std::uint32_t number = last_pack_ + 1;
    RELEVO_TRY(pack_, disk_->open(name_of_pack(number), OpenMode::create_new));
    last_pack_ = number;
    new_packs_.push_back(number);
    pack_octets_ = 0;
    return {};
}

Result<void> BackupWriter::flush() {
    if (buffer_.empty()) return {};
    RELEVO_CHECK(pack_->write_at(pack_octets_ - buffer_.size(), std::as_bytes(std::span(buffer_))));
    pack_->begin_sync(pack_octets_ - buffer_.size(), buffer_.size());
    buffer_.clear();
    return {};
}

Result<Block> BackupWriter::add(std::string_view octets) {
    const BlockHash hash = hash_of(octets);
    if (const auto found = known_.find(hash); found != known_.end()) {
        taken_over_ += octets.size();
        return found->second;
    }
    if (!pack_ || pack_octets_ + octets.size() > pack_limit_octets) RELEVO_CHECK(next_pack());
    const Block block{.pack = last_pack_, .offset = pack_octets_, .length = octets.size(), .hash = hash};
    buffer_.append(octets);
    pack_octets_ += octets.size();
    written_ += octets.size();
    known_.emplace(hash, block);
    if (buffer_.size() >= buffer_octets) RELEVO_CHECK(flush());
    return block;
}

Result<void> BackupWriter::sync() {
    if (!pack_) return {};
    RELEVO_CHECK(flush());
    RELEVO_CHECK(pack_->sync());
    return disk_->sync_folder();
}

Result<std::string> BackupWriter::publish(const Manifest& manifest) {
    const auto since_second = manifest.made_at.time_since_epoch().count() % 1000;
    const std::string name =
        fmt::format("{}{:%Y%m%dT%H%M%S}.{:03}Z", manifest_prefix,
                    fmt::gmtime(std::chrono::system_clock::to_time_t(manifest.made_at)), since_second);
    RELEVO_TRY(const bool exists, disk_->exists(name));
    if (exists) return failure(ErrorKind::conflict, fmt::format("{} is there already", name));
    const std::string text = text_of(manifest);
    {
        RELEVO_TRY(const auto file, disk_->open(unfinished_manifest, OpenMode::create));
        RELEVO_CHECK(file->truncate(0));
        RELEVO_CHECK(file->write_at(0, std::as_bytes(std::span(text))));
        RELEVO_CHECK(file->sync());
    }
    RELEVO_CHECK(disk_->rename(unfinished_manifest, name));
    RELEVO_CHECK(disk_->sync_folder());
    manifests_.emplace(name, manifest);
    new_packs_.clear();
    return name;
}

Result<std::size_t> BackupWriter::keep_newest(std::size_t count) {
    if (!all_readable_)
        return failure(ErrorKind::conflict, "a backup in " + path_ +
                                                " cannot be read, so no old one was removed: `relevo backup list` "
                                                "names it");
    std::size_t removed = 0;
    while (manifests_.size() > count) {
        RELEVO_CHECK(disk_->remove(manifests_.begin()->first));
        manifests_.erase(manifests_.begin());
        ++removed;
    }
    // The manifests must be gone before what they name.
    if (removed > 0) RELEVO_CHECK(disk_->sync_folder());
    pack_.reset();
    remove_unfinished();
    return removed;
}

// What no manifest names. Best effort: what stays is tried again next time.
void BackupWriter::remove_unfinished() {
    if (!all_readable_) {  // it may need any of them
        for (const std::uint32_t pack : new_packs_) static_cast<void>(disk_->remove(name_of_pack(pack)));
        new_packs_.clear();
        return;
    }
    std::set<std::uint32_t> named;
    for (const auto& [name, manifest] : manifests_)
        for (const BackedUpFile& file : manifest.files)
            for (const Block& block : file.blocks) named.insert(block.pack);
    const auto names = disk_->list();
    if (!names.has_value()) return;
    for (const std::string& name : *names) {
        const auto pack = pack_in(name);
        if ((pack && !named.contains(*pack)) || name == unfinished_manifest) static_cast<void>(disk_->remove(name));
    }
    new_packs_.clear();
}

BackupWriter::~BackupWriter() {
    pack_.reset();
    if (!new_packs_.empty()) remove_unfinished();
}

}  // namespace relevo::backup
