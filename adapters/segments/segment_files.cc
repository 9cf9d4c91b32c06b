#include "adapters/segments/segment_files.h"

#include "adapters/segments/record.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::segments {
namespace {

constexpr std::string_view prefix = "segment-";
constexpr std::size_t number_digits = 10;
constexpr std::size_t moved_limit = 262'144;

std::optional<std::uint32_t> number_in(std::string_view name) {
    if (!name.starts_with(prefix) || name.size() != prefix.size() + number_digits) return std::nullopt;
    return parse_decimal<std::uint32_t>(name.substr(prefix.size()));
}

}  // namespace

std::string name_of_segment(std::uint32_t number) { return fmt::format("{}{:010}", prefix, number); }

Result<void> SegmentFiles::load() {
    const std::lock_guard guard(mutex_);
    RELEVO_TRY(const std::vector<std::string> names, disk_.list());
    for (const std::string& name : names) {
        const auto number = number_in(name);
        if (!number) continue;
        RELEVO_TRY(const auto file, disk_.open(name, OpenMode::existing));
        RELEVO_TRY(const Octets size, file->size());
        resize(segments_[*number], size);
        newest_ = std::max(newest_, *number);
    }
    return {};
}

Result<std::pair<std::uint32_t, std::shared_ptr<DiskFile>>> SegmentFiles::create() {
    const std::lock_guard guard(mutex_);
    const std::uint32_t number = newest_ + 1;
    RELEVO_TRY(auto made, disk_.open(name_of_segment(number), OpenMode::create_new));
    std::shared_ptr<DiskFile> file(std::move(made));
    newest_ = number;
    Segment& segment = segments_[number];
    segment.open = true;
    segment.file = file;
    ++open_count_;
    return std::pair(number, std::move(file));
}

void SegmentFiles::set_extent(std::uint32_t number, Octets file_octets, Octets records_end) {
    const std::lock_guard guard(mutex_);
    Segment& segment = segments_[number];
    resize(segment, file_octets);
    segment.records_end = records_end;
}

void SegmentFiles::close(std::uint32_t number) {
    const std::lock_guard guard(mutex_);
    segments_[number].open = false;
}

void SegmentFiles::add_live(const ContentLocation& location) {
    const std::lock_guard guard(mutex_);
    const Octets octets = record_length(location.length);
    segments_[location.segment].live += octets;
    live_ += octets;
}

void SegmentFiles::subtract_live(const ContentLocation& location) {
    const std::lock_guard guard(mutex_);
    const ContentLocation now = current_locked(location);
    const auto found = segments_.find(now.segment);
    if (found == segments_.end()) return;
    const Octets octets = std::min(record_length(now.length), found->second.live);
    found->second.live -= octets;
    live_ -= octets;
}

void SegmentFiles::set_live(std::uint32_t number, Octets octets) {
    const std::lock_guard guard(mutex_);
    const auto found = segments_.find(number);
    if (found == segments_.end()) return;
    live_ = live_ - found->second.live + octets;
    found->second.live = octets;
}

void SegmentFiles::mark_live(const ContentLocation& location) {
    const std::lock_guard guard(mutex_);
    newest_ = std::max(newest_, location.segment);  // a number that a row names is not given again
    const auto found = segments_.find(location.segment);
    if (found == segments_.end()) return;
    const Octets octets = record_length(location.length);
    found->second.live += octets;
    found->second.records_end = std::max(found->second.records_end, location.offset + octets);
    live_ += octets;
}

Result<void> SegmentFiles::sweep() {
    const std::lock_guard guard(mutex_);
    for (auto at = segments_.begin(); at != segments_.end();) {
        auto& [number, segment] = *at;
        if (segment.live > 0 || segment.open) {
            ++at;
        } else if (number != newest_) {
            at = remove_file(at);
        } else {
            if (segment.size > 0) {
                RELEVO_TRY(const auto file, file_of(number, segment));
                RELEVO_CHECK(file->truncate(0));
                resize(segment, 0);
            }
            ++at;
        }
    }
    return {};
}

