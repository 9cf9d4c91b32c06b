// How content leaves: dot-stuffed for DATA (RFC 5321 §4.5.2), counted for BDAT (RFC 3030 §2), with CRLF and no other
// line end. Servers that read a bare CR or LF as a line end would otherwise see two messages in one (security row A2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::smtp {

enum class ContentForm : std::uint8_t {
    dot_stuffed,  // DATA
    counted,      // BDAT: bare CR and LF become CRLF, dots stay
    binary        // BDAT after BODY=BINARYMIME: octet for octet
};

// One pass over the content tells what must change.
struct ContentFacts {
    std::size_t bare_line_ends = 0;  // CR without LF, or LF without CR: each becomes CRLF
    std::size_t leading_dots = 0;    // lines that begin with a dot
    bool eight_bit = false;
};
[[nodiscard]] ContentFacts inspect_content(std::string_view content);

// Hands out one content in pieces. Threads: none. `content` must outlive it.
class DataEncoder {
 public:
    DataEncoder() = default;
    DataEncoder(std::string_view content, ContentForm form, const ContentFacts& facts);

    // Octets that all pieces will have together.
    [[nodiscard]] std::size_t encoded_size() const;
    // At most `limit` octets (5 are always allowed); empty when all was handed out.
    [[nodiscard]] std::string next(std::size_t limit);
    // What follows the content: ".\r\n", or "\r\n.\r\n" after a last line without its end; nothing for BDAT.
    [[nodiscard]] std::string_view terminator() const;
    // The content can go as it is, then terminator().
    [[nodiscard]] bool is_plain() const;
    [[nodiscard]] std::string_view content() const { return content_; }

 private:
    void append_line_part(std::string& piece, std::size_t limit);

    std::string_view content_;
    ContentForm form_ = ContentForm::dot_stuffed;
    ContentFacts facts_;
    std::size_t place_ = 0;  // in content_
    bool at_line_start_ = true;
    bool terminated_ = false;
};

}  // namespace relevo::smtp
