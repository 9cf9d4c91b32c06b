#include "lib/bounces/segment_matcher.h"

#include "lib/base/text.h"

#include <cstddef>

namespace relevo::bounces {

SegmentMatcher::SegmentMatcher(const std::vector<std::string>& patterns) {
    nodes_.emplace_back();
    roots_.fill(none);
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        std::string_view pattern = patterns[i];
        const bool at_start = pattern.starts_with('^');
        if (at_start) pattern.remove_prefix(1);
        std::uint16_t place = 0;
        for (const std::string_view text : split(pattern, '*')) {
            const std::uint32_t node = insert(text);
            nodes_[node].ends.push_back(static_cast<std::uint32_t>(segments_.size()));
            segments_.push_back({.pattern = i,
                                 .place = place,
                                 .octets = static_cast<std::uint16_t>(text.size()),
                                 .at_start = at_start && place == 0});
            ++place;
        }
        segment_counts_.push_back(place);
    }
    link();
}

std::uint32_t SegmentMatcher::child(std::uint32_t node, char octet) const {
    if (node == 0) return roots_[static_cast<unsigned char>(octet)];
    std::uint32_t next = nodes_[node].first_child;
    while (next != none && nodes_[next].octet != octet) next = nodes_[next].next_sibling;
    return next;
}

std::uint32_t SegmentMatcher::insert(std::string_view text) {
    std::uint32_t node = 0;
    for (const char c : text) {
        std::uint32_t next = child(node, c);
        if (next == none) {
            next = static_cast<std::uint32_t>(nodes_.size());
            nodes_.emplace_back();
            nodes_[next].octet = c;
            nodes_[next].next_sibling = nodes_[node].first_child;
            nodes_[node].first_child = next;
            if (node == 0) roots_[static_cast<unsigned char>(c)] = next;
        }
        node = next;
    }
    return node;
}

// Breadth first: the fallback of a node is nearer to the root, so it is linked already.
void SegmentMatcher::link() {
    std::vector<std::uint32_t> order{0};
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::uint32_t parent = order[i];
        for (std::uint32_t node = nodes_[parent].first_child; node != none; node = nodes_[node].next_sibling) {
            if (parent != 0) nodes_[node].fallback = step(nodes_[parent].fallback, nodes_[node].octet);
            const std::uint32_t fallback = nodes_[node].fallback;
            nodes_[node].next_output = nodes_[fallback].ends.empty() ? nodes_[fallback].next_output : fallback;
            order.push_back(node);
        }
    }
}

std::uint32_t SegmentMatcher::step(std::uint32_t node, char octet) const {
    while (true) {
        const std::uint32_t next = child(node, octet);
        if (next != none) return next;
        if (node == 0) return 0;
        node = nodes_[node].fallback;
    }
}

std::vector<std::uint32_t> SegmentMatcher::matches(std::string_view text) const {
    struct Progress {
        std::uint16_t found = 0;  // segments of the pattern so far
        std::size_t behind = 0;   // where the last of them ended
    };
    std::vector<Progress> progress(segment_counts_.size());
    std::uint32_t node = 0;
    for (std::size_t end = 1; end <= text.size(); ++end) {
        node = step(node, text[end - 1]);
        for (std::uint32_t at = nodes_[node].ends.empty() ? nodes_[node].next_output : node; at != none;
             at = nodes_[at].next_output)
            for (const std::uint32_t place : nodes_[at].ends) {
                const Segment& segment = segments_[place];
                Progress& reached = progress[segment.pattern];
                const std::size_t begin = end - segment.octets;
                // The first place that fits is the best one: it leaves the most text to the segments behind.
                if (segment.place != reached.found || begin < reached.behind || (segment.at_start && begin != 0))
                    continue;
                reached = {.found = static_cast<std::uint16_t>(reached.found + 1), .behind = end};
            }
    }
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < progress.size(); ++i)
        if (progress[i].found == segment_counts_[i]) found.push_back(i);
    return found;
}

}  // namespace relevo::bounces
