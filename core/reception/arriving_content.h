// Where the body of a message begins, told while its octets still arrive.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace relevo {

// Looks at each octet of the header section once, at none of the body. Threads: none.
class ArrivingContent {
 public:
    // `arrived`: everything so far, each time longer. The place behind the empty line that ends the header section;
    // nothing while it has not come. mail::Header may let the body begin before it, at a line that is no field.
    [[nodiscard]] std::optional<std::size_t> end_of_header(std::string_view arrived);

 private:
    std::size_t searched_octets_ = 0;
    std::optional<std::size_t> end_;
};

}  // namespace relevo
