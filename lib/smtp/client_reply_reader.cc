#include "lib/smtp/client_reply_reader.h"

#include "lib/base/octets.h"
#include "lib/base/text.h"

namespace relevo::smtp {
namespace {

// A server may answer a long pipeline while content is being written; more than this is no answer.
constexpr std::size_t unasked_octets = mebibyte;

// A line that is no reply line ends the reply too: parse_reply() then says what is wrong with it.
bool is_continuation(std::string_view line) {
    return line.size() > 3 && line[3] == '-' && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]);
}

}  // namespace

void ReplyReader::receive(std::string_view octets) {
    if (received_.size() - reply_start_ > limit_octets_ + unasked_octets) {
        overflowed_ = true;
        return;
    }
    if (reply_start_ > 0) {
        received_.erase(0, reply_start_);
        line_start_ -= reply_start_;
        searched_ -= reply_start_;
        reply_start_ = 0;
    }
    received_ += octets;
}

std::size_t ReplyReader::find_end() {
    for (;;) {
        const std::size_t end = received_.find('\n', searched_);
        if (end == std::string::npos) {
            searched_ = received_.size();
            return end;
        }
        const std::string_view line = std::string_view(received_).substr(line_start_, end - line_start_);
        line_start_ = searched_ = end + 1;
        if (!is_continuation(line) || line_start_ - reply_start_ > limit_octets_) return end + 1;
    }
}

Result<std::optional<Reply>> ReplyReader::take() {
    const std::size_t end = find_end();
    const std::size_t octets = (end == std::string::npos ? received_.size() : end) - reply_start_;
    if (overflowed_ || octets > limit_octets_)
        return failure(ErrorKind::limit, "a reply of more than " + std::to_string(limit_octets_) + " octets");
    if (end == std::string::npos) return std::optional<Reply>();
    RELEVO_TRY(Reply reply, parse_reply(std::string_view(received_).substr(reply_start_, octets)));
    reply_start_ = end;
    if (reply_start_ == received_.size()) discard();
    return std::optional(std::move(reply));
}

void ReplyReader::discard() {
    received_.clear();
    reply_start_ = line_start_ = searched_ = 0;
    overflowed_ = false;
}

}  // namespace relevo::smtp
