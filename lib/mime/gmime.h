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

// The content of a part without its transfer encoding; of text, in UTF-8.
inline std::string decoded(GMimePart* part) {
    GMimeDataWrapper* content = g_mime_part_get_content(part);
    if (content == nullptr) return {};
    const Owned<GMimeStream> memory(g_mime_stream_mem_new());
    const Owned<GMimeStream> stream(g_mime_stream_filter_new(memory.get()));
    const char* charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
    if (charset != nullptr && GMIME_IS_TEXT_PART(part)) {
        // Nothing for a charset that iconv does not know: the octets stay as they are.
        if (GMimeFilter* filter = g_mime_filter_charset_new(charset, "UTF-8")) {
            g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream.get()), filter);
            g_object_unref(filter);
        }
    }
    g_mime_data_wrapper_write_to_stream(content, stream.get());
    g_mime_stream_flush(stream.get());
    GByteArray* octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
    return {reinterpret_cast<const char*>(octets->data), octets->len};
}

}  // namespace relevo::mime
