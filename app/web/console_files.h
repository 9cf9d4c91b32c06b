// The files of the web console, in one piece of memory.
#pragma once

#include "lib/base/result.h"

#include <map>
#include <string>
#include <string_view>

namespace relevo {

struct ConsoleFile {
    std::string_view media_type;
    std::string_view etag;  // with its quotes
    std::string_view content;
    std::string_view gzipped;  // empty: not worth it
};

// Views into the pack, which must outlive it. Threads: any, it never changes.
class ConsoleFiles {
 public:
    // As tools/pack_console writes it: the line "relevo console 1", a line for each file (path, media type, entity tag,
    // offset and length, offset and length in gzip; parted by tabs), an empty line, the octets.
    // Errors: invalid.
    [[nodiscard]] static Result<ConsoleFiles> parse(std::string_view pack);

    // "/assets/index-B5H6.js"; nullptr: there is none.
    [[nodiscard]] const ConsoleFile* find(std::string_view path) const;

 private:
    std::map<std::string_view, ConsoleFile> files_;
};

// The pack that was built into this program.
[[nodiscard]] std::string_view embedded_console();

}  // namespace relevo
