#include "lib/bounces/pattern_table.h"

#include "lib/base/text.h"
#include "lib/bounces/built_in_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace relevo::bounces {
namespace {

constexpr std::size_t pattern_limit_octets = 200;
constexpr std::size_t name_limit_octets = 40;
constexpr std::size_t columns = 5;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_limit_octets && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-';
    });
}

// White space of any kind is one space, as servers break their lines where they like.
std::string normalised(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_space)
            result += to_lower(c);
        else if (!result.empty() && result.back() != ' ')
            result += ' ';
    }
    return result;
}

bool is_below(std::string_view host, std::string_view suffix) {
    if (!host.ends_with(suffix)) return false;
    return host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.';
}

}  // namespace

class PatternTable::Reader {
 public:
    explicit Reader(PatternTable& table) : table_(table) {}

    Result<void> read_line(std::string_view line, std::size_t number) {
        line_ = number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) return {};
        if (!is_utf8(line)) return wrong("is not UTF-8");
        const auto fields = split(line, '\t');
        if (fields.size() != columns)
            return wrong(
                fmt::format("has {} columns, parted by tabs, instead of {}: kind, provider, pattern, class, "
                            "comment",
                            fields.size(), columns));
        if (fields[1] != "*" && !is_name(fields[1]))
            return wrong("the provider is \"*\" or a name of small letters, digits, - and _");
        if (fields[0] == "host") return read_host(fields);
        if (fields[0] == "reply" || fields[0] == "own") return read_pattern(PatternKind::reply, fields);
        if (fields[0] == "subject") return read_pattern(PatternKind::subject, fields);
        return wrong("the first column is host, reply, own or subject");
    }

 private:
    std::unexpected<Error> wrong(std::string_view problem) const {
        return failure(ErrorKind::invalid, fmt::format("line {}: {}", line_, problem));
    }

    Result<void> read_host(const std::vector<std::string_view>& fields) {
        if (fields[1] == "*") return wrong("a host needs the name of its provider");
        if (fields[3] != "-") return wrong("a host has no class: write - in the fourth column");
        const std::string_view suffix = fields[2];
        if (suffix.empty() || suffix.size() > pattern_limit_octets || suffix.starts_with('.') ||
            !std::ranges::all_of(suffix,
                                 [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '-'; }))
            return wrong(
                "a host is a domain name in small letters, without wildcards: it stands for those below it too");
        table_.hosts_.push_back({std::string(suffix), std::string(fields[1])});
        return {};
    }

    Result<void> read_pattern(PatternKind kind, const std::vector<std::string_view>& fields) {
        std::string_view text = fields[2];
        if (text.size() > pattern_limit_octets)
            return wrong(fmt::format("the pattern is longer than {} octets", pattern_limit_octets));
        // A blank at an end is part of the pattern: it stands for the start of a word.
        if ("x" + std::string(text) != normalised("x" + std::string(text)))
            return wrong("the pattern must be in small letters, with single spaces");
        if (text.starts_with('^')) text.remove_prefix(1);
        const auto segments = split(text, '*');
        if (std::ranges::any_of(segments, &std::string_view::empty))
            return wrong("the pattern is empty, or has a * at an end or next to another");
        if (std::ranges::all_of(segments, [](std::string_view segment) { return segment.size() < 2; }))
            return wrong("the pattern is a single character: it would match nearly everything");
        const bool only_its_own = fields[0] == "own";
        if (only_its_own && fields[1] == "*") return wrong("an own pattern needs the name of its provider");
        const auto kind_of_bounce = bounce_class_named(fields[3]);
        if (!kind_of_bounce) {
            std::vector<std::string_view> names;
            for (const BounceClass known : all_bounce_classes()) names.push_back(name_of(known));
            const auto nearest = nearest_name(fields[3], names);
            return wrong(fmt::format("there is no class \"{}\"{}", printable(fields[3], name_limit_octets),
                                     nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
        }
        if (table_.patterns_.size() >= limit_patterns)
            return failure(ErrorKind::limit, fmt::format("line {}: more than {} patterns", line_, limit_patterns));
        table_.patterns_.push_back({.line = line_,
                                    .kind = kind,
                                    .provider = std::string(fields[1]),
                                    .only_its_own = only_its_own,
                                    .text = std::string(fields[2]),
                                    .kind_of_bounce = *kind_of_bounce,
                                    .comment = std::string(fields[4])});
        return {};
    }

    PatternTable& table_;
    std::size_t line_ = 0;
};

std::string Pattern::rule() const {
    return fmt::format("{}{} (line {})", is_of_provider() ? provider + ": " : "", text, line);
}

Result<PatternTable> PatternTable::parse(std::string_view file) {
    if (file.size() > limit_octets)
        return failure(ErrorKind::limit, fmt::format("a pattern file of more than {} octets", limit_octets));
    PatternTable table;
    Reader reader(table);
    std::size_t number = 0;
    for (const std::string_view line : split(file, '\n')) RELEVO_CHECK(reader.read_line(line, ++number));
    if (table.patterns_.empty()) return failure(ErrorKind::invalid, "a pattern file without any pattern");
    std::vector<std::string> texts;
    for (const Pattern& pattern : table.patterns_) texts.push_back(pattern.text);
    table.matcher_.emplace(texts);
    return table;
}

PatternTable PatternTable::built_in() {
    auto table = parse(built_in_patterns());
    // A test reads it: only a bug of ours gets here.
    if (!table) throw std::logic_error("bounce_patterns.tsv: " + table.error().detail);
    return *std::move(table);
}

const Pattern* PatternTable::find(PatternKind kind, std::string_view text, bool of_provider,
                                  std::string_view host) const {
    const std::string_view provider = provider_of(host);
    for (const std::uint32_t place : matcher_->matches(normalised(text.substr(0, text_limit_octets)))) {
        const Pattern& pattern = patterns_[place];
        if (pattern.kind != kind || pattern.is_of_provider() != of_provider) continue;
        if (of_provider && (!provider.empty() || pattern.only_its_own) && provider != pattern.provider) continue;
        return &pattern;
    }
    return nullptr;
}

std::string_view PatternTable::provider_of(std::string_view host) const {
    const std::string name = to_lower(host.ends_with('.') ? host.substr(0, host.size() - 1) : host);
    const auto found = std::ranges::find_if(hosts_, [&](const Host& known) { return is_below(name, known.suffix); });
    return found == hosts_.end() ? std::string_view() : std::string_view(found->provider);
}

}  // namespace relevo::bounces
