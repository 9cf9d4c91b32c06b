// What may be left on a disk when the power goes: everything that was synced, and any part of the rest.
#pragma once

#include "adapters/simulation/simulated_disk.h"

#include <random>

namespace relevo::simulation {

// How the unsynced part comes out.
enum class Fate : std::uint8_t {
    lost,     // nothing of it
    kept,     // all of it
    ordered,  // the first calls of each file, the next one torn
    mixed,    // each call by itself: kept, lost, torn, or only the size of the file
};

using Chance = std::mt19937_64;

// Follows recorded calls one by one; crash() may be asked after each. Promises no more than POSIX does: a sync covers
// the data and size of one file; a name made, removed or renamed needs a sync of the folder; writes since then are
// kept, lost, or torn at multiples of 512 or 4096 octets, in any combination. The calls must outlive the model.
class CrashModel {
 public:
    explicit CrashModel(const DiskImage& start);
    void apply(const Call& call);
    [[nodiscard]] DiskImage crash(Fate fate, Chance& chance) const;
    // Calls whose effect is not durable: with none, every crash looks the same.
    [[nodiscard]] std::size_t unsynced() const;

 private:
    struct File {
        std::string durable;
        std::vector<const Call*> pending;
    };
    static void apply_to(std::string& octets, const Call& call);
    static void tear(std::string& octets, const Call& call, Chance& chance);
    static std::string survive(const File& file, Fate fate, Chance& chance);
    static void apply_name(std::map<std::string, std::uint32_t, std::less<>>& names, const Call& call);

    std::map<std::uint32_t, File> files_;
    std::map<std::string, std::uint32_t, std::less<>> names_;  // durable ones
    std::vector<const Call*> pending_names_;
    Chance failed_sync_chance_{1};  // what a failed sync left on the disk
};

}  // namespace relevo::simulation
