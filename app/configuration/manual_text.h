// Writes a page for man(1), in the man macros of roff.
#pragma once

#include <string>
#include <string_view>

namespace relevo {

// Texts are plain, but for words between backquotes, which come out in bold. Nothing in them can become a request of
// roff. Lines end where the reader's terminal ends.
class ManualText {
 public:
    // `section`: "1", "5".
    ManualText(std::string_view name, std::string_view section, std::string_view summary);
    void heading(std::string_view words);     // .SH
    void subheading(std::string_view words);  // .SS
    void paragraph(std::string_view text);
    // A term in bold, what stands for its value in italics, and below it the text.
    void item(std::string_view term, std::string_view value, std::string_view text);
    // Everything between the two is one step further in.
    void begin_indent();
    void end_indent();
    [[nodiscard]] std::string take() { return std::move(page_); }

 private:
    std::string page_;
    bool is_below_heading_ = false;  // where a paragraph begins by itself
};

}  // namespace relevo
