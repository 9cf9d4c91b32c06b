// Reading: a field's value to results, and whose results they claim to be.
#include "lib/base/text.h"
#include "lib/mailauth/authentication_results.h"
#include "lib/mailauth/authentication_results_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t value_limit_octets = 64 * 1024;
constexpr std::size_t result_limit = 200;
constexpr std::size_t property_limit = 50;
constexpr std::size_t deviation_limit = 20;

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Walks over a field's value. Once `broken()`, a comment or quoted string had no end and the rest means nothing.
class Scanner {
 public:
    explicit Scanner(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] char next() const { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] bool broken() const { return broken_; }
    [[nodiscard]] std::size_t place() const { return at_; }

    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    // CFWS (RFC 5322 §3.2.2). Returns the text of its comments.
    std::string skip_space() {
        std::string comments;
        while (!at_end()) {
            if (next() == '(')
                comments.append(" ").append(comment());
            else if (is_white(next()))
                ++at_;
            else
                break;
        }
        return comments;
    }
    // The longest run of characters that `belongs`.
    template <class Predicate>
    std::string_view run(Predicate belongs) {
        const std::size_t begin = at_;
        while (!at_end() && belongs(next())) ++at_;
        return text_.substr(begin, at_ - begin);
    }
    // The content of the quoted string at this place.
    std::string quoted_string() {
        std::string content;
        ++at_;
        while (!at_end() && next() != '"') {
            if (next() == '\\' && at_ + 1 < text_.size()) ++at_;
            if (next() != '\r' && next() != '\n') content += next();
            ++at_;
        }
        if (!take('"')) broken_ = true;
        return content;
    }
    // Up to the ";" that ends the result, or the end.
    void skip_result() {
        while (!at_end() && next() != ';') {
            if (next() == '"')
                (void)quoted_string();
            else if (next() == '(')
                (void)comment();
            else
                ++at_;
        }
    }

 private:
    // Counts parentheses in place of recursion; nesting vanishes from the text.
    std::string comment() {
        std::string content;
        std::size_t depth = 0;
        do {
            const char c = next();
            if (c == '(') ++depth;
            if (c == ')') --depth;
            if (c == '\\' && at_ + 1 < text_.size()) ++at_;
            if (c != '(' && c != ')') content += next();
            ++at_;
        } while (depth > 0 && !at_end());
        if (depth > 0) broken_ = true;
        return content;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool broken_ = false;
};

bool is_word_character(char c) { return is_keyword_character(c) || c == '_'; }
bool belongs_to_value(char c) { return !is_white(c) && c != ';' && c != '('; }
bool belongs_to_word(char c) { return belongs_to_value(c) && c != '"'; }

// [ [ local-part ] "@" ] domain-name, as written (RFC 8601 §2.2 pvalue).
bool is_address_or_domain(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return is_domain_name(text);
    return (at == 0 || is_dot_atom(text.substr(0, at))) && is_domain_name(text.substr(at + 1));
}

class Parser {
 public:
    explicit Parser(std::string_view text) : scan_(text) {}

    Result<ReadResults> parse() {
        RELEVO_CHECK(read_authserv_id());
        while (!scan_.at_end() && !scan_.broken()) {
            if (!scan_.take(';')) {
                deviates("text in place of \";\"");
                scan_.skip_result();
                continue;
            }
            if (read_.content.results.size() == result_limit)
                return failure(ErrorKind::limit, "more than 200 authentication results in one field");
            RELEVO_CHECK(read_result());
            scan_.skip_space();
        }
        if (scan_.broken()) return failure(ErrorKind::invalid, "a comment or quoted string has no end");
        if (read_.content.results.empty() && !says_none_) deviates("neither a result nor \"none\"");
        if (!read_.content.results.empty() && says_none_) deviates("\"none\" beside results");
        return std::move(read_);
    }

