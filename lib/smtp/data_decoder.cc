#include "lib/smtp/data_decoder.h"

#include <cassert>
#include <cstring>

namespace relevo::smtp {
namespace {

bool is_special(char c) { return c == '\r' || c == '\n' || c == '\0'; }

// The first CR, LF or NUL at or after `from`, or the end. Eight octets at a time: one pass for all three stays linear
// however many of them there are, which a memchr() for each would not.
std::size_t find_special(std::string_view text, std::size_t from) {
    constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
    constexpr std::uint64_t highs = ones * 128;
    constexpr std::uint64_t bound = ones * ('\r' + 1);
    const char* const data = text.data();
    const std::size_t size = text.size();
    for (;;) {
        while (size - from >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, data + from, 8);
            if (((word - bound) & ~word & highs) != 0) break;  // one octet at least is <= CR
            from += 8;
        }
        const std::size_t end = size - from >= 8 ? from + 8 : size;
        for (; from < end; ++from)
            if (is_special(data[from])) return from;
        if (from == size) return size;
    }
}

}  // namespace

DataDecoder::Piece DataDecoder::decode(std::string_view wire) {
    assert(!wire.empty());
    if (framing_ == ContentFraming::binary) return {wire, wire.size(), false};
    switch (place_) {
        case Place::dot:
            place_ = wire.front() == '\r' ? Place::dot_cr : Place::text;  // text: the dot was stuffing
            if (place_ == Place::dot_cr) return {{}, 1, false};
            break;
        case Place::dot_cr:
            if (wire.front() == '\n') return {{}, 1, true};
            return {end_bare_cr("\r\n"), 0, false};
        case Place::cr:
            if (wire.front() != '\n') return {end_bare_cr("\n"), 0, false};
            break;
        case Place::line_start:
        case Place::text: break;
    }
    return decode_lines(wire);
}

DataDecoder::Piece DataDecoder::decode_lines(std::string_view wire) {
    std::size_t at = 0;
    const auto end_line = [&](std::size_t next) {
        at = next;
        place_ = Place::line_start;
        line_octets_ = 0;
    };
    if (place_ == Place::cr) end_line(1);
    while (at < wire.size()) {
        if (place_ == Place::line_start && wire[at] == '.' && framing_ == ContentFraming::dot_stuffed)
            return stop_at_dot(wire, at);
        place_ = Place::text;
        const std::size_t special = find_special(wire, at);
        if (overflows(special - at)) {
            const std::size_t limit = at + (line_limit_octets_ - line_octets_);
            return stop_at_fault(wire, limit, limit, ContentFault::long_line);
        }
        line_octets_ += special - at;
        if (special == wire.size()) break;
        if (wire[special] == '\0') {
            if (fault_ == ContentFault::none) return stop_at_fault(wire, special, special + 1, ContentFault::nul);
            at = special + 1;
        } else if (wire[special] == '\n') {
            if (fault_ == ContentFault::none) return stop_at_bare_lf(wire, special);
            at = special + 1;
        } else if (special + 1 < wire.size() && wire[special + 1] == '\n') {
            end_line(special + 2);
        } else {  // the next octet will tell whether it is bare
            place_ = Place::cr;
            return {unless_faulty(wire.substr(0, special + 1)), special + 1, false};
        }
    }
    return {unless_faulty(wire), wire.size(), false};
}

// RFC 5321 §4.5.2: "If the line is composed of a single period, it is treated as the end of mail indicator. If the
// first character is a period and there are other characters on the line, the first character is deleted."
DataDecoder::Piece DataDecoder::stop_at_dot(std::string_view wire, std::size_t at) {
    const std::string_view run = unless_faulty(wire.substr(0, at));
    if (wire.substr(at).starts_with(".\r\n")) return {run, at + 3, true};
    place_ = Place::dot;
    return {run, at + 1, false};
}

// A repaired line end is one in the content only: a dot after it is neither stuffing nor the end.
DataDecoder::Piece DataDecoder::stop_at_bare_lf(std::string_view wire, std::size_t at) {
    if (bare_newlines_ == BareNewlines::refused) return stop_at_fault(wire, at, at + 1, ContentFault::bare_newline);
    if (at > 0) return {wire.substr(0, at), at, false};
    line_octets_ = 0;
    return {"\r\n", 1, false};
}

DataDecoder::Piece DataDecoder::stop_at_fault(std::string_view wire, std::size_t at, std::size_t consumed,
                                              ContentFault fault) {
    const std::string_view run = unless_faulty(wire.substr(0, at));
    fault_ = fault;
    return {run, consumed, false};
}

std::string_view DataDecoder::end_bare_cr(std::string_view repaired) {
    place_ = Place::text;
    line_octets_ = 0;
    if (fault_ != ContentFault::none) return {};
    if (bare_newlines_ == BareNewlines::repaired) return repaired;
    fault_ = ContentFault::bare_newline;
    return {};
}

std::string_view DataDecoder::finish() {
    if (framing_ == ContentFraming::binary || place_ != Place::cr) return {};
    return end_bare_cr("\n");
}

std::string_view DataDecoder::unless_faulty(std::string_view run) const {
    return fault_ == ContentFault::none ? run : std::string_view();
}

bool DataDecoder::overflows(std::size_t more) const {
    return line_limit_octets_ != 0 && fault_ == ContentFault::none && line_octets_ + more > line_limit_octets_;
}

}  // namespace relevo::smtp