std::optional<std::uint32_t> SegmentFiles::dead() const {
    const std::lock_guard guard(mutex_);
    for (const auto& [number, segment] : segments_)
        if (segment.live == 0 && !segment.open && !segment.unmovable && number != newest_) return number;
    return std::nullopt;
}

std::optional<std::uint32_t> SegmentFiles::worst() const {
    const std::lock_guard guard(mutex_);
    std::optional<std::uint32_t> number;
    Octets most = 0;
    for (const auto& [candidate, segment] : segments_) {
        if (segment.open || segment.unmovable || candidate == newest_) continue;
        if (segment.size <= segment.live) continue;
        if (segment.size - segment.live <= most) continue;
        most = segment.size - segment.live;
        number = candidate;
    }
    return number;
}

void SegmentFiles::set_unmovable(std::uint32_t number) {
    const std::lock_guard guard(mutex_);
    if (const auto found = segments_.find(number); found != segments_.end()) found->second.unmovable = true;
}

Octets SegmentFiles::records_end(std::uint32_t number) const {
    const std::lock_guard guard(mutex_);
    const auto found = segments_.find(number);
    return found == segments_.end() ? 0 : found->second.records_end;
}

void SegmentFiles::remove(std::uint32_t number, const std::vector<ContentStore::Move>& moves) {
    const std::lock_guard guard(mutex_);
    for (const ContentStore::Move& move : moves)
        if (moved_[move.from.segment].insert_or_assign(move.from.offset, move.to).second) ++moved_count_;
    while (moved_count_ > moved_limit) {
        moved_count_ -= moved_.begin()->second.size();
        moved_.erase(moved_.begin());
    }
    const auto found = segments_.find(number);
    if (found == segments_.end()) return;
    live_ -= found->second.live;
    found->second.live = 0;
    if (number != newest_) remove_file(found);
}

ContentLocation SegmentFiles::current(ContentLocation location) const {
    const std::lock_guard guard(mutex_);
    return current_locked(location);
}

ContentLocation SegmentFiles::current_locked(ContentLocation location) const {
    // Ends: every move goes to a segment with a greater number.
    for (auto moved = moved_.find(location.segment); moved != moved_.end(); moved = moved_.find(location.segment)) {
        const auto to = moved->second.find(location.offset);
        if (to == moved->second.end() || to->second.length != location.length) break;
        location = to->second;
    }
    return location;
}

Result<SegmentFiles::Readable> SegmentFiles::readable(std::uint32_t number) {
    const std::lock_guard guard(mutex_);
    const auto found = segments_.find(number);
    if (found == segments_.end()) return failure(ErrorKind::not_found, name_of_segment(number) + " is not there");
    RELEVO_TRY(auto file, file_of(number, found->second));
    return Readable{.file = std::move(file), .size = found->second.size};
}

Result<std::shared_ptr<DiskFile>> SegmentFiles::file_of(std::uint32_t number, Segment& segment) {
    if (segment.file) return segment.file;
    for (auto at = segments_.begin(); at != segments_.end() && open_count_ >= open_limit_; ++at) {
        if (!at->second.file || at->second.open) continue;
        at->second.file.reset();
        --open_count_;
    }
    RELEVO_TRY(auto file, disk_.open(name_of_segment(number), OpenMode::existing));
    segment.file = std::move(file);
    ++open_count_;
    return segment.file;
}

SegmentFiles::Segments::iterator SegmentFiles::remove_file(Segments::iterator segment) {
    // A file that cannot be removed now goes at the next start. No folder sync: if the removal is lost in a
    // power cut, the next start-up removes it again.
    const auto removed = disk_.remove(name_of_segment(segment->first));
    if (!removed.has_value() && removed.error().kind != ErrorKind::not_found) return std::next(segment);
    if (segment->second.file) --open_count_;
    resize(segment->second, 0);
    return segments_.erase(segment);
}

void SegmentFiles::resize(Segment& segment, Octets size) {
    on_disk_ = on_disk_ - segment.size + size;
    segment.size = size;
}

ContentStore::Usage SegmentFiles::usage() const {
    const std::lock_guard guard(mutex_);
    return {.live = live_, .on_disk = on_disk_, .segments = static_cast<std::uint32_t>(segments_.size())};
}

}  // namespace relevo::segments
