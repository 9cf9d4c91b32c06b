// JSON from strangers: Boost.JSON with bounds, without exceptions.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace relevo::json {

// Two members of one name in an object: "names SHOULD be unique", and two readers may take another one (RFC 8259 §4).
enum class SameNames : std::uint8_t { last_counts, refused };

struct Bounds {
    Octets octets = 10 * mebibyte;  // of text; the values take up to some 20 times as much
    std::size_t depth = 64;
    SameNames same_names = SameNames::last_counts;
};

// One whole JSON text (RFC 8259). Errors: invalid – the grammar, with the place; two members of one name, where that is
// refused. limit – too long or too deep.
[[nodiscard]] Result<boost::json::value> parse(std::string_view text, Bounds bounds = {});

// The same for many small texts, one after another in the same memory. Threads: one.
class Parser {
 public:
    explicit Parser(Bounds bounds = {});
    // Valid until the next call. Errors: as of parse().
    Result<const boost::json::value*> parse(std::string_view text);

 private:
    Bounds bounds_;
    std::array<unsigned char, 8 * kibibyte> space_{};  // for values; what does not fit is allocated
    std::array<unsigned char, 2 * kibibyte> stack_{};
    boost::json::monotonic_resource memory_;
    boost::json::parser parser_;
    boost::json::value value_;
};

// A member of an object; nullptr if `object` is none, or there is no such member.
[[nodiscard]] const boost::json::value* member(const boost::json::value& object, std::string_view name);
// Its text, or "" if it is no string.
[[nodiscard]] std::string_view text_of(const boost::json::value* value);

}  // namespace relevo::json
