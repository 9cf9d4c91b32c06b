// A Disk in memory that writes down every call, so that a test can cut the power after any of them (security row R3).
#pragma once

#include "core/ports/disk.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace relevo::simulation {

// What a disk holds: the octets of each file by its name.
using DiskImage = std::map<std::string, std::string, std::less<>>;

// One call that changes the disk or makes a change durable. A file has one number for life, whatever its names.
struct Call {
    enum class Kind : std::uint8_t { create, write, truncate, sync, failed_sync, remove, rename, sync_folder };
    Kind kind = Kind::write;
    std::uint32_t file = 0;
    std::string name;    // create, remove, rename: the (old) name
    std::string second;  // rename: the new name
    Octets offset = 0;   // write; truncate: the new size
    std::string octets;  // write
};

// Ignored syncs do nothing and are not recorded. The negative controls: crash tests must then find losses.
enum class Syncs : std::uint8_t { honoured, of_folder_ignored, ignored };

// Files are numbered from 1, those of the first image in order of their names. Threads: any, but
// calls(), set_fault() and set_capacity() only while nobody else uses it.
class SimulatedDisk final : public Disk {
 public:
    explicit SimulatedDisk(const DiskImage& image = {}, Syncs syncs = Syncs::honoured);

    // Asked before each call; an error makes it fail. A failed write has written its first half; after a failed sync
    // the written octets still read back, but are not durable and never will be (as on Linux).
    using Fault = std::function<std::optional<Error>(const Call&)>;
    void set_fault(Fault fault) { state_->fault = std::move(fault); }
    // Size of the disk: beyond, writes fail with `full`.
    void set_capacity(Octets octets) { state_->capacity = octets; }

    [[nodiscard]] const std::vector<Call>& calls() const { return state_->calls; }
    // What programs see now.
    [[nodiscard]] DiskImage image() const;

    Result<std::unique_ptr<DiskFile>> open(std::string_view name, OpenMode mode) override;
    Result<void> remove(std::string_view name) override;
    Result<void> rename(std::string_view from, std::string_view to) override;
    Result<bool> exists(std::string_view name) override;
    Result<std::vector<std::string>> list() override;
    Result<void> sync_folder() override;
    Result<Octets> free_space() override;
    Result<Octets> total_space() override { return state_->capacity; }

 private:
    friend class SimulatedFile;
    struct Inode {
        std::uint32_t number = 0;
        std::string octets;
    };
    // Shared with the open files, which may outlive their names.
    struct State {
        std::mutex mutex;
        Syncs syncs = Syncs::honoured;
        Octets capacity = 1024 * mebibyte;
        std::map<std::string, std::shared_ptr<Inode>, std::less<>> names;
        std::uint32_t last_number = 0;
        std::vector<Call> calls;
        Fault fault;

        Result<void> record(Call call);
        [[nodiscard]] Octets used() const;
    };

    std::shared_ptr<State> state_;
};

}  // namespace relevo::simulation
