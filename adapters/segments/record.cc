#include "adapters/segments/record.h"

#include "lib/base/crc32c.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <concepts>
#include <cstring>
#include <limits>

namespace relevo::segments {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::string_view header_magic = "RLVS";
constexpr std::string_view end_magic = "RLVE";
constexpr std::uint16_t format_version = 1;
constexpr Octets checked_length = 36;  // of the header, by its own checksum

template <std::integral T>
void append_integer(std::string& octets, T value) {
    octets.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <std::integral T>
T integer_at(std::string_view octets, std::size_t position) {
    T value{};
    std::memcpy(&value, octets.substr(position, sizeof value).data(), sizeof value);
    return value;
}

std::unexpected<Error> damaged(std::uint32_t segment, Octets offset, std::string_view what) {
    return failure(ErrorKind::damaged,
                   fmt::format("the record at offset {} of segment-{:010} is damaged: {}", offset, segment, what));
}

}  // namespace

void append_record(std::string& segment_octets, MessageId id, std::string_view content, std::uint32_t segment,
                   Octets offset) {
    assert(offset % 8 == 0 && offset / 8 <= std::numeric_limits<std::uint32_t>::max());
    const std::size_t start = segment_octets.size();
    const std::uint32_t checksum = crc32c(content);
    segment_octets.append(header_magic);
    append_integer(segment_octets, format_version);
    append_integer(segment_octets, static_cast<std::uint16_t>(header_length));
    append_integer(segment_octets, id.value);
    append_integer(segment_octets, static_cast<std::uint64_t>(content.size()));
    append_integer(segment_octets, segment);
    append_integer(segment_octets, static_cast<std::uint32_t>(offset / 8));
    append_integer(segment_octets, checksum);
    append_integer(segment_octets, crc32c(std::string_view(segment_octets).substr(start, checked_length)));
    segment_octets.append(content);
    segment_octets.append(end_magic);
    append_integer(segment_octets, checksum);
    segment_octets.resize(start + record_length(content.size()), '\0');
}

Result<RecordHeader> parse_header(std::string_view octets, std::uint32_t segment, Octets offset) {
    if (octets.size() < header_length) return damaged(segment, offset, "the file ends inside the header");
    if (!octets.starts_with(header_magic)) return damaged(segment, offset, "no record begins here");
    if (integer_at<std::uint32_t>(octets, 36) != crc32c(octets.substr(0, checked_length)))
        return damaged(segment, offset, "wrong checksum of the header");
    if (integer_at<std::uint16_t>(octets, 4) != format_version || integer_at<std::uint16_t>(octets, 6) != header_length)
        return damaged(segment, offset, "unknown version of the format");
    if (integer_at<std::uint32_t>(octets, 24) != segment || integer_at<std::uint32_t>(octets, 28) != offset / 8)
        return damaged(segment, offset, "it was written for another place");
    const RecordHeader header{.id = MessageId{integer_at<std::int64_t>(octets, 8)},
                              .length = integer_at<std::uint64_t>(octets, 16),
                              .content_checksum = integer_at<std::uint32_t>(octets, 32)};
    if (header.length > static_cast<Octets>(std::numeric_limits<std::int64_t>::max()) / 2)
        return damaged(segment, offset, "impossible length");
    return header;
}

Result<std::string_view> parse_record(std::string_view octets, std::uint32_t segment, Octets offset) {
    RELEVO_TRY(const RecordHeader header, parse_header(octets, segment, offset));
    const std::string_view rest = octets.substr(header_length);
    if (rest.size() < header.length + end_mark_length) return damaged(segment, offset, "the file ends inside it");
    const std::string_view content = rest.substr(0, header.length);
    const std::string_view end = rest.substr(header.length, end_mark_length);
    if (!end.starts_with(end_magic) || integer_at<std::uint32_t>(end, 4) != header.content_checksum)
        return damaged(segment, offset, "no end mark");
    if (crc32c(content) != header.content_checksum) return damaged(segment, offset, "wrong checksum of the content");
    return content;
}

}  // namespace relevo::segments
