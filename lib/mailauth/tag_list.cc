#include "lib/mailauth/tag_list.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t tag_limit = 100;
constexpr std::size_t line_octets = 78;  // RFC 5322 §2.1.1
constexpr std::string_view fold = "\r\n\t";

bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// `ALPHA *ALNUMPUNC`
bool is_tag_name(std::string_view name) {
    return !name.empty() && is_alpha(name.front()) &&
           std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
}

// Printable ASCII, white space and UTF-8. A control character could end a line wherever the value is shown.
bool is_tag_value(std::string_view value) {
    const auto is_control = [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && !is_white_space(c)) || c == 0x7F;
    };
    return std::ranges::none_of(value, is_control) && is_utf8(value);
}

Result<Tag> parse_tag(std::string_view spec) {
    const std::size_t equals = spec.find('=');
    const std::string_view name = trimmed(spec.substr(0, equals));
    if (equals == std::string_view::npos)
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is no tag: it has no \"=\"", printable(name, 40)));
    if (!is_tag_name(name))
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is no name of a tag", printable(name, 40)));
    const std::string_view value = trimmed(spec.substr(equals + 1));
    if (!is_tag_value(value))
        return failure(ErrorKind::invalid, fmt::format("the tag {}= holds characters that are not allowed", name));
    return Tag{name, value};
}

std::size_t octets_of_last_line(std::string_view text) {
    const std::size_t line_end = text.rfind('\n');
    return line_end == std::string_view::npos ? text.size() : text.size() - line_end - 1;
}

// A tab counts as one octet: what the limit is about.
bool fits(std::string_view field, std::size_t more) { return octets_of_last_line(field) + more <= line_octets; }

void append_foldable(std::string& field, std::string_view text, std::string_view separator) {
    if (fits(field, separator.size() + text.size()))
        field.append(separator);
    else
        field.append(fold);
    while (!fits(field, text.size())) {
        const std::size_t room = line_octets - std::min(line_octets, octets_of_last_line(field));
        std::size_t colon = text.substr(0, room).rfind(':');
        if (colon == std::string_view::npos) colon = text.find(':');
        if (colon == std::string_view::npos || colon + 1 == text.size()) break;
        field.append(text.substr(0, colon + 1)).append(fold);
        text.remove_prefix(colon + 1);
    }
    field.append(text);
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
    TagList list;
    std::string_view rest = trimmed(text);
    if (rest.ends_with(';')) rest.remove_suffix(1);
    while (true) {
        const std::size_t semicolon = rest.find(';');
        RELEVO_TRY(const Tag tag, parse_tag(rest.substr(0, semicolon)));
        if (list.find(tag.name))
            return failure(ErrorKind::invalid, fmt::format("the tag {}= stands there twice", tag.name));
        if (list.tags_.size() == tag_limit) return failure(ErrorKind::invalid, "there are more than 100 tags");
        list.tags_.push_back(tag);
        if (semicolon == std::string_view::npos) return list;
        rest.remove_prefix(semicolon + 1);
    }
}

std::optional<std::string_view> TagList::find(std::string_view name) const {
    const auto found = std::ranges::find(tags_, name, &Tag::name);
    return found == tags_.end() ? std::nullopt : std::optional(found->value);
}

std::string without_white_space(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    std::ranges::remove_copy_if(value, std::back_inserter(text), is_white_space);
    return text;
}

std::vector<std::string> split_colon_list(std::string_view value) {
    std::vector<std::string> parts;
    for (const std::string_view part : split(value, ':'))
        if (const std::string_view inner = trimmed(part); !inner.empty()) parts.emplace_back(inner);
    return parts;
}

std::string fold_tags(std::string_view field_name, const std::vector<WrittenTag>& tags) {
    std::string field(field_name);
    field += ':';
    for (const WrittenTag& tag : tags) {
        const bool last = &tag == &tags.back();
        append_foldable(field, fmt::format("{}={}{}", tag.name, tag.value, last ? "" : ";"), " ");
    }
    return field;
}

void fold_base64(std::string& field, std::string_view base64) {
    while (!base64.empty()) {
        if (!fits(field, 1)) field.append(fold);
        const std::size_t room = line_octets - octets_of_last_line(field);
        field.append(base64.substr(0, room));
        base64.remove_prefix(std::min(room, base64.size()));
    }
}

}  // namespace relevo::mailauth
