// Messages as people have them in files.
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::lookups {

inline constexpr std::size_t message_limit_octets = 256UL * 1024 * 1024;

// All of a file; "-" is standard input. Errors: io – cannot be read. limit – larger than `limit_octets`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit_octets);

struct MessageFile {
    std::string content;               // as it travels: CRLF at the end of lines
    bool had_bare_line_feeds = false;  // every line ended with LF alone, as files do on Unix
    bool had_mbox_line = false;        // "From …" in front, which is not of the message
};

// Undoes what storing a message in a file does to it, and nothing else: LF becomes CRLF only if there is no CRLF at
// all.
[[nodiscard]] MessageFile message_from(std::string text);

}  // namespace relevo::lookups
