#include "lib/smtp/command.h"

#include "lib/base/text.h"
#include "lib/smtp/sniff.h"

#include <algorithm>
#include <array>
#include <limits>

namespace relevo::smtp {
namespace {

struct NamedVerb {
    std::string_view word;
    Verb verb;
};
constexpr std::array<NamedVerb, 14> verbs = {{{"MAIL", Verb::mail},
                                              {"RCPT", Verb::rcpt},
                                              {"DATA", Verb::data},
                                              {"BDAT", Verb::bdat},
                                              {"EHLO", Verb::ehlo},
                                              {"QUIT", Verb::quit},
                                              {"RSET", Verb::rset},
                                              {"NOOP", Verb::noop},
                                              {"AUTH", Verb::auth},
                                              {"STARTTLS", Verb::starttls},
                                              {"HELO", Verb::helo},
                                              {"VRFY", Verb::vrfy},
                                              {"EXPN", Verb::expn},
                                              {"HELP", Verb::help}}};

constexpr std::string_view blanks = " \t";

std::string_view without_leading_blanks(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text;
}

// Where the path that begins with '<' ends, quoted strings respected: "<\"a>b\"@example.com>" is one path.
std::size_t path_length(std::string_view text) {
    bool quoted = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (quoted && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == '>' && !quoted)
            return i + 1;
    }
    return std::string_view::npos;
}

std::unexpected<Reply> bad_path(std::string_view keyword, std::string_view why) {
    return std::unexpected(Reply{501, EnhancedStatus{5, 5, 2},
                                 std::string("Syntax: ")
                                     .append(equals_ignoring_case(keyword, "FROM:") ? "MAIL " : "RCPT ")
                                     .append(keyword)
                                     .append("<address>: ")
                                     .append(why)});
}

// esmtp-keyword: a letter or digit, then letters, digits and hyphens.
bool is_keyword(std::string_view text) {
    return !text.empty() && text.front() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
}

// esmtp-value: any graphic character but "=", and UTF-8 (RFC 6531 §3.4).
bool is_value(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '=';
    });
}

}  // namespace

Verb find_verb(std::string_view word) {
    for (const NamedVerb& named : verbs)
        if (equals_ignoring_case(word, named.word)) return named.verb;
    return Verb::unknown;
}

std::string_view take_word(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of(blanks), text.size());
    const std::string_view word = text.substr(0, end);
    text = without_leading_blanks(text.substr(end));
    return word;
}

Command parse_command(std::string_view line) {
    Command command;
    command.word = take_word(line);
    const std::size_t last = line.find_last_not_of(blanks);
    command.argument = line.substr(0, last == std::string_view::npos ? 0 : last + 1);
    command.verb = find_verb(command.word);
    if (command.verb == Verb::unknown && is_http_method(command.word)) command.verb = Verb::http;
    return command;
}

Parsed<PathArgument> parse_path_argument(std::string_view argument, std::string_view keyword) {
    if (!starts_with_ignoring_case(argument, keyword))
        return bad_path(keyword, "\"" + std::string(keyword) + "\" is missing");
    const std::string_view text = without_leading_blanks(argument.substr(keyword.size()));
    if (!text.starts_with('<')) return bad_path(keyword, "the address must stand in angle brackets");
    const std::size_t length = path_length(text);
    if (length == std::string_view::npos) return bad_path(keyword, "the closing angle bracket is missing");
    const std::string_view rest = text.substr(length);
    if (!rest.empty() && blanks.find(rest.front()) == std::string_view::npos)
        return bad_path(keyword, "a space must follow the closing angle bracket");
    return PathArgument{text.substr(0, length), without_leading_blanks(rest)};
}

Parsed<std::optional<Parameter>> take_parameter(std::string_view& parameters) {
    if (parameters.empty()) return std::nullopt;
    const std::string_view text = take_word(parameters);
    const std::size_t equals = text.find('=');
    Parameter parameter{text.substr(0, equals), std::nullopt};
    if (equals != std::string_view::npos) parameter.value = text.substr(equals + 1);
    if (!is_keyword(parameter.keyword) || (parameter.value && !is_value(*parameter.value)))
        return std::unexpected(Reply{501, EnhancedStatus{5, 5, 4}, "Not a parameter: " + printable(text, 100)});
    return parameter;
}

std::optional<Chunk> parse_chunk(std::string_view argument) {
    const std::optional<std::uint64_t> octets = parse_decimal<std::uint64_t>(take_word(argument));
    if (!octets || *octets > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    if (!argument.empty() && !equals_ignoring_case(argument, "LAST")) return std::nullopt;
    return Chunk{*octets, !argument.empty()};
}

}  // namespace relevo::smtp
