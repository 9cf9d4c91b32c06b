#include "lib/bounces/mail_parts.h"

#include "lib/base/text.h"
#include "lib/mime/gmime.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace relevo::bounces {
namespace {

using mime::lower;
using mime::Owned;
using mime::start_gmime;

std::string type_of(GMimeObject* object) {
    std::string type = mime::type_of(object);
    return type.empty() ? "text/plain" : type;  // RFC 2045 §5.2
}

// Everything up to the line that would be one delimiter too many.
std::string_view within_bounds(std::string_view content, const PartBounds& bounds) {
    content = content.substr(0, bounds.message);
    std::size_t count = 0;
    for (auto at = content.find("\n--"); at != std::string_view::npos; at = content.find("\n--", at + 3))
        if (++count > bounds.delimiters) return content.substr(0, at + 1);
    return content;
}

bool is_returned_type(std::string_view type) {
    return type == "text/rfc822-headers" || type == "message/global-headers" || type == "message/rfc822" ||
           type == "message/rfc822-headers" || type == "message/partial";
}

class Walk {
 public:
    explicit Walk(const PartBounds& bounds) : bounds_(bounds) {}

    void visit(GMimeObject* object, std::size_t depth) {
        if (object == nullptr || depth > bounds_.depth || parts_.size() >= bounds_.parts) return;
        if (GMIME_IS_MULTIPART(object)) {
            const int count = std::min(g_mime_multipart_get_count(GMIME_MULTIPART(object)), 1'000);
            for (int i = 0; i < count; ++i) visit(g_mime_multipart_get_part(GMIME_MULTIPART(object), i), depth + 1);
        } else if (GMIME_IS_MESSAGE_PART(object)) {
            read_message(g_mime_message_part_get_message(GMIME_MESSAGE_PART(object)), type_of(object));
        } else if (GMIME_IS_PART(object)) {
            read_part(GMIME_PART(object));
        }
    }
    [[nodiscard]] std::vector<MailPart> take() { return std::move(parts_); }

 private:
    void read_message(GMimeMessage* message, std::string type) {
        if (message == nullptr) return;
        const std::unique_ptr<char, decltype(&g_free)> text(g_mime_object_get_headers(GMIME_OBJECT(message), nullptr),
                                                            g_free);
        std::string fields = text != nullptr ? text.get() : "";
        if (fields.size() > bounds_.part) fields.resize(bounds_.part);
        parts_.push_back({std::move(type), std::move(fields), true});
    }

    void read_part(GMimePart* part) {
        std::string type = type_of(GMIME_OBJECT(part));
        const bool is_text = type.starts_with("text/") || type.starts_with("message/");
        if (!is_text) return;
        std::string content = mime::decoded(part);
        content.resize(std::min(content.size(), bounds_.part));
        if (type == "text/html") content = text_of_html(content);
        const bool is_returned = is_returned_type(type);
        parts_.push_back({std::move(type), std::move(content), is_returned});
    }

    const PartBounds& bounds_;
    std::vector<MailPart> parts_;
};

constexpr auto entities = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&nbsp;", " "}, {"&#64;", "@"}, {"&#39;", "'"}});
constexpr auto line_elements =
    std::to_array<std::string_view>({"<br", "<p", "</p", "<div", "</div", "<tr", "</tr", "<li", "<h"});

// Where the element that begins at `open` ends, and what is in it is not text: `<style>…</style>`.
std::size_t end_of_element(std::string_view html, std::size_t open) {
    for (const std::string_view name : {std::string_view("style"), std::string_view("script")}) {
        if (!starts_with_ignoring_case(html.substr(open + 1), name)) continue;
        const std::size_t close = html.find("</", open + 1 + name.size());
        if (close == std::string_view::npos) return html.size();
        open = close;
        break;
    }
    const std::size_t end = html.find('>', open);
    return end == std::string_view::npos ? html.size() : end + 1;
}

}  // namespace

std::string text_of_html(std::string_view html) {
    std::string text;
    for (std::size_t i = 0; i < html.size();) {
        const std::string_view rest = html.substr(i);
        if (rest[0] == '<') {
            if (std::ranges::any_of(line_elements, [rest](auto name) { return starts_with_ignoring_case(rest, name); }))
                text += '\n';
            i = end_of_element(html, i);
            continue;
        }
        const auto* const entity = std::ranges::find_if(
            entities, [rest](const auto& known) { return rest[0] == '&' && rest.starts_with(known.first); });
        if (entity != entities.end()) {
            text += entity->second;
            i += entity->first.size();
        } else {
            text += rest[0];
            ++i;
        }
    }
    return text;
}

std::vector<MailPart> mail_parts(std::string_view content, const PartBounds& bounds) {
    content = within_bounds(content, bounds);
    start_gmime();
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(content.data(), content.size()));
    const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
    if (!message) return {{.type = "text/plain", .content = std::string(content.substr(0, bounds.part))}};
    Walk walk(bounds);
    walk.visit(g_mime_message_get_mime_part(message.get()), 0);
    return walk.take();
}

}  // namespace relevo::bounces
