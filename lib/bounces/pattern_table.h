// What servers write when they refuse mail, as data: a file of lines that an operator can read, correct and replace
// (docs/formats/bounce-patterns.md). The one that comes with Relevo is bounce_patterns.tsv, compiled in.
#pragma once

#include "lib/base/result.h"
#include "lib/bounces/bounce_class.h"
#include "lib/bounces/segment_matcher.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

enum class PatternKind : std::uint8_t {
    reply,    // in what a server says, or a report says of it
    subject,  // in the Subject of a mail that came back
};

struct Pattern {
    std::size_t line = 0;  // of the file, from 1
    PatternKind kind = PatternKind::reply;
    std::string provider;       // "*": anyone's
    bool only_its_own = false;  // counts only where the host is known to be the provider's
    std::string text;           // lower case, see SegmentMatcher
    BounceClass kind_of_bounce = BounceClass::unknown;
    std::string comment;

    [[nodiscard]] bool is_of_provider() const { return provider != "*"; }
    // "google: 4.7.28 (line 12)"
    [[nodiscard]] std::string rule() const;
};

// Immutable; shared by whoever classifies. Threads: any.
class PatternTable {
 public:
    static constexpr std::size_t limit_octets = 512UL * 1024;
    static constexpr std::size_t limit_patterns = 5'000;
    static constexpr std::size_t text_limit_octets = 8'192;  // of what is looked at

    // The whole file or nothing. Errors: invalid – detail names the line and what is wrong with it. limit.
    [[nodiscard]] static Result<PatternTable> parse(std::string_view file);
    // The one that is compiled in.
    [[nodiscard]] static PatternTable built_in();

    // The first pattern, in the order of the file, of that kind that occurs in `text` (any case, any white space).
    // `of_provider`: only those with a provider's name, or only those without. A pattern of one provider does not count
    // in a reply from a host that is known to be another's. `host`: a mail server or the domain of a recipient; may be
    // empty.
    [[nodiscard]] const Pattern* find(PatternKind kind, std::string_view text, bool of_provider,
                                      std::string_view host) const;
    // Whose mail server that is; empty if the table does not know.
    [[nodiscard]] std::string_view provider_of(std::string_view host) const;
    [[nodiscard]] const std::vector<Pattern>& patterns() const { return patterns_; }

 private:
    struct Host {
        std::string suffix;
        std::string provider;
    };
    class Reader;

    std::vector<Pattern> patterns_;
    std::vector<Host> hosts_;
    std::optional<SegmentMatcher> matcher_;  // always there after parse()
};

}  // namespace relevo::bounces
