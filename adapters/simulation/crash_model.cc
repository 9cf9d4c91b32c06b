#include "adapters/simulation/crash_model.h"

#include <algorithm>

namespace relevo::simulation {
namespace {

// True once in `of` cases.
bool once_in(unsigned of, Chance& chance) { return chance() % of == 0; }

}  // namespace

CrashModel::CrashModel(const DiskImage& start) {
    std::uint32_t number = 0;
    for (const auto& [name, octets] : start) {
        names_[name] = ++number;
        files_[number].durable = octets;
    }
}

void CrashModel::apply(const Call& call) {
    switch (call.kind) {
        case Call::Kind::write:
        case Call::Kind::truncate: files_[call.file].pending.push_back(&call); return;
        case Call::Kind::sync: {
            File& file = files_[call.file];
            for (const Call* pending : file.pending) apply_to(file.durable, *pending);
            file.pending.clear();
            return;
        }
        case Call::Kind::failed_sync: {
            // Some of it reached the disk; the rest is forgotten, though it still reads back until the crash.
            File& file = files_[call.file];
            file.durable = survive(file, Fate::mixed, failed_sync_chance_);
            file.pending.clear();
            return;
        }
        case Call::Kind::create:
        case Call::Kind::remove:
        case Call::Kind::rename: pending_names_.push_back(&call); return;
        case Call::Kind::sync_folder:
            for (const Call* pending : pending_names_) apply_name(names_, *pending);
            pending_names_.clear();
            return;
    }
}

DiskImage CrashModel::crash(Fate fate, Chance& chance) const {
    auto names = names_;
    const std::size_t in_order = pending_names_.empty() ? 0 : chance() % (pending_names_.size() + 1);
    for (std::size_t place = 0; place < pending_names_.size(); ++place) {
        const bool kept = fate == Fate::kept || (fate == Fate::ordered && place < in_order) ||
                          (fate == Fate::mixed && once_in(2, chance));
        if (kept) apply_name(names, *pending_names_[place]);
    }
    DiskImage image;
    for (const auto& [name, number] : names) {
        const auto file = files_.find(number);
        image[name] = file == files_.end() ? std::string() : survive(file->second, fate, chance);
    }
    return image;
}

std::size_t CrashModel::unsynced() const {
    std::size_t count = pending_names_.size();
    for (const auto& [number, file] : files_) count += file.pending.size();
    return count;
}

void CrashModel::apply_to(std::string& octets, const Call& call) {
    if (call.kind == Call::Kind::truncate) return octets.resize(call.offset, '\0');
    octets.resize(std::max<std::size_t>(octets.size(), call.offset + call.octets.size()), '\0');
    octets.replace(call.offset, call.octets.size(), call.octets);
}

void CrashModel::tear(std::string& octets, const Call& call, Chance& chance) {
    if (call.kind != Call::Kind::write) return;
    const Octets sector = once_in(2, chance) ? 512 : 4096;
    const Octets end = call.offset + call.octets.size();
    for (Octets at = call.offset; at < end;) {
        const Octets next = std::min(end, (at / sector + 1) * sector);
        if (once_in(2, chance)) {
            octets.resize(std::max<std::size_t>(octets.size(), next), '\0');
            octets.replace(at, next - at, call.octets, at - call.offset, next - at);
        }
        at = next;
    }
}

std::string CrashModel::survive(const File& file, Fate fate, Chance& chance) {
    std::string octets = file.durable;
    if (fate == Fate::lost) return octets;
    const std::size_t in_order = file.pending.empty() ? 0 : chance() % (file.pending.size() + 1);
    for (std::size_t place = 0; place < file.pending.size(); ++place) {
        const Call& call = *file.pending[place];
        if (fate == Fate::kept || (fate == Fate::ordered && place < in_order)) {
            apply_to(octets, call);
        } else if (fate == Fate::ordered) {
            tear(octets, call, chance);
            break;
        } else {
            switch (chance() % 4) {
                case 0: apply_to(octets, call); break;
                case 1: tear(octets, call, chance); break;
                case 2:  // the size alone, its octets zero
                    if (call.kind == Call::Kind::write)
                        octets.resize(std::max<std::size_t>(octets.size(), call.offset + call.octets.size()), '\0');
                    break;
                default: break;
            }
        }
    }
    return octets;
}

void CrashModel::apply_name(std::map<std::string, std::uint32_t, std::less<>>& names, const Call& call) {
    if (call.kind == Call::Kind::create) {
        names[call.name] = call.file;
        return;
    }
    // A removal or renaming whose file never got its name, or whose name now is another file's, has nothing to do.
    const auto found = names.find(call.name);
    if (found == names.end() || found->second != call.file) return;
    names.erase(found);
    if (call.kind == Call::Kind::rename) names[call.second] = call.file;
}

}  // namespace relevo::simulation
