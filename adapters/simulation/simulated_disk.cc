#include "adapters/simulation/simulated_disk.h"

#include <algorithm>
#include <cstring>

namespace relevo::simulation {

namespace {
std::unexpected<Error> missing(std::string_view name) {
    return failure(ErrorKind::not_found, "open " + std::string(name) + ": no such file");
}
}  // namespace

class SimulatedFile final : public DiskFile {
 public:
    SimulatedFile(std::shared_ptr<SimulatedDisk::State> state, std::shared_ptr<SimulatedDisk::Inode> inode)
        : state_(std::move(state)), inode_(std::move(inode)) {}

    Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) override {
        const std::lock_guard guard(state_->mutex);
        const std::string& octets = inode_->octets;
        if (offset >= octets.size()) return std::size_t{0};
        const std::size_t count = std::min<std::size_t>(into.size(), octets.size() - offset);
        std::memcpy(into.data(), octets.data() + offset, count);
        return count;
    }

    Result<void> write_at(Octets offset, std::span<const std::byte> octets) override {
        const std::lock_guard guard(state_->mutex);
        const Octets grows =
            offset + octets.size() > inode_->octets.size() ? offset + octets.size() - inode_->octets.size() : 0;
        if (grows > 0 && state_->used() + grows > state_->capacity)
            return failure(ErrorKind::full, "write: no space left on the simulated disk");
        Call call{.kind = Call::Kind::write, .file = inode_->number, .offset = offset, .octets{as_text(octets)}};
        if (state_->fault) {
            if (auto error = state_->fault(call)) {
                call.octets.resize(octets.size() / 2);
                apply(call);
                state_->calls.push_back(std::move(call));
                return std::unexpected(std::move(*error));
            }
        }
        apply(call);
        state_->calls.push_back(std::move(call));
        return {};
    }

    Result<void> sync() override {
        const std::lock_guard guard(state_->mutex);
        if (state_->syncs == Syncs::ignored) return {};
        return state_->record({.kind = Call::Kind::sync, .file = inode_->number});
    }

    Result<void> truncate(Octets size) override {
        const std::lock_guard guard(state_->mutex);
        RELEVO_CHECK(state_->record({.kind = Call::Kind::truncate, .file = inode_->number, .offset = size}));
        inode_->octets.resize(size, '\0');
        return {};
    }

    Result<Octets> size() override {
        const std::lock_guard guard(state_->mutex);
        return inode_->octets.size();
    }

 private:
    void apply(const Call& call) {
        inode_->octets.resize(std::max<std::size_t>(inode_->octets.size(), call.offset + call.octets.size()), '\0');
        inode_->octets.replace(call.offset, call.octets.size(), call.octets);
    }

    std::shared_ptr<SimulatedDisk::State> state_;
    std::shared_ptr<SimulatedDisk::Inode> inode_;
};

SimulatedDisk::SimulatedDisk(const DiskImage& image, Syncs syncs) : state_(std::make_shared<State>()) {
    state_->syncs = syncs;
    for (const auto& [name, octets] : image)
        state_->names[name] = std::make_shared<Inode>(Inode{++state_->last_number, octets});
}

Result<void> SimulatedDisk::State::record(Call call) {
    if (fault) {
        if (auto error = fault(call)) {
            if (call.kind == Call::Kind::sync) {
                call.kind = Call::Kind::failed_sync;
                calls.push_back(std::move(call));
            }
            return std::unexpected(std::move(*error));
        }
    }
    calls.push_back(std::move(call));
    return {};
}

Octets SimulatedDisk::State::used() const {
    Octets octets = 0;
    for (const auto& [name, inode] : names) octets += inode->octets.size();
    return octets;
}

DiskImage SimulatedDisk::image() const {
    const std::lock_guard guard(state_->mutex);
    DiskImage image;
    for (const auto& [name, inode] : state_->names) image[name] = inode->octets;
    return image;
}

Result<std::unique_ptr<DiskFile>> SimulatedDisk::open(std::string_view name, OpenMode mode) {
    const std::lock_guard guard(state_->mutex);
    auto found = state_->names.find(name);
    if (found != state_->names.end() && mode == OpenMode::create_new)
        return failure(ErrorKind::conflict, "open " + std::string(name) + ": it exists");
    if (found == state_->names.end()) {
        if (mode == OpenMode::existing) return missing(name);
        const std::uint32_t number = state_->last_number + 1;
        RELEVO_CHECK(state_->record({.kind = Call::Kind::create, .file = number, .name = std::string(name)}));
        state_->last_number = number;
        found = state_->names.emplace(name, std::make_shared<Inode>(Inode{number, {}})).first;
    }
    return std::make_unique<SimulatedFile>(state_, found->second);
}

Result<void> SimulatedDisk::remove(std::string_view name) {
    const std::lock_guard guard(state_->mutex);
    const auto found = state_->names.find(name);
    if (found == state_->names.end()) return missing(name);
    RELEVO_CHECK(
        state_->record({.kind = Call::Kind::remove, .file = found->second->number, .name = std::string(name)}));
    state_->names.erase(found);
    return {};
}

Result<void> SimulatedDisk::rename(std::string_view from, std::string_view to) {
    const std::lock_guard guard(state_->mutex);
    const auto found = state_->names.find(from);
    if (found == state_->names.end()) return missing(from);
    RELEVO_CHECK(state_->record({.kind = Call::Kind::rename,
                                 .file = found->second->number,
                                 .name = std::string(from),
                                 .second = std::string(to)}));
    auto inode = found->second;
    state_->names.erase(found);
    state_->names.insert_or_assign(std::string(to), std::move(inode));
    return {};
}

Result<bool> SimulatedDisk::exists(std::string_view name) {
    const std::lock_guard guard(state_->mutex);
    return state_->names.contains(name);
}

Result<std::vector<std::string>> SimulatedDisk::list() {
    const std::lock_guard guard(state_->mutex);
    std::vector<std::string> names;
    for (const auto& [name, inode] : state_->names) names.push_back(name);
    return names;
}

Result<void> SimulatedDisk::sync_folder() {
    const std::lock_guard guard(state_->mutex);
    if (state_->syncs != Syncs::honoured) return {};
    return state_->record({.kind = Call::Kind::sync_folder});
}

Result<Octets> SimulatedDisk::free_space() {
    const std::lock_guard guard(state_->mutex);
    const Octets used = state_->used();
    return used > state_->capacity ? 0 : state_->capacity - used;
}

}  // namespace relevo::simulation
