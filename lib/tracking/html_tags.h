// The tags of an HTML text with the places of their attributes: the tokens of the HTML standard (§13.2.5) as far as
// tags need them, without a tree. Takes one pass and a fixed amount of memory, whatever the text: a tree of hostile
// text can be deeper than a stack and larger than the memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace relevo::tracking {

struct HtmlAttribute {
    std::size_t begin = 0;  // of its name
    std::string_view name;  // as written
    // Between its quotes, if it has any; both the end of the name if there is no value.
    std::size_t value_begin = 0, value_end = 0;
};

struct HtmlTag {
    bool is_end = false;
    std::string_view name;  // as written
    std::size_t begin = 0;  // of '<'
    std::vector<HtmlAttribute> attributes;
    // The first of that name, in any case.
    [[nodiscard]] const HtmlAttribute* find(std::string_view attribute) const;
};

// Steps over comments, declarations and the text of elements in which nothing is a tag (script, style, title, …).
// Scripts within comments within scripts (§13.2.5.26) are not followed: no mail program runs any. `html` is in a
// charset that has ASCII as it is, and must outlive the reader.
class HtmlTagReader {
 public:
    static constexpr std::size_t attribute_limit = 200;  // of one tag; a tag with more is stepped over

    explicit HtmlTagReader(std::string_view html) : html_(html) {}
    // The next whole tag; false at the end of the text. A tag that the text ends in is none.
    [[nodiscard]] bool next(HtmlTag& tag);
    // After the last tag: whether text could follow, or the end lies inside a comment, a tag or a script.
    [[nodiscard]] bool ends_in_text() const { return ends_in_text_; }

 private:
    void skip_markup(std::size_t open);
    [[nodiscard]] bool read_tag(std::size_t open, HtmlTag& tag);
    [[nodiscard]] bool read_attributes(HtmlTag& tag);
    [[nodiscard]] bool read_value(HtmlAttribute& attribute);
    void skip_raw_text(std::string_view element);
    void skip_spaces();
    void go_behind(std::string_view end, std::size_t from);
    [[nodiscard]] char at(std::size_t place) const { return place < html_.size() ? html_[place] : '\0'; }

    std::string_view html_;
    std::size_t place_ = 0;
    bool ends_in_text_ = true;
};

}  // namespace relevo::tracking
