#include "lib/addresscheck/typo_distance.h"

#include <algorithm>
#include <array>

namespace relevo::addresscheck {
namespace {

constexpr std::size_t text_limit_octets = 64;
using Row = std::array<std::size_t, text_limit_octets + 1>;

}  // namespace

std::size_t typo_distance(std::string_view a, std::string_view b, std::size_t limit) {
    if (a == b) return 0;
    const std::size_t longer = std::max(a.size(), b.size());
    if (longer > text_limit_octets || longer - std::min(a.size(), b.size()) > limit) return limit + 1;
    const std::size_t far = limit + 1;
    // Row i holds the distances of a's first i octets to the beginnings of b. What lies more than `limit` off the
    // diagonal is farther than that, whatever it is.
    Row before_last, last, now;
    before_last.fill(far);
    last.fill(far);
    for (std::size_t j = 0; j <= std::min(b.size(), limit); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now.fill(far);
        if (i <= limit) now[0] = i;
        std::size_t least = now[0];
        const std::size_t first = i > limit ? i - limit : 1;
        const std::size_t end = std::min(b.size(), i + limit);
        for (std::size_t j = first; j <= end; ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            std::size_t best = std::min({replaced, last[j] + 1, now[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = std::min(best, before_last[j - 2] + 1);
            now[j] = std::min(best, far);
            least = std::min(least, now[j]);
        }
        // A swap may still come from the row before, so that one counts too.
        if (least > limit && *std::ranges::min_element(last) > limit) return far;
        before_last = last;
        last = now;
    }
    return std::min(last[b.size()], far);
}

}  // namespace relevo::addresscheck
