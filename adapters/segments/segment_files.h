// The segment files of a store: which there are, how large, how much of each lives.
#pragma once

#include "core/ports/content_store.h"
#include "core/ports/disk.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace relevo::segments {

[[nodiscard]] std::string name_of_segment(std::uint32_t number);

// Counters only, whatever the number of records. Threads: any.
class SegmentFiles {
 public:
    SegmentFiles(Disk& disk, std::size_t open_limit) : disk_(disk), open_limit_(open_limit) {}

    // Finds the files that are there, nothing alive in them.
    Result<void> load();
    // Makes the next segment; its name is not durable yet.
    Result<std::pair<std::uint32_t, std::shared_ptr<DiskFile>>> create();
    // Octets of the file, and where its records end; records before that are never void.
    void set_extent(std::uint32_t number, Octets file_octets, Octets records_end);
    // No record is added any more.
    void close(std::uint32_t number);

    void add_live(const ContentLocation& location);
    void subtract_live(const ContentLocation& location);
    void mark_live(const ContentLocation& location);
    // What the survey of a closed segment found alive: corrects the counter.
    void set_live(std::uint32_t number, Octets octets);
    // At start: removes every file without live content; of the newest, which keeps the number, only the octets.
    Result<void> sweep();

    // A closed segment in which nothing counts as alive.
    [[nodiscard]] std::optional<std::uint32_t> dead() const;
    // The closed segment with most to win, if anything can be won.
    [[nodiscard]] std::optional<std::uint32_t> worst() const;
    void set_unmovable(std::uint32_t number);
    [[nodiscard]] Octets records_end(std::uint32_t number) const;
    // Removes the file although something in it counts as alive: it was moved.
    void remove(std::uint32_t number, const std::vector<ContentStore::Move>& moves);

    // The place of a record now, after compactions.
    [[nodiscard]] ContentLocation current(ContentLocation location) const;
    struct Readable {
        std::shared_ptr<DiskFile> file;
        Octets size = 0;
    };
    // Errors: not_found – no such segment. io, full.
    Result<Readable> readable(std::uint32_t number);

    [[nodiscard]] ContentStore::Usage usage() const;

 private:
    struct Segment {
        Octets live = 0;
        Octets size = 0;
        Octets records_end = 0;
        bool open = false;
        bool unmovable = false;  // damaged: compaction leaves it alone
        std::shared_ptr<DiskFile> file;
    };
    using Segments = std::map<std::uint32_t, Segment>;

    Result<std::shared_ptr<DiskFile>> file_of(std::uint32_t number, Segment& segment);
    Segments::iterator remove_file(Segments::iterator segment);
    [[nodiscard]] ContentLocation current_locked(ContentLocation location) const;
    void resize(Segment& segment, Octets size);

    Disk& disk_;
    std::size_t open_limit_;
    mutable std::mutex mutex_;
    Segments segments_;
    std::uint32_t newest_ = 0;
    Octets live_ = 0, on_disk_ = 0;
    std::size_t open_count_ = 0;
    // Where compaction put the records of segments that are gone, for holders of an old location; the oldest segments
    // are forgotten beyond a limit.
    std::map<std::uint32_t, std::unordered_map<Octets, ContentLocation>> moved_;
    std::size_t moved_count_ = 0;
};

}  // namespace relevo::segments
