// JSON from strangers: Boost.JSON with bounds, without exceptions.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string_view>

namespace relevo::json {

struct Bounds {
    Octets octets = 10 * mebibyte;  // of text; the values take up to some 20 times as much
    std::size_t depth = 64;
};

// One whole JSON text (RFC 8259). Errors: invalid – the grammar, with the place. limit – too long or too deep.
[[nodiscard]] Result<boost::json::value> parse(std::string_view text, Bounds bounds = {});

// A member of an object; nullptr if `object` is none, or there is no such member.
[[nodiscard]] const boost::json::value* member(const boost::json::value& object, std::string_view name);
// Its text, or "" if it is no string.
[[nodiscard]] std::string_view text_of(const boost::json::value* value);

}  // namespace relevo::json
