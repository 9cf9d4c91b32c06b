#include "lib/mime/message_view.h"

#include "lib/base/text.h"
#include "lib/mime/gmime.h"

#include <algorithm>

namespace relevo::mime {
namespace {

// Up to the line that would be one delimiter too many: GMime compares each with all boundaries that are open.
std::string_view within_bounds(std::string_view content, const ViewBounds& bounds) {
    content = content.substr(0, bounds.message);
    std::size_t count = 0;
    for (auto at = content.find("\n--"); at != std::string_view::npos; at = content.find("\n--", at + 3))
        if (++count > bounds.delimiters) return content.substr(0, at + 1);
    return content;
}

// Octets that are no UTF-8, in whatever charset they may be, become question marks.
std::string as_utf8(std::string text) {
    if (is_utf8(text)) return text;
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return text;
}

// Not in the middle of a character.
std::string cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
    return std::string(text.substr(0, limit));
}

class Walk {
 public:
    Walk(const ViewBounds& bounds, MessageView& view) : bounds_(bounds), view_(view) {}

    void visit(GMimeObject* object, std::size_t depth) {
        if (object == nullptr) return;
        if (depth > bounds_.depth || ++parts_ > bounds_.parts) {
            view_.is_cut = true;
            return;
        }
        if (GMIME_IS_MULTIPART(object)) {
            const int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
            for (int i = 0; i < count && parts_ <= bounds_.parts; ++i)
                visit(g_mime_multipart_get_part(GMIME_MULTIPART(object), i), depth + 1);
        } else if (GMIME_IS_PART(object)) {
            read_part(GMIME_PART(object));
        } else {
            view_.files.push_back({.name = {}, .type = type_of(object)});
        }
    }

    void read_fields(GMimeMessage* message) {
        GMimeHeaderList* list = g_mime_object_get_header_list(GMIME_OBJECT(message));
        const int count = g_mime_header_list_get_count(list);
        for (int i = 0; i < count; ++i) {
            if (view_.fields.size() >= bounds_.fields) {
                view_.is_cut = true;
                return;
            }
            GMimeHeader* header = g_mime_header_list_get_header_at(list, i);
            const char* name = g_mime_header_get_name(header);
            const char* value = g_mime_header_get_value(header);
            view_.fields.emplace_back(as_utf8(name != nullptr ? name : ""),
                                      cut(as_utf8(value != nullptr ? value : ""), bounds_.value));
        }
    }

 private:
    void read_part(GMimePart* part) {
        std::string type = type_of(GMIME_OBJECT(part));
        if (type.empty()) type = "text/plain";  // RFC 2045 §5.2
        const char* name = g_mime_part_get_filename(part);
        const bool is_attached = lower(g_mime_object_get_disposition(GMIME_OBJECT(part))) == "attachment";
        std::string content = decoded(part);
        std::string* const shown = is_attached || name != nullptr ? nullptr
                                   : type == "text/plain"         ? &view_.text
                                   : type == "text/html"          ? &view_.html
                                                                  : nullptr;
        if (shown != nullptr && shown->empty()) {
            const std::string text = as_utf8(std::move(content));
            *shown = cut(text, bounds_.text);
            if (shown->size() < text.size()) view_.is_cut = true;
            return;
        }
        view_.files.push_back({.name = as_utf8(name != nullptr ? name : ""),
                               .type = std::move(type),
                               .size = content.size(),
                               .is_inline = !is_attached});
    }

    const ViewBounds& bounds_;
    MessageView& view_;
    std::size_t parts_ = 0;
};

}  // namespace

MessageView view_message(std::string_view content, const ViewBounds& bounds) {
    start_gmime();
    MessageView view;
    const std::string_view seen = within_bounds(content, bounds);
    view.is_cut = seen.size() < content.size();
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(seen.data(), seen.size()));
    const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
    if (!message) {
        view.text = cut(as_utf8(std::string(seen)), bounds.text);
        return view;
    }
    Walk walk(bounds, view);
    walk.read_fields(message.get());
    walk.visit(g_mime_message_get_mime_part(message.get()), 0);
    return view;
}

}  // namespace relevo::mime
