#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>
#include <cstring>

namespace relevo::mail {
namespace {

constexpr std::size_t header_limit_octets = 2 * 1024 * 1024;
constexpr std::size_t field_limit = 10'000;
constexpr std::size_t usual_fields = 40;  // room for one allocation in nearly every message

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Place after the LF that ends the line at `begin`, or the end of the content.
std::size_t next_line(std::string_view content, std::size_t begin) {
    const void* found = std::memchr(content.data() + begin, '\n', content.size() - begin);
    if (found == nullptr) return content.size();
    return static_cast<std::size_t>(static_cast<const char*>(found) - content.data()) + 1;
}

// The line at `begin` is CRLF, or LF from a peer that is allowed to send it.
bool is_empty_line(std::string_view content, std::size_t begin) {
    return content[begin] == '\n' ||
           (content[begin] == '\r' && begin + 1 < content.size() && content[begin + 1] == '\n');
}

// `field-name *WSP ":"` (RFC 5322 §3.6.8 and, for the white space, §4.5.1). Empty if `line` does not begin with it.
std::string_view field_name(std::string_view line, std::size_t colon) {
    std::size_t end = 0;
    while (end < colon && line[end] > ' ' && line[end] < 0x7F) ++end;
    const std::string_view name = line.substr(0, end);
    while (end < colon && is_blank(line[end])) ++end;
    return end == colon ? name : std::string_view();
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

// Place after the field at `begin`: its first line and those that begin with white space (RFC 5322 §2.2.3).
std::size_t end_of_field(std::string_view content, std::size_t end_of_first_line) {
    std::size_t end = end_of_first_line;
    while (end < content.size() && is_blank(content[end])) end = next_line(content, end);
    return end;
}

}  // namespace

Result<Header> Header::parse(std::string_view content) {
    Header header;
    header.fields_.reserve(usual_fields);
    std::size_t at = 0;
    while (at < content.size()) {
        if (is_empty_line(content, at)) {
            at = next_line(content, at);
            break;
        }
        const std::size_t line_end = next_line(content, at);
        const std::string_view line = content.substr(at, line_end - at);
        const std::size_t colon = line.find(':');
        const std::string_view name = colon == std::string_view::npos ? std::string_view() : field_name(line, colon);
        if (name.empty()) break;
        const std::size_t end = end_of_field(content, line_end);
        if (end > header_limit_octets) return failure(ErrorKind::limit, "header section over 2 MiB");
        if (header.fields_.size() == field_limit) return failure(ErrorKind::limit, "more than 10,000 header fields");
        const std::string_view raw = content.substr(at, end - at);
        header.fields_.push_back({name, without_line_end(raw.substr(colon + 1)), raw});
        at = end;
    }
    header.body_offset_ = at;
    return header;
}

const Field* Header::find(std::string_view name) const {
    const auto found =
        std::ranges::find_if(fields_, [&](const Field& field) { return equals_ignoring_case(field.name, name); });
    return found == fields_.end() ? nullptr : &*found;
}

std::size_t Header::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(fields_, [&](const Field& field) { return equals_ignoring_case(field.name, name); }));
}

std::size_t count_hops(const Header& header) { return header.count("Received"); }

std::string unfolded(std::string_view field_value) {
    std::string text;
    const std::string_view inner = trimmed(field_value);
    text.reserve(inner.size());
    for (const char c : inner)
        if (c != '\r' && c != '\n') text += c;
    return text;
}

}  // namespace relevo::mail
