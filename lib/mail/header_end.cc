#include "lib/mail/header_end.h"

namespace relevo::mail {

std::size_t HeaderEnd::take(std::string_view piece) {
    std::size_t taken = 0;
    while (line_ != Line::over && taken < piece.size()) {
        const std::size_t line_end = piece.find('\n', taken);
        const bool is_whole = line_end != std::string_view::npos;
        const std::string_view part = piece.substr(taken, (is_whole ? line_end : piece.size()) - taken);
        if (!part.empty()) line_ = line_ == Line::fresh && part == "\r" ? Line::carriage_return : Line::text;
        if (is_whole) line_ = line_ == Line::text ? Line::fresh : Line::over;
        taken += part.size() + (is_whole ? 1 : 0);
    }
    offset_ += taken;
    return taken;
}

}  // namespace relevo::mail
