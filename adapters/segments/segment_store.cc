#include "adapters/segments/segment_store.h"

#include "adapters/segments/record.h"
#include "adapters/segments/segment_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>

namespace relevo {
namespace {

using segments::record_length;
using segments::SegmentFiles;

// Refuses new contents while the disk has no more than the reserve; asks the disk now and then only.
class Admission {
 public:
    Admission(Disk& disk, const SegmentOptions& options)
        : disk_(disk), options_(options), reserve_(options.reserve_octets) {}

    void set_reserve(Octets octets) { reserve_.store(octets, std::memory_order_relaxed); }

    Result<void> admit(Octets octets) {
        const auto now = std::chrono::steady_clock::now();
        if (!asked_at_ || taken_ >= options_.space_octets || now - *asked_at_ >= options_.space_age) {
            RELEVO_TRY(free_, disk_.free_space());
            asked_at_ = now;
            taken_ = 0;
        }
        const Octets reserve = reserve_.load(std::memory_order_relaxed);
        if (free_ < taken_ + octets + reserve)
            return failure(ErrorKind::full, fmt::format("the disk has {} MiB left, and {} MiB are kept for outcomes",
                                                        free_ / mebibyte, reserve / mebibyte));
        taken_ += octets;
        return {};
    }

 private:
    Disk& disk_;
    const SegmentOptions& options_;
    std::atomic<Octets> reserve_;
    std::optional<std::chrono::steady_clock::time_point> asked_at_;
    Octets free_ = 0, taken_ = 0;
};

class SegmentStore final : public ContentStore {
 public:
    SegmentStore(Disk& disk, const SegmentOptions& options)
        : disk_(disk), options_(options), admission_(disk, options_), files_(disk, options.open_files) {}

    Result<void> load() { return files_.load(); }

    Result<ContentLocation> append(MessageId id, std::string_view content) override {
        if (!failed_) RELEVO_CHECK(admission_.admit(record_length(content.size())));
        return add(id, content);
    }

    void set_reserve(Octets octets) override { admission_.set_reserve(octets); }

    void begin_sync() override {
        if (failed_ || buffer_.empty()) return;
        const Octets from = open_->written;
        remember(flush());
        if (!failed_) open_->file->begin_sync(from, open_->written - from);
    }

    Result<void> sync() override {
        if (pending_.empty() && !failed_) return {};
        if (!failed_) remember(flush_and_sync());
        if (failed_) return give_up();
        pending_.clear();
        files_.set_extent(open_->number, open_->allocated, open_->written);
        return {};
    }

    Result<std::string> read(MessageId id, const ContentLocation& location) override {
        const ContentLocation now = files_.current(location);
        RELEVO_TRY(const auto readable, files_.readable(now.segment));
        RELEVO_TRY(std::string record, read_octets(*readable.file, readable.size, now));
        RELEVO_TRY(const auto header, segments::parse_header(record, now.segment, now.offset));
        RELEVO_TRY(const std::string_view content, segments::parse_record(record, now.segment, now.offset));
        if (header.id != id || header.length != now.length)
            return failure(ErrorKind::damaged, fmt::format("the record at offset {} of {} is not {}", now.offset,
                                                           segments::name_of_segment(now.segment), id.text()));
        record.erase(segments::header_length + content.size());
        record.erase(0, segments::header_length);
        return record;
    }

    void drop(const ContentLocation& location) override { files_.subtract_live(location); }

    Result<std::vector<Move>> compact(const std::function<bool(MessageId)>& is_live) override {
        plan_.reset();
        while (const auto number = candidate()) {
            auto living = survey(*number, is_live);
            if (!living.has_value() || living->empty()) files_.set_unmovable(*number);  // not chosen again
            if (!living.has_value()) return std::unexpected(std::move(living).error());
            if (living->empty()) {
                files_.remove(*number, {});
                continue;
            }
            Octets octets = 0;
            for (const auto& [id, location] : *living) octets += record_length(location.length);
            files_.set_live(*number, octets);
            if (!wasteful()) continue;
            RELEVO_TRY(auto moves, copy(*living));
            plan_ = Plan{*number, moves};
            return moves;
        }
        return std::vector<Move>();
    }

    Result<void> finish_compaction() override {
        if (!plan_) return failure(ErrorKind::internal, "no compaction to finish");
        files_.remove(plan_->segment, plan_->moves);
        plan_.reset();
        return {};
    }

    void mark_live(const ContentLocation& location) override { files_.mark_live(location); }
    Result<void> finish_recovery() override { return files_.sweep(); }
    [[nodiscard]] Usage usage() const override { return files_.usage(); }

 private:
    struct OpenSegment {
        std::uint32_t number = 0;
        std::shared_ptr<DiskFile> file;
        Octets written = 0;    // handed to the disk
        Octets synced = 0;     // safe there
        Octets allocated = 0;  // octets of the file
        bool name_is_durable = false;
    };
    struct Plan {
        std::uint32_t segment;
        std::vector<Move> moves;
    };

    Result<ContentLocation> add(MessageId id, std::string_view content) {
        if (failed_) return std::unexpected(*failed_);
        const Octets octets = record_length(content.size());
        if (!open_ || (end() > 0 && end() + octets > options_.segment_octets)) remember(open_next());
        if (failed_) return std::unexpected(*failed_);
        const ContentLocation location{.segment = open_->number, .offset = end(), .length = content.size()};
        segments::append_record(buffer_, id, content, location.segment, location.offset);
        pending_.push_back(location);
        files_.add_live(location);
        if (buffer_.size() >= options_.buffer_octets) remember(flush());
        if (failed_) return std::unexpected(*failed_);
        return location;
    }

