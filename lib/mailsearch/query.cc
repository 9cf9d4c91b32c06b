#include "lib/mailsearch/query.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace relevo::mailsearch {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

constexpr auto states = std::to_array<std::pair<std::string_view, State>>({{"waiting", State::waiting},
                                                                           {"deferred", State::deferred},
                                                                           {"delivered", State::delivered},
                                                                           {"bounced", State::bounced},
                                                                           {"expired", State::expired},
                                                                           {"suppressed", State::suppressed},
                                                                           {"held", State::held},
                                                                           {"dropped", State::dropped},
                                                                           {"scheduled", State::scheduled}});
constexpr auto marks = std::to_array<std::pair<std::string_view, Mark>>({{"opened", Mark::opened},
                                                                         {"clicked", Mark::clicked},
                                                                         {"complained", Mark::complained},
                                                                         {"unsubscribed", Mark::unsubscribed}});

constexpr std::string_view blanks = " \t\r\n";
constexpr std::size_t words_limit = 10;

std::unexpected<Error> not_understood(std::string_view word, std::string_view advice) {
    return failure(ErrorKind::invalid, fmt::format("\"{}\" is not understood: {}", printable(word, 60), advice));
}

Result<AddressPattern> pattern_of(std::string_view text) {
    AddressPattern pattern;
    const std::string lower = to_lower(text);
    const auto at = lower.rfind('@');
    if (at == 0 && lower.size() > 1)
        pattern.domain = lower.substr(1);
    else if (at == std::string::npos || at + 1 == lower.size())
        pattern.prefix = lower;
    else
        pattern.exact = lower;
    if (lower.empty() || lower == "@")
        return not_understood(text, "an address, its beginning, or @ and a domain is wanted");
    return pattern;
}

Result<void> read_status(std::string_view value, MailQuery& query) {
    for (const auto& [name, state] : states)
        if (equals_ignoring_case(value, name)) {
            query.state = state;
            return {};
        }
    for (const auto& [name, mark] : marks)
        if (equals_ignoring_case(value, name)) {
            query.mark = mark;
            return {};
        }
    return not_understood(
        value,
        "status is waiting, scheduled, deferred, delivered, bounced, expired, suppressed, held, dropped, opened, "
        "clicked, complained or unsubscribed");
}

Result<void> read_time(std::string_view value, std::optional<TimePoint>& into) {
    into = parse_time(value);
    if (into) return {};
    return not_understood(value, "a time is a day as 2026-11-01 or 2026-11-01T12:00:00Z, in UTC");
}

Result<void> read_word(std::string_view word, MailQuery& query) {
    constexpr std::string_view advice =
        "use to:, from:, domain:, subject:, tag:, status:, after:, before:, id:, or an address, a domain or an id "
        "alone";
    const auto colon = word.find(':');
    const std::string name = to_lower(word.substr(0, colon));
    const std::string_view value = colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1);
    if (colon == std::string_view::npos) {
        if (starts_with_ignoring_case(word, "msg_")) {
            query.id = to_lower(word);
        } else if (word.find('@') != std::string_view::npos) {
            RELEVO_TRY(query.to, pattern_of(word));
        } else if (word.find('.') != std::string_view::npos) {
            query.to.domain = to_lower(word);
        } else {
            return not_understood(word, advice);
        }
        return {};
    }
    if (value.empty()) return not_understood(word, "nothing follows the colon");
    if (name == "to" || name == "from") {
        RELEVO_TRY(AddressPattern pattern, pattern_of(value));
        AddressPattern& into = name == "to" ? query.to : query.from;
        if (pattern.domain.empty()) pattern.domain = std::move(into.domain);  // of domain:, which holds as well
        into = std::move(pattern);
        return {};
    }
    if (name == "domain") {
        query.to.domain = to_lower(value.starts_with('@') ? value.substr(1) : value);
        return query.to.domain.empty() ? Result<void>(not_understood(word, "a domain is wanted")) : Result<void>();
    }
    if (name == "id") {
        query.id = to_lower(value);
        return {};
    }
    if (name == "subject" || name == "tag") {
        std::vector<std::string>& words = name == "tag" ? query.tags : query.subject;
        if (words.size() >= words_limit)
            return failure(ErrorKind::limit, fmt::format("a search has at most {} words of a kind", words_limit));
        words.emplace_back(value);
        return {};
    }
    if (name == "status") return read_status(value, query);
    if (name == "after") return read_time(value, query.after);
    if (name == "before") return read_time(value, query.before);
    return not_understood(word, advice);
}

}  // namespace

std::optional<TimePoint> parse_time(std::string_view text) {
    const auto number = [&](std::size_t at, std::size_t digits) {
        return parse_decimal<unsigned>(text.substr(at, digits));
    };
    const bool has_time = text.size() == 20;
    if ((text.size() != 10 && !has_time) || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
    // Later ones are more nanoseconds than a clock can count.
    if (!year || !month || !day || *year < 1970 || *year > 2200) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                           std::chrono::day(*day));
    if (!date.ok()) return std::nullopt;
    TimePoint time = std::chrono::sys_days(date);
    if (!has_time) return time;
    if (to_lower(text[10]) != 't' || text[13] != ':' || text[16] != ':' || to_lower(text[19]) != 'z')
        return std::nullopt;
    const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return time + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string_view name_of(State state) {
    for (const auto& [name, known] : states)
        if (known == state) return name;
    return "unknown";
}

bool AddressPattern::matches(std::string_view address) const {
    if (!exact.empty() && address != exact) return false;
    if (!prefix.empty() && !address.starts_with(prefix)) return false;
    return domain.empty() || (address.size() > domain.size() && address.ends_with(domain) &&
                              address[address.size() - domain.size() - 1] == '@');
}

bool matches(const MailQuery& query, const Found& found) {
    // What became of mail is asked as statistics count it: those leave out reports of ours, which have no sender.
    if ((query.state || query.mark) && found.sender.empty()) return false;
    return (!query.state || *query.state == found.state) &&
           (!query.mark || (found.marks & static_cast<std::uint8_t>(*query.mark)) != 0) &&
           query.to.matches(found.recipient) && query.from.matches(found.sender);
}

Result<MailQuery> parse_query(std::string_view text) {
    if (text.size() > query_limit)
        return failure(ErrorKind::limit, fmt::format("a search has at most {} octets", query_limit));
    MailQuery query;
    while (!(text = trimmed(text)).empty()) {
        // A quotation mark begins a word or follows the colon.
        const auto quote = text.find('"');
        const auto blank = std::min(text.find_first_of(blanks), text.size());
        if (quote < blank && (quote == 0 || text[quote - 1] == ':')) {
            const auto end = text.find('"', quote + 1);
            if (end == std::string_view::npos) return not_understood(text, "a quotation mark has no end");
            RELEVO_CHECK(read_word(std::string(text.substr(0, quote)).append(text, quote + 1, end - quote - 1), query));
            text.remove_prefix(end + 1);
            continue;
        }
        RELEVO_CHECK(read_word(text.substr(0, blank), query));
        text.remove_prefix(blank);
    }
    return query;
}

}  // namespace relevo::mailsearch
