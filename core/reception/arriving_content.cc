#include "core/reception/arriving_content.h"

namespace relevo {
namespace {

// Whether an empty line ends with the LF at `place`: it is the first line, or follows another line's LF.
bool ends_empty_line(std::string_view arrived, std::size_t place) {
    if (place > 0 && arrived[place - 1] == '\r') --place;
    return place == 0 || arrived[place - 1] == '\n';
}

}  // namespace

std::optional<std::size_t> ArrivingContent::end_of_header(std::string_view arrived) {
    while (!end_) {
        const std::size_t line_end = arrived.find('\n', searched_octets_);
        if (line_end == std::string_view::npos) {
            searched_octets_ = arrived.size();
            break;
        }
        searched_octets_ = line_end + 1;
        if (ends_empty_line(arrived, line_end)) end_ = line_end + 1;
    }
    return end_;
}

}  // namespace relevo
