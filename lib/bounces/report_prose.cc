#include "lib/bounces/report_prose.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <optional>

namespace relevo::bounces {
namespace {

constexpr std::size_t line_limit = 2'000;
constexpr std::size_t section_lines = 30;
constexpr std::size_t section_octets = 4'000;
constexpr std::size_t address_octets = 320;
constexpr std::size_t front_octets = 60;    // of a line, looked at in front of an address
constexpr std::size_t article_octets = 4;   // "The " in front of a marker
constexpr std::size_t marker_octets = 120;  // longer lines are prose
constexpr std::size_t field_run = 8;        // lines looked at for a header

constexpr auto markers = std::to_array<std::string_view>(
    {"below this line is a copy",  "copy of the message",     "copy of your message",   "copy of the original",
     "original message",           "returned message",        "message headers follow", "message header",
     "undelivered message",        "unsent message",          "beginning of message",   "your message follows",
     "the header of the original", "headers of the original", "the following is",       "message follows",
     "mensaje original",           "copia del mensaje",       "cabeceras del mensaje",  "message is as follows"});

// Fields that a message has and a report does not quote singly at the start of a line.
constexpr auto message_fields =
    std::to_array<std::string_view>({"received", "return-path", "message-id", "mime-version", "content-type",
                                     "content-transfer-encoding", "x-mailer", "delivered-to", "dkim-signature"});
constexpr auto usual_fields =
    std::to_array<std::string_view>({"from", "to", "subject", "date", "cc", "reply-to", "sender"});

std::string_view field_name(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon > 40) return {};
    const std::string_view name = line.substr(0, colon);
    const bool is_name = std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
    return is_name ? name : std::string_view();
}

bool is_one_of(std::string_view name, auto const& names) {
    return std::ranges::any_of(names, [name](std::string_view known) { return equals_ignoring_case(name, known); });
}

struct Lines {
    explicit Lines(std::string_view text) {
        std::size_t begin = 0;
        while (begin < text.size() && lines.size() < line_limit) {
            std::size_t end = text.find('\n', begin);
            if (end == std::string_view::npos) end = text.size();
            std::string_view line = text.substr(begin, end - begin);
            if (line.ends_with('\r')) line.remove_suffix(1);
            lines.push_back(line);
            offsets.push_back(begin);
            begin = end + 1;
        }
    }
    std::vector<std::string_view> lines;
    std::vector<std::size_t> offsets;
};

// A run of header fields that begins here: at least three known ones, one of which only messages have.
bool begins_message(const std::vector<std::string_view>& lines, std::size_t at) {
    std::size_t known = 0, of_messages = 0;
    for (std::size_t i = at; i < std::min(lines.size(), at + field_run); ++i) {
        const std::string_view line = lines[i];
        if (line.empty()) break;
        if (i > at && (line[0] == ' ' || line[0] == '\t')) continue;
        const std::string_view name = field_name(line);
        if (name.empty()) break;
        if (is_one_of(name, message_fields)) ++of_messages;
        if (is_one_of(name, usual_fields)) ++known;
    }
    return of_messages > 0 && known + of_messages >= 3;
}

bool is_marker(std::string_view line) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.size() > marker_octets) return false;
    const std::string small = to_lower(text);
    // "You can delete your own text from the attached returned message." is prose, "----- Original message -----" is
    // not.
    const bool is_drawn = std::string_view("-=*>").find(small.front()) != std::string_view::npos;
    return std::ranges::any_of(markers, [&](std::string_view marker) {
        const std::size_t at = small.find(marker);
        return at != std::string::npos &&
               (is_drawn || ((small.ends_with(':') || small.ends_with('.')) && at <= article_octets));
    });
}

