// Message contents in append-only segment files: docs/formats/segments.md.
#pragma once

#include "core/ports/content_store.h"
#include "core/ports/disk.h"

#include <chrono>
#include <memory>

namespace relevo {

struct SegmentOptions {
    Octets segment_octets = 64 * mebibyte;    // a segment is closed before it grows beyond
    Octets allocation_octets = 1 * mebibyte;  // room reserved ahead of the records
    Octets buffer_octets = 4 * mebibyte;      // written before sync() when more is collected
    Octets reserve_octets = 64 * mebibyte;    // append() refuses when the disk has less left (security row R6)
    Octets slack_octets = 256 * mebibyte;     // compact() when on disk > 2 × live + this
    std::size_t open_files = 64;              // kept open for reading
    // The free space is asked for again after this time or this many octets.
    std::chrono::milliseconds space_age{100};
    Octets space_octets = 16 * mebibyte;
};

// Takes over the segments that are there; then call mark_live() and finish_recovery() before anything else. The disk
// must outlive the store. Errors: io.
[[nodiscard]] Result<std::unique_ptr<ContentStore>> open_segments(Disk& disk, SegmentOptions options = {});

}  // namespace relevo
