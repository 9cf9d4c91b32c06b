#include "adapters/segments/segment_store.h"

#include "adapters/segments/record.h"
#include "adapters/simulation/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using simulation::Call;
using simulation::DiskImage;
using simulation::SimulatedDisk;
using testing::HasSubstr;
using testing::Not;

constexpr MessageId id{0x0102030405060708};

std::unique_ptr<ContentStore> open(Disk& disk, SegmentOptions options = {.reserve_octets = 0}) {
    auto store = open_segments(disk, options).value();
    EXPECT_TRUE(store->finish_recovery().has_value());
    return store;
}

ContentLocation store_one(ContentStore& store, std::string_view content, MessageId of = id) {
    const ContentLocation location = store.append(of, content).value();
    EXPECT_TRUE(store.sync().has_value());
    return location;
}

TEST(SegmentStore, WritesTheDocumentedFormat) {  // docs/formats/segments.md
    SimulatedDisk disk;
    const auto store = open(disk);
    EXPECT_EQ(store_one(*store, "hello"), (ContentLocation{1, 0, 5}));
    const std::string octets = disk.image().at("segment-0000000001");
    // CRC32C("hello") = 0x9a71bb4c
    EXPECT_EQ(octets.substr(0, 36), std::string("RLVS\x01\0\x28\0\x08\x07\x06\x05\x04\x03\x02\x01\x05\0\0\0\0\0\0\0"
                                                "\x01\0\0\0\0\0\0\0\x4c\xbb\x71\x9a",
                                                36));
    EXPECT_EQ(octets.substr(40), std::string("helloRLVE\x4c\xbb\x71\x9a\0\0\0", 16));
    EXPECT_EQ(store_one(*store, "again"), (ContentLocation{1, 56, 5}));
}

TEST(SegmentStore, NoticesEveryChangedBit) {  // security row R14
    SimulatedDisk disk;
    const ContentLocation location = store_one(*open(disk), "Subject: precious\r\n\r\n");
    const DiskImage image = disk.image();
    const Octets checked = segments::header_length + location.length + segments::end_mark_length;
    for (Octets bit = 0; bit < checked * 8; ++bit) {
        DiskImage changed = image;
        char& octet = changed["segment-0000000001"][bit / 8];
        octet = static_cast<char>(octet ^ (1 << bit % 8));
        SimulatedDisk damaged(changed);
        auto store = open_segments(damaged).value();
        const auto content = store->read(id, location);
        ASSERT_FALSE(content.has_value()) << "bit " << bit;
        EXPECT_EQ(content.error().kind, ErrorKind::damaged);
        EXPECT_THAT(content.error().detail, HasSubstr("segment-0000000001"));
    }
}

TEST(SegmentStore, RefusesRecordsOfAnotherMessagePlaceOrLength) {
    SimulatedDisk disk;
    const auto store = open(disk);
    const ContentLocation first = store_one(*store, "one");
    const ContentLocation second = store_one(*store, "two", MessageId{9});
    EXPECT_EQ(store->read(id, second).error().kind, ErrorKind::damaged);
    EXPECT_EQ(store->read(id, {first.segment, first.offset, 2}).error().kind, ErrorKind::damaged);
    EXPECT_EQ(store->read(id, {first.segment, first.offset + 8, 3}).error().kind, ErrorKind::damaged);
    EXPECT_EQ(store->read(id, {first.segment, first.offset, ~Octets{0}}).error().kind, ErrorKind::damaged);
    EXPECT_EQ(store->read(id, {7, 0, 3}).error().kind, ErrorKind::not_found);
}

TEST(SegmentStore, NoticesSwappedFiles) {  // security row R14
    SimulatedDisk disk;
    const ContentLocation first = store_one(*open(disk), "same length A");
    const auto store = open_segments(disk).value();
    store->mark_live(first);
    store_one(*store, "same length B");
    DiskImage image = disk.image();
    std::swap(image["segment-0000000001"], image["segment-0000000002"]);
    SimulatedDisk swapped(image);
    EXPECT_EQ(open_segments(swapped).value()->read(id, first).error().kind, ErrorKind::damaged);
}

