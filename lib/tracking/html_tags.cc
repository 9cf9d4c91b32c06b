#include "lib/tracking/html_tags.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::tracking {
namespace {

// Elements whose text holds no tags but their own end; mail programs run no scripts, so <noscript> is not one of them.
constexpr std::array<std::string_view, 9> raw_text_elements{"script", "style",   "title",    "textarea", "xmp",
                                                            "iframe", "noembed", "noframes", "plaintext"};

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
constexpr bool ends_name(char c) { return is_space(c) || c == '/' || c == '>'; }

}  // namespace

const HtmlAttribute* HtmlTag::find(std::string_view attribute) const {
    const auto found = std::ranges::find_if(
        attributes, [&](const HtmlAttribute& candidate) { return equals_ignoring_case(candidate.name, attribute); });
    return found == attributes.end() ? nullptr : &*found;
}

bool HtmlTagReader::next(HtmlTag& tag) {
    while (place_ < html_.size()) {
        const std::size_t open = html_.find('<', place_);
        if (open == std::string_view::npos) {
            place_ = html_.size();
            break;
        }
        const char first = at(open + 1);
        if (is_alpha(first) || (first == '/' && is_alpha(at(open + 2)))) {
            if (!read_tag(open, tag)) continue;
            const auto raw = std::ranges::find_if(
                raw_text_elements, [&](std::string_view name) { return equals_ignoring_case(tag.name, name); });
            if (!tag.is_end && raw != raw_text_elements.end()) skip_raw_text(*raw);
            return true;
        }
        if (first == '!' || first == '?' || first == '/')
            skip_markup(open);
        else
            place_ = open + 1;  // a '<' of the text
    }
    return false;
}

// Comments, and what the standard calls bogus ones.
void HtmlTagReader::skip_markup(std::size_t open) {
    if (html_.substr(open, 4) != "<!--") return go_behind(">", open + 2);
    // "<!-->" and "<!--->" are whole comments.
    if (at(open + 4) == '>' || html_.substr(open + 4, 2) == "->") return go_behind(">", open + 4);
    // One search for both ends: each alone could pass over the whole text again for every comment.
    for (std::size_t dashes = html_.find("--", open + 4); dashes != std::string_view::npos;
         dashes = html_.find("--", dashes + 1))
        for (const std::string_view end : {"-->", "--!>"})
            if (html_.substr(dashes, end.size()) == end) return go_behind(end, dashes);
    go_behind("-->", html_.size());
}

// Stands behind the next `end`, or at the end of the text, inside whatever has not ended.
void HtmlTagReader::go_behind(std::string_view end, std::size_t from) {
    const std::size_t found = html_.find(end, from);
    ends_in_text_ = found != std::string_view::npos;
    place_ = ends_in_text_ ? found + end.size() : html_.size();
}

bool HtmlTagReader::read_tag(std::size_t open, HtmlTag& tag) {
    tag.attributes.clear();
    tag.begin = open;
    tag.is_end = at(open + 1) == '/';
    const std::size_t name = open + (tag.is_end ? 2 : 1);
    place_ = name;
    while (place_ < html_.size() && !ends_name(html_[place_])) ++place_;
    tag.name = html_.substr(name, place_ - name);
    if (!read_attributes(tag)) {
        ends_in_text_ = false;
        place_ = html_.size();
        return false;
    }
    return tag.attributes.size() <= attribute_limit;
}

// Stands behind the tag's '>'; false: the text ended before it.
bool HtmlTagReader::read_attributes(HtmlTag& tag) {
    for (;;) {
        while (place_ < html_.size() && (is_space(html_[place_]) || html_[place_] == '/')) ++place_;
        if (place_ >= html_.size()) return false;
        if (html_[place_] == '>') {
            ++place_;
            return true;
        }
        HtmlAttribute attribute{.begin = place_, .name = {}};
        ++place_;  // the first character is part of the name even if it is '='
        while (place_ < html_.size() && !ends_name(html_[place_]) && html_[place_] != '=') ++place_;
        attribute.name = html_.substr(attribute.begin, place_ - attribute.begin);
        attribute.value_begin = attribute.value_end = place_;
        const std::size_t behind_name = place_;
        skip_spaces();
        if (at(place_) != '=')
            place_ = behind_name;
        else if (++place_, !read_value(attribute))
            return false;
        if (tag.attributes.size() <= attribute_limit) tag.attributes.push_back(attribute);
    }
}

bool HtmlTagReader::read_value(HtmlAttribute& attribute) {
    skip_spaces();
    if (place_ >= html_.size()) return false;
    const char quote = html_[place_];
    if (quote == '"' || quote == '\'') {
        attribute.value_begin = ++place_;
        attribute.value_end = html_.find(quote, place_);
        if (attribute.value_end == std::string_view::npos) return false;
        place_ = attribute.value_end + 1;
        return true;
    }
    attribute.value_begin = place_;
    while (place_ < html_.size() && !is_space(html_[place_]) && html_[place_] != '>') ++place_;
    attribute.value_end = place_;
    return place_ < html_.size();
}

void HtmlTagReader::skip_spaces() {
    while (place_ < html_.size() && is_space(html_[place_])) ++place_;
}

// To the '<' of the element's end tag.
void HtmlTagReader::skip_raw_text(std::string_view element) {
    if (element != "plaintext")
        for (std::size_t close = html_.find("</", place_); close != std::string_view::npos;
             close = html_.find("</", close + 2))
            if (equals_ignoring_case(html_.substr(close + 2, element.size()), element) &&
                ends_name(at(close + 2 + element.size()))) {
                place_ = close;
                return;
            }
    ends_in_text_ = false;
    place_ = html_.size();
}

}  // namespace relevo::tracking
