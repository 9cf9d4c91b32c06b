#include "lib/smtp/server_session_input.h"

#include "lib/base/octets.h"

#include <algorithm>
#include <cassert>

namespace relevo::smtp {
namespace {

constexpr std::size_t kept_octets = 256;  // a batch of commands fits; ten thousand idle sessions keep 2.5 MB

}  // namespace

void ServerInput::append(std::span<const std::byte> octets) {
    if (begin_ > 0) {
        octets_.erase(0, begin_);
        begin_ = 0;
    }
    octets_.append(as_text(octets));
}

void ServerInput::consume(std::size_t count) {
    assert(count <= octets_.size() - begin_);
    begin_ += count;
    searched_ = 0;
}

void ServerInput::clear() {
    begin_ = octets_.size();
    searched_ = 0;
    release();
}

void ServerInput::release() {
    if (!empty()) return;
    begin_ = 0;
    if (octets_.capacity() > kept_octets)
        std::string().swap(octets_);  // assigning an empty string would keep the capacity
    else
        octets_.clear();
}

ServerInput::Line ServerInput::take_line(std::size_t limit_octets) {
    const std::string_view text = view();
    const std::string_view window = text.substr(0, limit_octets);
    const std::size_t end = window.find('\n', searched_);
    if (end == std::string_view::npos) {
        searched_ = window.size();
        if (text.size() < limit_octets) return {};
        consume(window.size());
        skipped_ = window.size();
        after_cr_ = window.ends_with('\r');
        return {LineState::too_long, window};
    }
    consume(end + 1);
    if (end > 0 && text[end - 1] == '\r') return {LineState::whole, text.substr(0, end - 1)};
    return {LineState::bare_newline, text.substr(0, end)};
}

bool ServerInput::skip_line() {
    const std::string_view text = view();
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = text.find('\n', from);
        if (end == std::string_view::npos) break;
        if (end == 0 ? after_cr_ : text[end - 1] == '\r') {
            consume(end + 1);
            return true;
        }
        from = end + 1;
    }
    if (!text.empty()) after_cr_ = text.back() == '\r';
    skipped_ += text.size();
    consume(text.size());
    return false;
}

}  // namespace relevo::smtp
