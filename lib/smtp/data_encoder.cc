#include "lib/smtp/data_encoder.h"

#include "lib/smtp/client_session.h"

#include <algorithm>
#include <cstring>

namespace relevo::smtp {
namespace {

// Counters of one octet, so that sixteen or more fit a vector register; a block may therefore add at most 255 to each.
constexpr std::size_t block_octets = 255;

struct LineEndCounts {
    std::size_t carriage_returns = 0, line_feeds = 0, pairs = 0, dots = 0;
    unsigned char any = 0;  // all octets or-ed
};

// `octets[count]` must be readable: pairs are looked for across the end of the block.
void count_block(const char* octets, std::size_t count, LineEndCounts& counts) {
    std::uint8_t carriage_returns = 0, line_feeds = 0, pairs = 0, dots = 0, any = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const char here = octets[i], next = octets[i + 1];
        const auto is_cr = static_cast<std::uint8_t>(here == '\r'), is_lf = static_cast<std::uint8_t>(here == '\n');
        const auto is_pair = static_cast<std::uint8_t>(is_cr & static_cast<std::uint8_t>(next == '\n'));
        const auto ends_line = static_cast<std::uint8_t>((is_cr | is_lf) & static_cast<std::uint8_t>(next == '.'));
        carriage_returns = static_cast<std::uint8_t>(carriage_returns + is_cr);
        line_feeds = static_cast<std::uint8_t>(line_feeds + is_lf);
        pairs = static_cast<std::uint8_t>(pairs + is_pair);
        dots = static_cast<std::uint8_t>(dots + ends_line);
        any = static_cast<std::uint8_t>(any | static_cast<std::uint8_t>(here));
    }
    counts.carriage_returns += carriage_returns;
    counts.line_feeds += line_feeds;
    counts.pairs += pairs;
    counts.dots += dots;
    counts.any |= any;
}

// A piece is searched in steps of this size, so that content made of bare CR alone costs no square of its length.
constexpr std::size_t search_octets = 1024;

// The longest terminator must fit a piece: "\r\n.\r\n".
constexpr std::size_t smallest_piece = 5;

// The first CR or LF of `text`, or its size.
std::size_t find_line_end(std::string_view text) {
    const void* line_feed = std::memchr(text.data(), '\n', text.size());
    const std::size_t end = line_feed == nullptr
                                ? text.size()
                                : static_cast<std::size_t>(static_cast<const char*>(line_feed) - text.data());
    const void* carriage_return = std::memchr(text.data(), '\r', end);
    return carriage_return == nullptr
               ? end
               : static_cast<std::size_t>(static_cast<const char*>(carriage_return) - text.data());
}

}  // namespace

ContentFacts inspect_content(std::string_view content) {
    ContentFacts facts;
    if (content.empty()) return facts;
    LineEndCounts counts;
    const std::size_t last = content.size() - 1;
    for (std::size_t at = 0; at < last; at += block_octets)
        count_block(content.data() + at, std::min(block_octets, last - at), counts);
    const char last_pair[2] = {content[last], '\0'};
    count_block(last_pair, 1, counts);
    facts.bare_line_ends = counts.carriage_returns + counts.line_feeds - 2 * counts.pairs;
    facts.leading_dots = counts.dots + (content.front() == '.' ? 1 : 0);
    facts.eight_bit = counts.any >= 0x80;
    return facts;
}

DataEncoder::DataEncoder(std::string_view content, ContentForm form, const ContentFacts& facts)
    : content_(content), form_(form), facts_(facts) {}

bool DataEncoder::is_plain() const {
    return form_ == ContentForm::binary ||
           (facts_.bare_line_ends == 0 && (form_ == ContentForm::counted || facts_.leading_dots == 0));
}

std::string_view DataEncoder::terminator() const {
    if (form_ != ContentForm::dot_stuffed) return {};
    const bool line_open = !content_.empty() && !content_.ends_with('\n') && !content_.ends_with('\r');
    return line_open ? "\r\n.\r\n" : ".\r\n";
}

std::size_t DataEncoder::encoded_size() const {
    switch (form_) {
        case ContentForm::binary: return content_.size();
        case ContentForm::counted: return content_.size() + facts_.bare_line_ends;
        case ContentForm::dot_stuffed: break;
    }
    return content_.size() + facts_.bare_line_ends + facts_.leading_dots + terminator().size();
}

std::string DataEncoder::next(std::size_t limit) {
    limit = std::max(limit, smallest_piece);
    std::string piece;
    if (is_plain()) {
        piece = content_.substr(place_, limit);
        place_ += piece.size();
    } else {
        piece.reserve(std::min(limit, encoded_size()));
        constexpr std::size_t longest_step = 4;  // a stuffed dot, the octet behind it, CRLF
        while (place_ < content_.size() && piece.size() + longest_step <= limit) append_line_part(piece, limit);
    }
    if (place_ < content_.size() || terminated_ || piece.size() + terminator().size() > limit) return piece;
    piece += terminator();
    terminated_ = true;
    return piece;
}

void DataEncoder::append_line_part(std::string& piece, std::size_t limit) {
    if (at_line_start_ && form_ == ContentForm::dot_stuffed && content_[place_] == '.') piece += '.';
    const std::string_view window = content_.substr(place_, std::min(search_octets, limit - piece.size() - 2));
    const std::size_t run = find_line_end(window);
    piece += window.substr(0, run);
    place_ += run;
    at_line_start_ = run < window.size();
    if (!at_line_start_) return;
    piece += "\r\n";
    place_ += content_.substr(place_).starts_with("\r\n") ? 2 : 1;
}

std::string encode_data(std::string_view content) {
    DataEncoder encoder(content, ContentForm::dot_stuffed, inspect_content(content));
    return encoder.next(encoder.encoded_size());
}

}  // namespace relevo::smtp
