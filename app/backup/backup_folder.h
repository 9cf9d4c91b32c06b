// The folder that backups are kept in: blocks, each once, in pack files, and a manifest for each backup
// (docs/formats/backups.md).
#pragma once

#include "adapters/disk/disk_view.h"
#include "app/backup/manifest.h"
#include "core/ports/disk.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo::backup {

// Reads; takes no lock, so that a folder on a disk that cannot be written to will do. Threads: one at a time.
class BackupFolder {
 public:
    // Errors: not_found – there is no such folder, or nothing of Relevo in it. unsupported – of a newer Relevo.
    // refused, io.
    [[nodiscard]] static Result<BackupFolder> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    // Of whole backups, oldest first.
    [[nodiscard]] Result<std::vector<std::string>> names() const;
    // Empty name: the newest. Errors: not_found; as parse_manifest(); detail names the file.
    [[nodiscard]] Result<Manifest> manifest(const std::string& name) const;
    // Its octets, which have been checked. Errors: damaged – cut short or changed; io; detail says where.
    [[nodiscard]] Result<std::string> block(const Block& block);
    // Reads all of a file, to say what is wrong with it. Errors: as block().
    [[nodiscard]] Result<void> read(const BackedUpFile& file);
    // The files of the store as they were, as a disk. Every octet that is read has been checked. The folder and the
    // manifest must outlive it.
    [[nodiscard]] DiskView view_of(const Manifest& manifest);

 private:
    explicit BackupFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;
    std::uint32_t open_pack_ = 0;
    std::unique_ptr<DiskFile> pack_;
};

[[nodiscard]] std::string name_of_pack(std::uint32_t number);

// Adds a backup. Nothing of it counts before publish(); what is left of one that came to nothing goes away with this
// object, or at the next backup.
class BackupWriter {
 public:
    // Makes the folder if it is missing, mode 0700, and takes its lock. Errors: conflict – another backup is being made
    // there, or the folder holds something else. full, refused, io.
    [[nodiscard]] static Result<std::unique_ptr<BackupWriter>> open(const std::string& path);
    ~BackupWriter();
    BackupWriter(const BackupWriter&) = delete;
    BackupWriter& operator=(const BackupWriter&) = delete;

    // The newest backup, for what has not changed since; nothing: there is none that can be read.
    [[nodiscard]] const std::optional<Manifest>& previous() const { return previous_; }
    // Takes nothing over from earlier backups: everything is written anew.
    void forget_earlier();
    // Stores a block unless the folder has it. Errors: full, io.
    [[nodiscard]] Result<Block> add(std::string_view octets);
    // What was added is on the disk. Call before publish().
    [[nodiscard]] Result<void> sync();
    // From now on the backup is there, whatever happens. Returns its name.
    [[nodiscard]] Result<std::string> publish(const Manifest& manifest);
    // Removes all but the newest `count` backups, and packs that only those needed. Returns how many backups went.
    // Nothing is removed while a manifest cannot be read: nobody knows what it needs.
    [[nodiscard]] Result<std::size_t> keep_newest(std::size_t count);

    [[nodiscard]] Octets written() const { return written_; }
    [[nodiscard]] Octets taken_over() const { return taken_over_; }

 private:
    BackupWriter(std::string path, std::unique_ptr<Disk> disk) : path_(std::move(path)), disk_(std::move(disk)) {}
    Result<void> load();
    Result<void> claim_folder();
    Result<void> next_pack();
    Result<void> flush();
    void remove_unfinished();

    std::string path_;
    std::unique_ptr<Disk> disk_;
    std::map<std::string, Manifest> manifests_;  // that can be read, by name
    bool all_readable_ = true;
    std::optional<Manifest> previous_;
    std::map<BlockHash, Block> known_;
    std::vector<std::uint32_t> new_packs_;
    std::unique_ptr<DiskFile> pack_;
    std::uint32_t last_pack_ = 0;
    Octets pack_octets_ = 0;  // of the open pack, with what is in the buffer
    std::string buffer_;
    Octets written_ = 0, taken_over_ = 0;
};

}  // namespace relevo::backup
