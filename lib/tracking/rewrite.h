// Links and an image of ours in the HTML of a message: how its sender learns that it was opened and followed.
#pragma once

#include "lib/tracking/html_parts.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace relevo::tracking {

inline constexpr std::size_t link_limit = 2'000;  // of one message; links behind them stay as they are

struct RewriteRequest {
    // What stands in place of the link with that number (from 0) to that URL: an absolute URL of printable ASCII
    // without quotes, '&', '<', '>' and spaces. "": it stays as it is. Empty: all links stay.
    std::function<std::string(std::size_t number, const std::string& target)> link;
    // Of the image that says that a message was opened, like the above; empty: no image.
    std::string image;
    // Whether we sign for that domain (lower case): its signature is about to be replaced. Empty: for none.
    std::function<bool(std::string_view domain)> signs_for;
};

struct Rewritten {
    std::string content;  // the whole message; empty: nothing was to be changed
    std::size_t links = 0;
    std::size_t images = 0;  // one in each HTML part
    Protection protection = Protection::none;
    std::string signed_by;  // with signed_by_others: the first such domain
};

// Changes what `find_html_parts()` finds, and nothing else: the value of href in <a> and <area> for http and https, and
// an <img> in front of </body>, or at the end. Stay as they are: all that link_target() leaves, links of the message's
// List-Unsubscribe (RFC 2369), links with the attribute data-relevo-track="no". Takes time in proportion to the
// message.
[[nodiscard]] Rewritten rewrite(std::string_view content, const RewriteRequest& request);

}  // namespace relevo::tracking
