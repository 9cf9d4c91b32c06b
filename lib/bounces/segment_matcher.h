// Finds which of many wildcard patterns occur in a text, all of them in one pass: the time does not depend on their
// number, and no text makes it slow (Aho and Corasick, 1975).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

// A pattern is pieces of text with "*" between them, each "*" for any octets or none; "^" in front ties the first piece
// to the start of the text. Letters are compared as they are: whoever asks gives lower case. Threads: any, once built.
class SegmentMatcher {
 public:
    // `patterns`: without two "*" in a row, or one at either end; see PatternTable, which checks. Not empty ones.
    explicit SegmentMatcher(const std::vector<std::string>& patterns);

    // The places of the patterns that occur in `text`, ascending.
    [[nodiscard]] std::vector<std::uint32_t> matches(std::string_view text) const;

 private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Node {
        std::uint32_t first_child = none;
        std::uint32_t next_sibling = none;
        std::uint32_t fallback = 0;        // the longest proper suffix that is a node
        std::uint32_t next_output = none;  // the nearest node along fallbacks that ends a segment
        std::vector<std::uint32_t> ends;   // segments that end here
        char octet = 0;
    };
    struct Segment {
        std::uint32_t pattern = 0;
        std::uint16_t place = 0;  // among the pattern's segments
        std::uint16_t octets = 0;
        bool at_start = false;
    };

    [[nodiscard]] std::uint32_t child(std::uint32_t node, char octet) const;
    [[nodiscard]] std::uint32_t step(std::uint32_t node, char octet) const;
    std::uint32_t insert(std::string_view text);
    void link();

    std::vector<Node> nodes_;
    std::vector<Segment> segments_;
    std::vector<std::uint16_t> segment_counts_;  // of each pattern
    std::array<std::uint32_t, 256> roots_{};     // children of the root: nearly every octet asks there
};

}  // namespace relevo::bounces
