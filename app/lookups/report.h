// What a look-up found, for programs and for people.
#pragma once

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace relevo::lookups {

inline constexpr std::size_t page_width = 100;  // columns

struct Report {
    boost::json::object json;
    std::string text;          // lines of at most page_width columns where words allow it
    bool has_problem = false;  // exit code 1
};

// Text that foreign values may stand in: they cannot steer the terminal (security row E13).
class Page {
 public:
    // "title", alone on its line.
    void heading(std::string_view title);
    // Broken at blanks; further lines begin under the first one, `hanging` columns further in. Line ends in `text`
    // begin new lines. A word that is longer than the page is not broken: it may be copied.
    void paragraph(std::string_view text, std::size_t indent = 0, std::size_t hanging = 0);
    void blank_line();
    [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
    std::string text_;
};

// A page and its JSON as they grow.
class Findings {
 public:
    boost::json::object json;
    Page page;

    // One more of "problems", and "problem: …" on the page.
    void problem(std::string_view text);
    // The same for what is no reason to exit with 1.
    void warning(std::string_view text);
    // With "problem_found".
    [[nodiscard]] Report take() &&;

 private:
    void add(std::string_view member, std::string_view label, std::string_view text);

    bool has_problem_ = false;
};

// A foreign value for JSON: UTF-8, control characters written out, at most 64 KiB.
[[nodiscard]] std::string plain(std::string_view text);

}  // namespace relevo::lookups
