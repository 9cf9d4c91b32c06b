// The command lines of SMTP as words (RFC 5321 §4.1.1): verbs, paths, parameters. Nothing here copies; all views point
// into the line.
#pragma once

#include "lib/smtp/reply.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace relevo::smtp {

enum class Verb : std::uint8_t {
    helo,
    ehlo,
    mail,
    rcpt,
    data,
    bdat,
    rset,
    noop,
    quit,
    vrfy,
    expn,
    help,
    starttls,
    auth,
    http,  // a request of HTTP: not a command
    unknown
};

// What parsing gives, or the reply that refuses the line.
template <class T>
using Parsed = std::expected<T, Reply>;

// `word` in either case. HTTP's methods are not recognised here.
[[nodiscard]] Verb find_verb(std::string_view word);

struct Command {
    Verb verb = Verb::unknown;
    std::string_view word;      // the verb as sent
    std::string_view argument;  // what follows it, blanks at both ends removed
};
// `line` without its CRLF.
[[nodiscard]] Command parse_command(std::string_view line);

// "FROM:<a@example.com> SIZE=100": the path with its angle brackets, and what follows.
struct PathArgument {
    std::string_view path;
    std::string_view parameters;
};
// `keyword` is "FROM:" or "TO:", in either case; blanks after it are tolerated, as old devices send them.
// Errors: 501 5.5.2 – the keyword or the brackets are missing, or something is stuck to the closing one.
[[nodiscard]] Parsed<PathArgument> parse_path_argument(std::string_view argument, std::string_view keyword);

// One esmtp-param (RFC 5321 §4.1.2).
struct Parameter {
    std::string_view keyword;
    std::optional<std::string_view> value;
};
// Takes the next one off `parameters`; nothing if there is none left. Errors: 501 5.5.4 – not the grammar.
[[nodiscard]] Parsed<std::optional<Parameter>> take_parameter(std::string_view& parameters);

// "1000 LAST" (RFC 3030 §2).
struct Chunk {
    std::uint64_t octets = 0;
    bool last = false;
};
// Nothing if it is not the grammar or the number does not fit 63 bits.
[[nodiscard]] std::optional<Chunk> parse_chunk(std::string_view argument);

// The first word of `text`, which keeps the rest without leading blanks.
[[nodiscard]] std::string_view take_word(std::string_view& text);

}  // namespace relevo::smtp
