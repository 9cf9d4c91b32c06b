#include "lib/base/text.h"
#include "lib/smtp/client_session.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

using Words = std::vector<std::string_view>;

struct Keyword {
    std::string_view name;
    bool ServerExtensions::* flag;
};

constexpr Keyword flags[] = {
    {"STARTTLS", &ServerExtensions::starttls},
    {"PIPELINING", &ServerExtensions::pipelining},
    {"8BITMIME", &ServerExtensions::eight_bit_mime},
    {"SMTPUTF8", &ServerExtensions::smtputf8},
    {"CHUNKING", &ServerExtensions::chunking},
    {"BINARYMIME", &ServerExtensions::binary_mime},
    {"DSN", &ServerExtensions::dsn},
    {"ENHANCEDSTATUSCODES", &ServerExtensions::enhanced_status},
    {"REQUIRETLS", &ServerExtensions::require_tls},
    {"SIZE", &ServerExtensions::size},
};

void add_mechanisms(ServerExtensions& extensions, const Words& words) {
    for (const std::string_view word : words) {
        std::string mechanism = to_upper(word);
        if (mechanism.empty() || std::ranges::find(extensions.mechanisms, mechanism) != extensions.mechanisms.end())
            continue;
        extensions.mechanisms.push_back(std::move(mechanism));
    }
}

// RFC 9422 §4: one to six digits, not zero.
std::optional<std::uint32_t> parse_limit(std::string_view value) {
    constexpr std::size_t most_digits = 6;
    const auto limit = value.size() <= most_digits ? parse_decimal<std::uint32_t>(value) : std::nullopt;
    return limit && *limit > 0 ? limit : std::nullopt;
}

void add_limits(ServerExtensions& extensions, const Words& words) {
    for (const std::string_view word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = word.substr(0, equals);
        const auto limit = parse_limit(word.substr(equals + 1));
        if (equals_ignoring_case(name, "RCPTMAX")) extensions.recipient_limit = limit;
        if (equals_ignoring_case(name, "MAILMAX")) extensions.mail_limit = limit;
    }
}

void add_keyword(ServerExtensions& extensions, std::string_view line) {
    constexpr std::string_view old_authentication = "AUTH=";  // servers older than RFC 2554 list mechanisms so
    if (starts_with_ignoring_case(line, old_authentication))
        return add_mechanisms(extensions, split(line.substr(old_authentication.size()), ' '));
    Words words = split(line, ' ');
    const std::string_view name = words.front();
    words.erase(words.begin());
    for (const Keyword& keyword : flags)
        if (equals_ignoring_case(name, keyword.name)) extensions.*keyword.flag = true;
    if (equals_ignoring_case(name, "AUTH")) add_mechanisms(extensions, words);
    if (equals_ignoring_case(name, "LIMITS")) add_limits(extensions, words);
    if (equals_ignoring_case(name, "SIZE") && !words.empty()) {
        const auto limit = parse_decimal<Octets>(words.front());
        extensions.size_limit = limit && *limit > 0 ? limit : std::nullopt;
    }
}

}  // namespace

ServerExtensions parse_extensions(const Reply& reply) {
    ServerExtensions extensions;
    extensions.extended = true;
    const Words lines = split(reply.text, '\n');
    // The first line holds the server's name (RFC 5321 §4.1.1.1).
    for (std::size_t i = 1; i < lines.size(); ++i) add_keyword(extensions, trimmed(lines[i]));
    // RFC 3030 §3: "a server that supports BINARYMIME MUST also support CHUNKING"; without it the body cannot travel.
    extensions.binary_mime = extensions.binary_mime && extensions.chunking;
    return extensions;
}

}  // namespace relevo::smtp