TEST(SegmentStore, SyncsAGroupWithOneWriteAndOneSync) {
    SimulatedDisk disk;
    const auto store = open(disk);
    store_one(*store, "first");
    const std::size_t before = disk.calls().size();
    for (int count = 0; count < 32; ++count) ASSERT_TRUE(store->append(id, std::string(10'000, 'x')).has_value());
    ASSERT_TRUE(store->sync().has_value());
    ASSERT_EQ(disk.calls().size(), before + 2);
    EXPECT_EQ(disk.calls()[before].kind, Call::Kind::write);
    EXPECT_EQ(disk.calls()[before + 1].kind, Call::Kind::sync);
}

TEST(SegmentStore, StartsANewSegmentAfterAFailedSync) {  // security row R4
    SimulatedDisk disk;
    const auto store = open(disk);
    const ContentLocation safe = store_one(*store, "safe");
    disk.set_fault([](const Call& call) {
        return call.kind == Call::Kind::sync ? std::optional(Error{ErrorKind::io, "EIO"}) : std::nullopt;
    });
    const Octets live = store->usage().live;
    ASSERT_TRUE(store->append(id, "void").has_value());
    EXPECT_EQ(store->sync().error().kind, ErrorKind::io);
    EXPECT_EQ(store->usage().live, live);
    disk.set_fault(nullptr);
    EXPECT_TRUE(store->sync().has_value()) << "nothing to sync";
    EXPECT_EQ(store_one(*store, "next").segment, safe.segment + 1);
    EXPECT_EQ(store->read(id, safe).value(), "safe");
}

TEST(SegmentStore, RefusesContentsWhileOnlyTheReserveIsLeft) {  // security row R6
    SimulatedDisk disk;
    disk.set_capacity(mebibyte);
    const auto store = open(disk, {.reserve_octets = 512 * kibibyte, .space_age = std::chrono::milliseconds(0)});
    std::size_t stored = 0;
    Result<ContentLocation> location;
    for (; (location = store->append(id, std::string(10'000, 'x'))).has_value(); ++stored)
        ASSERT_TRUE(store->sync().has_value());
    EXPECT_EQ(location.error().kind, ErrorKind::full);
    EXPECT_EQ(stored, 52U);
    EXPECT_TRUE(store->sync().has_value()) << "a refusal leaves nothing behind";
    store->set_reserve(256 * kibibyte);
    EXPECT_TRUE(store->append(id, std::string(10'000, 'x')).has_value());
    store->set_reserve(512 * kibibyte);
    EXPECT_FALSE(store->append(id, std::string(10'000, 'x')).has_value());
    disk.set_capacity(2 * mebibyte);
    EXPECT_TRUE(store->append(id, "room again").has_value());
}

TEST(SegmentStore, RemovesAtStartWhatNoRowNames) {
    SimulatedDisk disk;
    std::vector<ContentLocation> locations;
    {
        const auto store = open(disk, {.segment_octets = 1000, .reserve_octets = 0});
        for (int count = 0; count < 6; ++count) locations.push_back(store_one(*store, std::string(600, 'x')));
    }
    EXPECT_EQ(disk.image().size(), 6U);
    const auto store = open_segments(disk).value();
    store->mark_live(locations[2]);
    ASSERT_TRUE(store->finish_recovery().has_value());
    EXPECT_EQ(store->usage().segments, 2U) << "the one that lives, and the newest, empty, for its number";
    EXPECT_EQ(disk.image().at("segment-0000000006"), "");
    EXPECT_EQ(store->read(id, locations[2]).value(), std::string(600, 'x'));
    EXPECT_EQ(store_one(*store, "next").segment, 7U);
}

TEST(SegmentStore, AsksTheRowsBeforeASegmentGoes) {
    SimulatedDisk disk;
    const auto store = open(disk, {.segment_octets = 1000, .reserve_octets = 0});
    const ContentLocation location = store_one(*store, std::string(600, 'x'));
    store_one(*store, std::string(600, 'y'));
    store->drop(location);
    store->drop(location);
    EXPECT_TRUE(store->compact([](MessageId) { return true; }).value().empty());
    EXPECT_EQ(store->read(id, location).value(), std::string(600, 'x')) << "the counter was wrong, the row is right";
    store->drop(location);
    EXPECT_TRUE(store->compact([](MessageId) { return false; }).value().empty());
    EXPECT_EQ(store->read(id, location).error().kind, ErrorKind::not_found);
}

TEST(SegmentStore, LeavesADamagedSegmentAsItIs) {
    SimulatedDisk disk;
    std::vector<ContentLocation> locations;
    const SegmentOptions options{.segment_octets = 2000, .reserve_octets = 0, .slack_octets = 0};
    {
        const auto store = open(disk, options);
        for (int count = 0; count < 4; ++count) locations.push_back(store_one(*store, std::string(900, 'x')));
    }
    DiskImage image = disk.image();
    image["segment-0000000001"][10] ^= 1;  // the first header
    SimulatedDisk damaged(image);
    const auto store = open_segments(damaged, options).value();
    store->mark_live(locations[1]);
    ASSERT_TRUE(store->finish_recovery().has_value());
    store_one(*store, "new");
    for (int count = 0; count < 3; ++count) static_cast<void>(store->compact([](MessageId) { return true; }));
    EXPECT_EQ(store->read(id, locations[1]).value(), std::string(900, 'x'));
}

}  // namespace
}  // namespace relevo
