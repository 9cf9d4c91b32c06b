// Where the header section of a message ends, told while its octets still arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace relevo::mail {

// Looks at each octet of the header section once, at none of the body. Header (message.h) may let the body begin
// earlier, at a line that is no field; never later. Threads: none.
class HeaderEnd {
 public:
    // The next octets of the message. How many of them still belong to the header section: all of them until the empty
    // line that ends it has come whole (CRLF or a bare LF), none afterwards.
    std::size_t take(std::string_view piece);
    [[nodiscard]] bool is_found() const { return line_ == Line::over; }
    // Octets of the header section so far, its empty line included.
    [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
    enum class Line : std::uint8_t { fresh, carriage_return, text, over };  // what the line under way consists of
    Line line_ = Line::fresh;
    std::size_t offset_ = 0;
};

}  // namespace relevo::mail