bool is_address_octet(char c) {
    return is_alpha(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}
bool is_domain_octet(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// The address around the "@" at `at`; empty if it is none.
std::string_view address_around(std::string_view line, std::size_t at) {
    std::size_t begin = at;
    if (begin > 0 && line[begin - 1] == '"') {
        const std::size_t first = begin > address_octets ? begin - address_octets : 0;
        const std::size_t quote = line.substr(first, begin - 1 - first).rfind('"');
        if (quote != std::string_view::npos) begin = first + quote;
    } else {
        while (begin > 0 && at - begin < address_octets && is_address_octet(line[begin - 1])) --begin;
    }
    std::size_t end = at + 1;
    while (end < line.size() && end - at < address_octets && is_domain_octet(line[end])) ++end;
    while (end > at + 1 && (line[end - 1] == '.' || line[end - 1] == '-')) --end;
    while (begin < at && (line[begin] == '\'' || line[begin] == '=' || line[begin] == '.' || line[begin] == '*'))
        ++begin;
    const std::string_view domain = line.substr(at + 1, end - at - 1);
    if (begin == at || domain.find('.') == std::string_view::npos) return {};
    return line.substr(begin, end - begin);
}

// What stands in front of an address that leads its line: nothing, punctuation, a reply code, a command.
bool leads_line(std::string_view front) {
    if (front.size() > front_octets) return false;
    std::string small = to_lower(trimmed(front));
    std::erase_if(small, [](char c) {
        return c == '<' || c == '-' || c == '*' || c == '>' || c == ' ' || c == '"' || c == '\t' || c == '\'' ||
               c == '(';
    });
    if (small.empty()) return true;
    if (small.size() == 3 && std::ranges::all_of(small, is_digit)) return true;
    return small == "rcptto:" || small == "recipient:" || small == "smtp;" || small == "rfc822;" ||
           small == "final-recipient:rfc822;" || small == "recipients:" || small == "original-recipient:rfc822;" ||
           small == "mailto:";
}

bool is_message_id(std::string_view front) {
    if (front.size() > front_octets) front.remove_prefix(front.size() - front_octets);
    const std::string small = to_lower(front);
    return small.find("message-id") != std::string::npos || small.find("message id") != std::string::npos ||
           small.find("msgid") != std::string::npos || small.find("content-id") != std::string::npos;
}

// The address that the line leads with, if it does.
std::optional<std::string_view> leading_address(std::string_view line) {
    const auto at = line.find('@');
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view address = address_around(line, at);
    if (address.empty() || !leads_line(line.substr(0, static_cast<std::size_t>(address.data() - line.data()))))
        return std::nullopt;
    return address;
}

}  // namespace

SplitProse split_returned(std::string_view text) {
    const Lines lines(text);
    for (std::size_t i = 0; i < lines.lines.size(); ++i) {
        const std::size_t next = i + 1 < lines.lines.size() ? lines.offsets[i + 1] : text.size();
        if (i > 0 && is_marker(lines.lines[i])) {
            std::string_view returned = text.substr(next);
            while (!returned.empty() && (returned[0] == '\n' || returned[0] == '\r')) returned.remove_prefix(1);
            return {text.substr(0, lines.offsets[i]), returned};
        }
        if (begins_message(lines.lines, i)) return {text.substr(0, lines.offsets[i]), text.substr(lines.offsets[i])};
    }
    return {text, {}};
}

std::vector<Mention> addresses_in(std::string_view report, std::size_t limit) {
    std::vector<Mention> mentions;
    const Lines lines(report);
    for (std::size_t i = 0; i < lines.lines.size() && mentions.size() < limit; ++i) {
        const std::string_view line = lines.lines[i];
        for (auto at = line.find('@'); at != std::string_view::npos; at = line.find('@', at + 1)) {
            const std::string_view address = address_around(line, at);
            if (address.empty()) continue;
            const std::string_view front = line.substr(0, static_cast<std::size_t>(address.data() - line.data()));
            if (is_message_id(front)) continue;
            const bool leads = leads_line(front);
            const auto known = std::ranges::find_if(
                mentions, [address](const Mention& mention) { return equals_ignoring_case(mention.address, address); });
            if (known == mentions.end())
                mentions.push_back({std::string(address), i, leads});
            else if (leads && !known->leads)
                *known = {std::string(address), i, true};
            if (mentions.size() >= limit) break;
        }
    }
    return mentions;
}

std::string section_of(std::string_view report, const Mention& mention, const std::vector<Mention>& mentions) {
    const Lines lines(report);
    std::string section;
    for (std::size_t i = mention.line; i < lines.lines.size() && i < mention.line + section_lines; ++i) {
        // Reports in two languages lead with the same addresses again.
        const auto address = leading_address(lines.lines[i]);
        const bool is_anothers = address && !equals_ignoring_case(*address, mention.address) &&
                                 std::ranges::any_of(mentions, [&address](const Mention& other) {
                                     return other.leads && equals_ignoring_case(other.address, *address);
                                 });
        if (is_anothers || section.size() > section_octets) break;
        section.append(lines.lines[i].substr(0, section_octets)).append(1, '\n');
    }
    return section;
}

}  // namespace relevo::bounces