    // Where the next record begins.
    [[nodiscard]] Octets end() const { return open_->written + buffer_.size(); }

    void remember(Result<void> result) {
        if (!result.has_value()) failed_ = std::move(result).error();
    }

    Result<void> flush() {
        if (buffer_.empty()) return {};
        const Octets after = open_->written + buffer_.size();
        if (after > open_->allocated) {
            const Octets wanted =
                std::max(std::min(open_->allocated + options_.allocation_octets, options_.segment_octets), after);
            open_->allocated = open_->file->allocate(wanted).has_value() ? wanted : after;
        }
        RELEVO_CHECK(open_->file->write_at(open_->written, as_octets(buffer_)));
        open_->written = after;
        buffer_.clear();
        return {};
    }

    Result<void> flush_and_sync() {
        RELEVO_CHECK(flush());
        RELEVO_CHECK(open_->file->sync());
        open_->synced = open_->written;
        if (open_->name_is_durable) return {};
        RELEVO_CHECK(disk_.sync_folder());
        open_->name_is_durable = true;
        return {};
    }

    Result<void> open_next() {
        if (open_) {
            RELEVO_CHECK(flush_and_sync());
            close_open();
        }
        RELEVO_TRY(auto created, files_.create());
        open_ = OpenSegment{.number = created.first, .file = std::move(created.second)};
        return {};
    }

    // Gives back what was allocated ahead; whether that works or survives does not matter.
    void close_open() {
        const Octets size = open_->file->truncate(open_->synced).has_value() ? open_->synced : open_->allocated;
        files_.set_extent(open_->number, size, open_->synced);
        files_.close(open_->number);
        open_.reset();
    }

    // After a failed write or sync: what is not safe is void, and this segment is never written again.
    Result<void> give_up() {
        for (const ContentLocation& location : pending_) files_.subtract_live(location);
        pending_.clear();
        buffer_.clear();
        if (open_) close_open();
        Error error = std::move(*failed_);
        failed_.reset();
        return std::unexpected(std::move(error));
    }

    // Counters say what to look at; before anything goes, the rows are asked about each record.
    [[nodiscard]] std::optional<std::uint32_t> candidate() const {
        if (const auto dead = files_.dead()) return dead;
        return wasteful() ? files_.worst() : std::nullopt;
    }

    [[nodiscard]] bool wasteful() const {
        const Usage usage = files_.usage();
        return usage.on_disk > 2 * usage.live + options_.slack_octets;
    }

    static Result<std::string> read_octets(DiskFile& file, Octets file_size, const ContentLocation& location) {
        // Rows can be damaged too: no allocation beyond what is there.
        if (location.length > file_size || location.offset > file_size ||
            location.offset + record_length(location.length) > file_size)
            return failure(ErrorKind::damaged,
                           fmt::format("{} ends before the record at offset {} does",
                                       segments::name_of_segment(location.segment), location.offset));
        std::string record(record_length(location.length), '\0');
        RELEVO_TRY(const std::size_t count,
                   file.read_at(location.offset, std::as_writable_bytes(std::span(record.data(), record.size()))));
        record.resize(count);
        return record;
    }

    // The living records of a closed segment, each whole. Errors: damaged – it must stay as it is.
    Result<std::vector<std::pair<MessageId, ContentLocation>>> survey(std::uint32_t number,
                                                                      const std::function<bool(MessageId)>& is_live) {
        RELEVO_TRY(const auto readable, files_.readable(number));
        std::vector<std::pair<MessageId, ContentLocation>> living;
        Octets offset = 0;
        while (offset < readable.size) {
            std::string octets(segments::header_length, '\0');
            RELEVO_TRY(const std::size_t count,
                       readable.file->read_at(offset, std::as_writable_bytes(std::span(octets.data(), octets.size()))));
            const auto header = segments::parse_header(std::string_view(octets).substr(0, count), number, offset);
            if (!header.has_value()) break;
            const ContentLocation location{.segment = number, .offset = offset, .length = header->length};
            if (is_live(header->id)) {
                RELEVO_CHECK(read(header->id, location));
                living.emplace_back(header->id, location);
            }
            offset += record_length(header->length);
        }
        if (offset < files_.records_end(number))
            return failure(ErrorKind::damaged, fmt::format("{} is damaged at offset {}: left as it is",
                                                           segments::name_of_segment(number), offset));
        return living;
    }

    // Takes from the reserve: compaction is what makes room.
    Result<std::vector<Move>> copy(const std::vector<std::pair<MessageId, ContentLocation>>& living) {
        std::vector<Move> moves;
        for (const auto& [id, from] : living) {
            auto content = read(id, from);
            if (!content.has_value()) {
                failed_ = content.error();
                break;
            }
            const auto to = add(id, *content);
            if (!to.has_value()) break;
            moves.push_back({.id = id, .from = from, .to = *to});
        }
        RELEVO_CHECK(sync());
        return moves;
    }

    Disk& disk_;
    const SegmentOptions options_;
    Admission admission_;
    SegmentFiles files_;
    // Committer's thread:
    std::optional<OpenSegment> open_;
    std::string buffer_;                    // appended, not written
    std::vector<ContentLocation> pending_;  // appended, not synced
    std::optional<Error> failed_;           // since then everything fails until sync() has reported it
    std::optional<Plan> plan_;
};

}  // namespace

Result<std::unique_ptr<ContentStore>> open_segments(Disk& disk, SegmentOptions options) {
    auto store = std::make_unique<SegmentStore>(disk, options);
    RELEVO_CHECK(store->load());
    return std::unique_ptr<ContentStore>(std::move(store));
}

}  // namespace relevo