 private:
    void deviates(std::string what) {
        if (read_.deviations.size() < deviation_limit) read_.deviations.push_back(std::move(what));
    }

    Result<void> read_authserv_id() {
        scan_.skip_space();
        if (begins_with_result()) {
            deviates("no authserv-id in front");
            return read_result();
        }
        if (scan_.next() == '"') {
            read_.content.authserv_id = scan_.quoted_string();
        } else {
            read_.content.authserv_id = scan_.run(belongs_to_value);
            if (!is_token(read_.content.authserv_id)) deviates("the authserv-id is not a token");
        }
        if (read_.content.authserv_id.empty()) return failure(ErrorKind::invalid, "no authserv-id");
        scan_.skip_space();
        if (scan_.broken()) return failure(ErrorKind::invalid, "a comment or quoted string has no end");
        return read_version();
    }
    Result<void> read_version() {
        const std::string_view version = scan_.run(is_digit);
        if (!version.empty() && parse_decimal<unsigned>(version) != 1U)
            return failure(ErrorKind::unsupported, "a version of Authentication-Results other than 1");
        scan_.skip_space();
        return {};
    }
    // "spf=pass (…) …" where the authserv-id should be.
    [[nodiscard]] bool begins_with_result() const {
        Scanner ahead = scan_;
        const bool has_method = !ahead.run(is_word_character).empty();
        ahead.skip_space();
        return has_method && ahead.take('=');
    }

    Result<void> read_result() {
        scan_.skip_space();
        if (scan_.at_end() || scan_.next() == ';') {
            deviates("an empty result");
            return {};
        }
        ReportedResult result;
        const std::string_view method = scan_.run(is_word_character);
        scan_.skip_space();
        if (scan_.take('/')) read_method_version(result);
        if (!scan_.take('=')) {
            if (equals_ignoring_case(method, "none") && (scan_.at_end() || scan_.next() == ';')) {
                says_none_ = true;
                return {};
            }
            deviates(fmt::format("no result: \"{}\"", printable(method, 40)));
            scan_.skip_result();
            return {};
        }
        scan_.skip_space();
        result.method = keyword(method, "method");
        result.result = keyword(scan_.run(is_word_character), "result");
        result.comment = comment_text(scan_.skip_space());
        RELEVO_CHECK(read_properties(result));
        read_.content.results.push_back(std::move(result));
        return {};
    }
    void read_method_version(ReportedResult& result) {
        scan_.skip_space();
        const auto version = parse_decimal<unsigned>(scan_.run(is_word_character));
        if (!version) deviates("the version of a method is no number");
        result.version = version.value_or(1);
        scan_.skip_space();
    }
    std::string keyword(std::string_view text, std::string_view what) {
        if (!is_keyword(text)) deviates(fmt::format("{} \"{}\" is no keyword", what, printable(text, 40)));
        return to_lower(text);
    }

    // reasonspec and propspecs, up to the end of the result.
    Result<void> read_properties(ReportedResult& result) {
        while (!scan_.at_end() && scan_.next() != ';' && !scan_.broken()) {
            const std::string_view first = scan_.run(is_word_character);
            scan_.skip_space();
            if (scan_.take('.')) {
                RELEVO_CHECK(read_property(result, first));
            } else if (!first.empty() && scan_.take('=')) {
                const bool is_reason = equals_ignoring_case(first, "reason") && result.reason.empty();
                if (!is_reason) deviates(fmt::format("\"{}\" has no property type", printable(first, 40)));
                if (is_reason && !result.properties.empty()) deviates("a reason behind properties");
                std::string value = read_value();
                if (is_reason) result.reason = std::move(value);
            } else {
                deviates("text that is no property");
                scan_.run(belongs_to_value);
            }
            scan_.skip_space();
        }
        return {};
    }
    Result<void> read_property(ReportedResult& result, std::string_view type) {
        scan_.skip_space();
        const std::string_view name = scan_.run(is_word_character);
        scan_.skip_space();
        if (!scan_.take('=')) {
            deviates("a property without value");
            return {};
        }
        std::string written_type = keyword(type, "property type");
        std::string written_name = keyword(name, "property");
        if (result.properties.size() == property_limit)
            return failure(ErrorKind::limit, "more than 50 properties of one authentication result");
        result.properties.push_back({std::move(written_type), std::move(written_name), read_value()});
        return {};
    }
    std::string read_value() {
        scan_.skip_space();
        if (scan_.next() == '"') {
            std::string value = scan_.quoted_string();
            if (scan_.next() != '@') return value;
            return fmt::format("\"{}\"{}", value, scan_.run(belongs_to_value));  // a quoted local part
        }
        std::string value(scan_.run(belongs_to_value));
        if (!is_token(value) && !is_address_or_domain(value))
            deviates(value.empty() ? "an empty value" : fmt::format("\"{}\" should be quoted", printable(value, 40)));
        return value;
    }

