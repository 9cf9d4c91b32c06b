// What the readers of MIME share of GMime; include it in source files only.
#pragma once

#include "lib/base/text.h"

#include <gmime/gmime.h>
#include <memory>
#include <string>

namespace relevo::mime {

struct Unreference {
    void operator()(gpointer object) const { g_object_unref(object); }
};
template <class Object>
using Owned = std::unique_ptr<Object, Unreference>;

// GMime wants to be started once; it registers types and charsets, and has nothing that we could pass around.
inline void start_gmime() {
    static const bool started = (g_mime_init(), true);
    (void)started;
}

// "" for what is missing.
inline std::string lower(const char* text) {
    return text != nullptr ? to_lower(std::string_view(text)) : std::string();
}

// "text/plain"; "" if it has none.
inline std::string type_of(GMimeObject* object) {
    GMimeContentType* type = g_mime_object_get_content_type(object);
    if (type == nullptr) return {};
    return lower(g_mime_content_type_get_media_type(type)) + "/" + lower(g_mime_content_type_get_media_subtype(type));
}

}  // namespace relevo::mime
