// What a client sent and the session has not used yet.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace relevo::smtp {

// Views stay valid until append(), release() or clear(). Holds no memory worth naming while empty.
class ServerInput {
 public:
    void append(std::span<const std::byte> octets);
    [[nodiscard]] bool empty() const { return begin_ == octets_.size(); }
    [[nodiscard]] std::string_view view() const { return std::string_view(octets_).substr(begin_); }
    void consume(std::size_t count);
    void clear();
    // Gives memory back that an empty or nearly empty buffer need not keep.
    void release();

    enum class LineState : unsigned char {
        incomplete,    // no end of line yet
        whole,         // `text` ended with CRLF
        bare_newline,  // `text` ended with LF alone
        too_long       // the first octets of a line over the limit are dropped; skip_line() drops the rest
    };
    struct Line {
        LineState state = LineState::incomplete;
        std::string_view text;  // without its end; of a line too long, what was dropped
    };
    // Takes the next line, at most `limit_octets` with its CRLF.
    [[nodiscard]] Line take_line(std::size_t limit_octets);
    // Drops octets up to the next CRLF. True once that is found.
    [[nodiscard]] bool skip_line();
    [[nodiscard]] std::size_t skipped_octets() const { return skipped_; }
    [[nodiscard]] std::size_t capacity() const { return octets_.capacity(); }

 private:
    std::string octets_;
    std::size_t begin_ = 0;
    std::size_t searched_ = 0;  // octets after begin_ known to hold no LF
    std::size_t skipped_ = 0;   // of the line that is being skipped
    bool after_cr_ = false;     // the last octet skipped was CR
};

}  // namespace relevo::smtp
