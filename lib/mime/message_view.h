// A message as people read it: its fields, its text, what is attached.
#pragma once

#include "lib/base/octets.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo::mime {

struct AttachedFile {
    std::string name;  // UTF-8, as the sender wrote it: no path to write to; "" if it has none
    std::string type;  // "application/pdf", lower case
    Octets size = 0;   // decoded
    bool is_inline = false;
};

// All of it is the sender's: texts are UTF-8, and nothing else is promised of them. HTML is as it came.
struct MessageView {
    std::vector<std::pair<std::string, std::string>> fields;  // of the header, in order, encoded words decoded
    std::string text, html;                                   // "": there is none
    std::vector<AttachedFile> files;
    bool is_cut = false;  // there was more than the bounds let through
};

struct ViewBounds {
    Octets message = 4 * mebibyte;  // behind it nothing is looked at
    Octets text = 512 * kibibyte;   // each of the two
    Octets value = 8 * kibibyte;    // of a field
    std::size_t fields = 200;
    std::size_t parts = 100;
    std::size_t depth = 16;
    std::size_t delimiters = 500;  // lines that begin with "--", as boundaries do
};

// Anything is a message: what has no structure is a text. Attached messages are files.
[[nodiscard]] MessageView view_message(std::string_view content, const ViewBounds& bounds = {});

}  // namespace relevo::mime
