// "v=1; a=rsa-sha256; …": the grammar of DKIM signatures, key records and ARC fields (RFC 6376 §3.2, with UTF-8 as RFC
// 8616 §3 allows it).
#pragma once

#include "lib/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

struct Tag {
    std::string_view name;   // as written: case matters (RFC 6376 §3.2)
    std::string_view value;  // without white space around it, folding inside kept
};

// Views into the text that it was parsed from.
class TagList {
 public:
    // Errors: invalid – not the grammar, a tag twice, more than 100 tags; detail is a clause for a person: "the tag b=
    // stands there twice".
    [[nodiscard]] static Result<TagList> parse(std::string_view text);
    // Nothing if there is no such tag; an empty value is a value.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }

 private:
    std::vector<Tag> tags_;
};

// The value without any white space, as base 64 is read (§3.2).
[[nodiscard]] std::string without_white_space(std::string_view value);
// The parts between colons, without white space around them, empty ones left out.
[[nodiscard]] std::vector<std::string> split_colon_list(std::string_view value);

// One tag to be written.
struct WrittenTag {
    std::string_view name;
    std::string_view value;  // printable, not empty unless it is the last; may be folded behind each colon
};
// "Name: v=1; a=rsa-sha256;\r\n\td=…; b=", in lines of at most 78 octets as far as there are places to fold. The last
// tag gets no semicolon and the text no final CRLF, so that the value of b= can follow: fold_base64().
[[nodiscard]] std::string fold_tags(std::string_view field_name, const std::vector<WrittenTag>& tags);
// Appends base 64 to the last line of `field`, in lines of at most 78 octets.
void fold_base64(std::string& field, std::string_view base64);

}  // namespace relevo::mailauth