    Scanner scan_;
    ReadResults read_;
    bool says_none_ = false;
};

// A name as every reader that ignores something would see it; nothing if it cannot be compared.
std::optional<std::string> comparable(std::string_view name) {
    std::string text;
    for (const char c : name)
        if (static_cast<unsigned char>(c) > ' ' && c != '\x7F' && c != '"' && c != '\\') text += to_lower(c);
    while (text.ends_with('.')) text.pop_back();
    if (text.find("=?") != std::string::npos) return std::nullopt;  // an encoded-word
    if (auto domain = mail::to_ascii_domain(text)) return *std::move(domain);
    return is_ascii(text) ? std::optional(std::move(text)) : std::nullopt;
}

// The part of a value up to ";", without comments: its first word, the token that this begins with, and all of it.
struct Part {
    std::string first_word;
    std::string first_token;
    std::string whole;
};

std::optional<Part> next_part(Scanner& scan) {
    Part part;
    while (!scan.at_end() && scan.next() != ';') {
        scan.skip_space();
        const std::string word = scan.next() == '"' ? scan.quoted_string() : std::string(scan.run(belongs_to_word));
        if (part.first_word.empty()) part.first_word = word;
        part.whole += word;
    }
    (void)scan.take(';');
    part.first_token = part.first_word.substr(0, part.first_word.find_first_of("()<>@,:\"/[]?="));
    return scan.broken() ? std::nullopt : std::optional(std::move(part));
}

}  // namespace

Result<ReadResults> parse_authentication_results(std::string_view field_value) {
    if (field_value.size() > value_limit_octets)
        return failure(ErrorKind::limit, "Authentication-Results field over 64 KiB");
    return Parser(field_value).parse();
}

bool has_our_authserv_id(std::string_view field_value, std::string_view authserv_id) {
    const auto ours = comparable(authserv_id);
    Scanner scan(field_value);
    bool is_first = true;
    do {
        const auto part = next_part(scan);
        if (!part) return true;
        const auto word = comparable(part->first_word);
        const auto whole = comparable(part->whole);
        if (is_first && (!word || !whole || !ours || word->empty())) return true;
        if (word == ours || whole == ours || comparable(part->first_token) == ours) return true;
        is_first = false;
    } while (!scan.at_end());
    return false;
}

std::vector<std::pair<std::size_t, std::size_t>> forged_results(const mail::Header& header, std::string_view content,
                                                                std::string_view authserv_id) {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const mail::Field& field : header.fields()) {
        if (!equals_ignoring_case(field.name, "Authentication-Results")) continue;
        if (!has_our_authserv_id(field.value, authserv_id)) continue;
        const auto begin = static_cast<std::size_t>(field.raw.data() - content.data());
        if (!ranges.empty() && ranges.back().second == begin)
            ranges.back().second = begin + field.raw.size();
        else
            ranges.emplace_back(begin, begin + field.raw.size());
    }
    return ranges;
}

}  // namespace relevo::mailauth
