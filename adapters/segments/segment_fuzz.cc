// Security row F21: a reader and a recovery on a store whose segments hold arbitrary octets never crash, and never give
// out or move a content that was not stored under that id. Planted headers included: contents of real records are drawn
// from the input too.
#include "adapters/segments/record.h"
#include "adapters/segments/segment_store.h"
#include "adapters/simulation/simulated_disk.h"

#include <cstdlib>
#include <map>
#include <set>

namespace {

using namespace relevo;

// Reads numbers and octets off the input; zeros and nothing at its end.
class Input {
 public:
    Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
    std::uint32_t number(std::uint32_t below) {
        std::uint32_t value = 0;
        for (const char octet : octets(2)) value = value << 8 | static_cast<unsigned char>(octet);
        return value % below;
    }
    std::string_view octets(std::size_t count) {
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
    std::string_view rest_;
};

void require(bool truth) {
    if (!truth) std::abort();
}

using Stored = std::map<std::int64_t, std::pair<std::string, ContentLocation>>;
constexpr SegmentOptions options{.segment_octets = 2048, .reserve_octets = 0, .slack_octets = 0};

// A store with some real records, and a list of what they are.
simulation::DiskImage make_store(Input& input, Stored& stored) {
    simulation::SimulatedDisk disk;
    const auto store = open_segments(disk, options).value();
    const std::uint32_t count = input.number(8);
    for (std::uint32_t number = 1; number <= count; ++number) {
        std::string content(input.octets(input.number(300)));
        // A content that is itself a well-formed record of another message, for the very place where it will lie.
        if (input.number(3) == 0) {
            std::string planted;
            segments::append_record(planted, MessageId{input.number(8) + 1}, content, 1, input.number(256) * 8);
            content = std::move(planted);
        }
        const auto location = store->append(MessageId{number}, content);
        require(location.has_value() && store->sync().has_value());
        stored[number] = {std::move(content), *location};
    }
    return disk.image();
}

void damage(Input& input, simulation::DiskImage& image) {
    for (auto& [name, octets] : image) {
        for (std::uint32_t count = input.number(4); count > 0 && !octets.empty(); --count) {
            const std::size_t at = input.number(static_cast<std::uint32_t>(octets.size()));
            const std::string_view change = input.octets(input.number(16));
            octets.replace(at, change.size(), change);
        }
        if (input.number(4) == 0) octets.resize(input.number(static_cast<std::uint32_t>(octets.size() + 1)));
    }
    if (input.number(2) == 0) image["segment-0000000009"] = std::string(input.octets(input.number(2000)));
    if (input.number(8) == 0) image["segment-99"] = "not a segment";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Stored stored;
    simulation::DiskImage image = make_store(input, stored);
    damage(input, image);

    simulation::SimulatedDisk disk(image);
    const auto store = open_segments(disk, options).value();
    std::set<std::int64_t> readable;
    for (const auto& [id, record] : stored) {
        store->mark_live(record.second);
        const auto content = store->read(MessageId{id}, record.second);
        require(!content.has_value() || *content == record.first);
        if (content.has_value()) readable.insert(id);
    }
    require(store->finish_recovery().has_value());
    for (int count = 0; count < 6; ++count) {
        const auto moves = store->compact([&](MessageId id) { return stored.contains(id.value); });
        if (!moves.has_value() || moves->empty()) continue;
        for (const auto& move : *moves) {
            // The rows' owner moves only the record that its row names.
            auto& [content, location] = stored.at(move.id.value);
            if (location != move.from) continue;
            const auto moved = store->read(move.id, move.to);
            require(moved.has_value() && *moved == content);
            location = move.to;
        }
        require(store->finish_compaction().has_value());
    }
    for (const auto& [id, record] : stored) {
        const auto content = store->read(MessageId{id}, record.second);
        require(!content.has_value() || *content == record.first);
        require(content.has_value() || !readable.contains(id));
    }
    // Places that no row names, ids that no row has.
    for (int count = 0; count < 4; ++count) {
        const MessageId id{input.number(12)};
        const ContentLocation location{input.number(12), input.number(260) * 8, input.number(400)};
        static_cast<void>(store->read(id, location));
    }
    std::string raw(input.octets(4096));
    if (const auto content = segments::parse_record(raw, 1, 0); content.has_value()) {
        std::string again;
        segments::append_record(again, segments::parse_header(raw, 1, 0)->id, *content, 1, 0);
        require(again.starts_with(raw.substr(0, 40 + content->size() + 8)));
    }
    return 0;
}
