// Cuts the server's stream into whole replies, within bounds (security row B1).
#pragma once

#include "lib/smtp/reply.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::smtp {

// Threads: none. Memory: one unfinished reply of `limit_octets`, and what was received since the last take().
class ReplyReader {
 public:
    explicit ReplyReader(std::size_t limit_octets) : limit_octets_(limit_octets) {}

    void receive(std::string_view octets);
    // The next whole reply, or nothing yet. Errors: invalid, as parse_reply(); limit – longer than `limit_octets`, or
    // the server talks on and on while nobody asks. After an error the stream is of no use.
    [[nodiscard]] Result<std::optional<Reply>> take();
    // Forgets everything received and not taken.
    void discard();

 private:
    // Finds the end of the reply at the front; npos: not there yet.
    [[nodiscard]] std::size_t find_end();

    std::size_t limit_octets_;
    std::string received_;
    std::size_t reply_start_ = 0;
    std::size_t line_start_ = 0;  // of the first line not known to be a continuation
    std::size_t searched_ = 0;    // no LF between line_start_ and here
    bool overflowed_ = false;
};

}  // namespace relevo::smtp
