// The typo finder: the bounded distance is that of the plain table, both ways round; what is found is never what was
// given, and finding it again changes nothing. Two texts, parted by a line end.
#include "lib/addresscheck/address_check.h"
#include "lib/addresscheck/typo_distance.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using namespace relevo::addresscheck;

void require(bool holds) {
    if (!holds) std::abort();
}

// Without a bound, by the whole table.
std::size_t plain_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            table[i][j] = std::min(
                {table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), table[i - 1][j] + 1, table[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
        }
    return table[a.size()][b.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const AddressLists lists = AddressLists::built_in();
    const std::string_view text(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 300));
    const std::size_t middle = std::min(text.find('\n'), text.size());
    const std::string_view first = text.substr(0, std::min<std::size_t>(middle, 64));
    const std::string_view second = middle < text.size() ? text.substr(middle + 1, 64) : std::string_view();
    for (const std::size_t limit : {0U, 1U, 2U, 5U}) {
        const std::size_t distance = typo_distance(first, second, limit);
        require(distance == std::min(plain_distance(first, second), limit + 1));
        require(distance == typo_distance(second, first, limit));
    }
    if (const auto typo = lists.typo_of(text)) {
        require(typo->domain != text && !typo->domain.empty());
        const auto again = lists.typo_of(typo->domain);
        require(!again || !again->is_listed);
    }
    require(!lists.is_disposable(text) || text.contains('.'));
    const AddressReport report = judge_address(text, {}, lists, {});
    require(report.score >= 0 && report.score <= 100);
    require((report.verdict == Verdict::bad) == report.has(Finding::syntax));
    if (report.meant) require(relevo::mail::Address::parse(*report.meant, relevo::mail::Utf8::allowed).has_value());
    return 0;
}
