// Walks through an XML document from a stranger, element by element, over expat. Nothing that a document says makes it
// open a file, expand an entity or use more than its bounds.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace relevo::xml {

struct XmlBounds {
    Octets octets = 100 * mebibyte;
    std::size_t depth = 64;
    std::size_t text_octets = 4'096;  // of one element, the rest is left out
};

class XmlVisitor {
 public:
    virtual ~XmlVisitor() = default;
    // Names without namespace prefix. Return an error to end the walk with it.
    virtual Result<void> begin(std::string_view name) = 0;
    // `text`: the characters directly inside the element, trimmed.
    virtual Result<void> end(std::string_view name, std::string_view text) = 0;
};

// Errors: invalid – not well-formed, with line and reason. refused – has a document type declaration. limit. And the
// visitor's own.
[[nodiscard]] Result<void> walk_xml(std::string_view xml, XmlVisitor& visitor, XmlBounds bounds);

}  // namespace relevo::xml
