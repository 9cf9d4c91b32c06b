#include "adapters/sqlite/log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

namespace relevo {
namespace {

constexpr std::size_t header_octets = 32;
constexpr std::size_t frame_header_octets = 24;
constexpr std::size_t page_octets = 4096;
constexpr std::size_t frame_octets = frame_header_octets + page_octets;
constexpr Octets allocation_octets = 1 * mebibyte;  // as adapters/sqlite/vfs.cc makes room
constexpr std::uint32_t magic = 0x377f0682;         // the last bit: words of checksums are big-endian

std::uint32_t big_endian(std::string_view octets) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < sizeof word; ++i) word = word << 8U | static_cast<unsigned char>(octets[i]);
    return word;
}

std::uint32_t little_endian(std::string_view octets) {
    std::uint32_t word = 0;
    for (std::size_t i = sizeof word; i > 0; --i) word = word << 8U | static_cast<unsigned char>(octets[i - 1]);
    return word;
}

// The running checksum of a log.
class Sum {
 public:
    explicit Sum(bool words_are_big_endian) : is_big_(words_are_big_endian) {}
    void add(std::string_view octets) {
        for (std::size_t i = 0; i + 8 <= octets.size(); i += 8) {
            first_ += word(octets.substr(i, 4)) + second_;
            second_ += word(octets.substr(i + 4, 4)) + first_;
        }
    }
    [[nodiscard]] bool is(std::string_view stored) const {
        return big_endian(stored.substr(0, 4)) == first_ && big_endian(stored.substr(4, 4)) == second_;
    }

 private:
    [[nodiscard]] std::uint32_t word(std::string_view octets) const {
        return is_big_ ? big_endian(octets) : little_endian(octets);
    }
    bool is_big_;
    std::uint32_t first_ = 0, second_ = 0;
};

Result<std::string> read(DiskFile& file, Octets at, std::size_t wanted) {
    std::string octets(wanted, '\0');
    RELEVO_TRY(const std::size_t count, file.read_at(at, std::as_writable_bytes(std::span(octets))));
    octets.resize(count);
    return octets;
}

bool is_empty(std::string_view octets) {
    return std::ranges::all_of(octets, [](char c) { return c == '\0'; });
}

Octets place_of(Octets frame) { return header_octets + frame * frame_octets; }

// Frames from `first` on that were written by this log, whatever their content is now.
Result<Octets> frames_behind(DiskFile& file, Octets first, Octets count, std::string_view salts) {
    Octets found = 0;
    for (Octets frame = first; frame < count; ++frame) {
        RELEVO_TRY(const std::string head, read(file, place_of(frame), frame_header_octets));
        if (head.size() == frame_header_octets && head.substr(8, 8) == salts) ++found;
    }
    return found;
}

}  // namespace

Result<std::vector<std::string>> problems_of_log(Disk& disk, const std::string& name) {
    std::vector<std::string> problems;
    const std::string log = name + "-wal";
    RELEVO_TRY(const bool exists, disk.exists(log));
    if (!exists) return problems;
    RELEVO_TRY(const auto file, disk.open(log, OpenMode::existing));
    RELEVO_TRY(const Octets size, file->size());
    RELEVO_TRY(const std::string header, read(*file, 0, header_octets));
    if (is_empty(header)) return problems;
    if (header.size() < header_octets || (big_endian(header) & ~1U) != magic ||
        big_endian(header.substr(8)) != page_octets) {
        problems.push_back(log + " is no log of this database");
        return problems;
    }
    Sum sum((big_endian(header) & 1U) != 0);
    sum.add(std::string_view(header).substr(0, header_octets - 8));
    if (!sum.is(std::string_view(header).substr(header_octets - 8))) {
        problems.push_back(log + ": its header is damaged, nothing of it can be read");
        return problems;
    }
    const std::string_view salts = std::string_view(header).substr(16, 8);
    const Octets count = (size - header_octets) / frame_octets;
    Octets whole = 0;
    for (; whole < count; ++whole) {
        RELEVO_TRY(const std::string frame, read(*file, place_of(whole), frame_octets));
        const std::string_view octets(frame);
        if (octets.size() < frame_octets || octets.substr(8, 8) != salts) break;
        sum.add(octets.substr(0, 8));
        sum.add(octets.substr(frame_header_octets));
        if (!sum.is(octets.substr(16, 8))) break;
    }
    // The one that ended the walk is lost as well, if it is one.
    RELEVO_TRY(const Octets lost, frames_behind(*file, whole, count, salts));
    RELEVO_TRY(const Octets behind, frames_behind(*file, whole + 1, count, salts));
    if (behind > 0)
        problems.push_back(
            fmt::format("{}: damaged at octet {}: {} changed pages from there on cannot be read, and what "
                        "was committed with them is lost",
                        log, place_of(whole), lost));
    if (size % allocation_octets != 0 && (size - header_octets) % frame_octets != 0)
        problems.push_back(fmt::format("{}: cut to {} octets: what was committed behind that is lost", log, size));
    return problems;
}

}  // namespace relevo
