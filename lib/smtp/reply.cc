#include "lib/smtp/reply.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

constexpr std::size_t sent_line_octets = 510;       // RFC 5321 §4.5.3.1.5: 512 with CRLF
constexpr std::size_t received_line_octets = 2048;  // with its line end
constexpr std::size_t received_lines = 100;
constexpr std::size_t longest_subject_or_detail = 3;  // digits, RFC 3463 §2

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

void append_clean(std::string& target, std::string_view text) {
    const std::size_t start = target.size();
    target += text;
    std::replace_if(target.begin() + static_cast<std::ptrdiff_t>(start), target.end(), is_control, '?');
}

// RFC 3463 §2: "These codes must be expressed without leading zero digits."
std::optional<std::uint16_t> parse_part(std::string_view digits) {
    if (digits.size() > longest_subject_or_detail || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    return parse_decimal<std::uint16_t>(digits);
}

// How much of `text` goes on one line of at most `room` octets: never half a UTF-8 character, at a space if there is
// one.
std::size_t line_break(std::string_view text, std::size_t room) {
    if (text.size() <= room) return text.size();
    const std::size_t space = text.rfind(' ', room - 1);
    if (space != std::string_view::npos && space > room / 2) return space + 1;
    std::size_t end = room;
    while (end > room - 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return end;
}

// The status in front of a line of a reply: removed from `line` and returned, if its class fits the code. One that
// contradicts the code stays text, so nothing is lost: RFC 2034 §4 ties the classes together, and the code is what RFC
// 5321 acts on.
std::optional<EnhancedStatus> take_status(std::string_view& line, std::uint16_t code) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const Result<EnhancedStatus> status = EnhancedStatus::parse(line.substr(0, end));
    if (!status.has_value() || status->category != code / 100) return std::nullopt;
    line.remove_prefix(end);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return *status;
}

// Cuts one line off `wire`, its line end left out.
Result<std::string_view> take_line(std::string_view& wire) {
    const std::size_t end = wire.find('\n');
    if (end == std::string_view::npos) return failure(ErrorKind::invalid, "a reply that does not end with CRLF");
    if (end >= received_line_octets) return failure(ErrorKind::limit, "a reply line of more than 2048 octets");
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 1);
    while (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

Result<std::uint16_t> parse_code(std::string_view line) {
    const std::optional<std::uint16_t> code = parse_decimal<std::uint16_t>(line.substr(0, 3));
    const bool separated = line.size() == 3 || (line.size() > 3 && (line[3] == ' ' || line[3] == '-'));
    if (!code || *code < 200 || *code > 599 || !separated)
        return failure(ErrorKind::invalid, "not an SMTP reply: \"" + printable(line, 100) + "\"");
    return *code;
}

}  // namespace

std::string EnhancedStatus::text() const {
    return std::to_string(category) + '.' + std::to_string(subject) + '.' + std::to_string(detail);
}

Result<EnhancedStatus> EnhancedStatus::parse(std::string_view text) {
    const std::size_t first = text.find('.');
    const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
    if (first != 1 || second == std::string_view::npos)
        return failure(ErrorKind::invalid, "not an enhanced status code");
    const auto subject = parse_part(text.substr(2, second - 2));
    const auto detail = parse_part(text.substr(second + 1));
    const char category = text.front();
    if ((category != '2' && category != '4' && category != '5') || !subject || !detail)
        return failure(ErrorKind::invalid, "not an enhanced status code");
    return EnhancedStatus{static_cast<std::uint8_t>(category - '0'), *subject, *detail};
}

std::string Reply::one_line() const {
    std::string line = std::to_string(code);
    if (status) line.append(" ").append(status->text());
    std::string_view separator = " ";
    for (const std::string_view piece : split(text, '\n')) {
        if (piece.empty()) continue;
        line += separator;
        append_clean(line, piece);
        separator = " / ";
    }
    return line;
}

void append_wire(std::string& wire, const Reply& reply) {
    const std::string code = std::to_string(reply.code);
    const std::string status = reply.status ? reply.status->text() + ' ' : std::string();
    const std::size_t room = sent_line_octets - code.size() - 1 - status.size();
    std::string_view rest = reply.text;
    for (bool more = true; more;) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        const std::size_t taken = line_break(line, room);
        const bool at_newline = taken == line.size() && line.size() < rest.size();
        more = at_newline || taken < line.size();
        wire.append(code).append(more ? "-" : " ").append(status);
        append_clean(wire, line.substr(0, taken));
        wire += "\r\n";
        rest.remove_prefix(taken + (at_newline ? 1 : 0));
    }
}

Result<Reply> parse_reply(std::string_view wire) {
    Reply reply;
    bool last = false;
    for (std::size_t count = 0; !last; ++count) {
        if (count == received_lines) return failure(ErrorKind::limit, "a reply of more than 100 lines");
        RELEVO_TRY(std::string_view line, take_line(wire));
        RELEVO_TRY(const std::uint16_t code, parse_code(line));
        if (count > 0 && code != reply.code) return failure(ErrorKind::invalid, "reply lines with different codes");
        last = line.size() == 3 || line[3] == ' ';
        reply.code = code;
        line.remove_prefix(std::min<std::size_t>(4, line.size()));
        const std::optional<EnhancedStatus> status = take_status(line, code);
        if (!reply.status) reply.status = status;
        if (count > 0) reply.text += '\n';
        append_clean(reply.text, line);
    }
    if (!wire.empty()) return failure(ErrorKind::invalid, "octets after the last line of a reply");
    return reply;
}

}  // namespace relevo::smtp
