// One record of a segment file: docs/formats/segments.md.
#pragma once

#include "lib/base/identifier.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::segments {

inline constexpr Octets header_length = 40;
inline constexpr Octets end_mark_length = 8;

// Octets that a content takes in a segment.
[[nodiscard]] constexpr Octets record_length(Octets content_length) {
    return (header_length + content_length + end_mark_length + 7) / 8 * 8;
}

struct RecordHeader {
    MessageId id;
    Octets length = 0;  // of the content
    std::uint32_t content_checksum = 0;
};

// Appends the whole record to `segment_octets`; it will lie at `offset` (a multiple of 8) of segment number `segment`.
void append_record(std::string& segment_octets, MessageId id, std::string_view content, std::uint32_t segment,
                   Octets offset);

// Reads the header that lies at `offset` of `segment`. `octets` begins there.
// Errors: damaged – not a header, changed, or of another place.
[[nodiscard]] Result<RecordHeader> parse_header(std::string_view octets, std::uint32_t segment, Octets offset);

// The content of the record that `octets` begins with; they must hold all of it. A view into `octets`.
// Errors: damaged – changed, cut short, or of another place.
[[nodiscard]] Result<std::string_view> parse_record(std::string_view octets, std::uint32_t segment, Octets offset);

}  // namespace relevo::segments
