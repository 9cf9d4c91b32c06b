// Packing reports for the way, and unpacking those of strangers: gzip (RFC 1952) and zip.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::authreports {

// Security row C8. `ratio` counts beyond the first MiB: reports with thousands of similar rows shrink to a hundredth,
// what shrinks much more was made to hurt.
struct UnpackBounds {
    Octets in = 10 * mebibyte;
    Octets out = 100 * mebibyte;
    unsigned ratio = 200;
    unsigned layers = 2;  // a gzip file inside a zip file has been seen
};

// By their first octets: gzip (several members are joined, rubbish behind the last is dropped), a zip file's first
// entry that holds something, anything else as it is. Errors: invalid     – broken, cut off, or an empty zip file.
//         limit       – a bound was passed.
//         unsupported – an encrypted zip file.
[[nodiscard]] Result<std::string> unpack(std::string_view octets, UnpackBounds bounds = {});

// A gzip file without name and time: the same input gives the same octets.
[[nodiscard]] std::string gzip(std::string_view octets);

}  // namespace relevo::authreports
