#include "lib/bounces/pattern_table.h"

#include "lib/bounces/built_in_patterns.h"

#include <gtest/gtest.h>

#include <chrono>

namespace relevo::bounces {
namespace {

std::string row(std::string_view kind, std::string_view provider, std::string_view pattern, std::string_view name) {
    std::string line;
    for (const std::string_view column : {kind, provider, pattern, name}) line.append(column).append(1, '\t');
    return line + "\n";
}

std::string problem_of(std::string_view file) {
    const auto table = PatternTable::parse(file);
    return table ? "" : table.error().detail;
}

TEST(SegmentMatcher, FindsSegmentsInOrderOnly) {
    const SegmentMatcher matcher({"ab*cd", "^start", "cd*ab", "bc", "abab*ab"});
    EXPECT_EQ(matcher.matches("xx ab yy cd"), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(matcher.matches("start"), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(matcher.matches("a start"), (std::vector<std::uint32_t>{}));
    EXPECT_EQ(matcher.matches("abcd"), (std::vector<std::uint32_t>{0, 3}));
    // Segments do not share octets: "abab" needs a third "ab" behind it.
    EXPECT_EQ(matcher.matches("abab"), (std::vector<std::uint32_t>{}));
    EXPECT_EQ(matcher.matches("ababab"), (std::vector<std::uint32_t>{4}));
}

TEST(SegmentMatcher, AgreesWithTheObviousSearch) {
    const std::vector<std::string> patterns{"a", "aa", "aba", "b*a", "ab*ba", "^ab", "a*a*a", "bb*b", "^b*b"};
    const SegmentMatcher matcher(patterns);
    const auto obvious = [](std::string_view pattern, std::string_view text) {
        const bool at_start = pattern.starts_with('^');
        if (at_start) pattern.remove_prefix(1);
        std::size_t from = 0;
        bool first = at_start;
        while (!pattern.empty()) {
            const std::string_view segment = pattern.substr(0, pattern.find('*'));
            pattern.remove_prefix(std::min(segment.size() + 1, pattern.size()));
            const std::size_t at = text.find(segment, from);
            if (at == std::string_view::npos || (first && at != 0)) return false;
            from = at + segment.size();
            first = false;
        }
        return true;
    };
    for (unsigned bits = 0; bits < 1U << 11; ++bits) {
        std::string text;
        for (unsigned i = 0; i < 11; ++i) text += (bits >> i & 1U) != 0 ? 'a' : (i % 4 == 3 ? 'c' : 'b');
        std::vector<std::uint32_t> expected;
        for (std::uint32_t i = 0; i < patterns.size(); ++i)
            if (obvious(patterns[i], text)) expected.push_back(i);
        EXPECT_EQ(matcher.matches(text), expected) << text;
    }
}

TEST(SegmentMatcher, TakesTheSameTimeForHostileText) {
    std::vector<std::string> patterns;
    for (int i = 0; i < 1'000; ++i) patterns.push_back(std::string(190, 'a') + std::to_string(i));
    const SegmentMatcher matcher(patterns);
    const std::string text(PatternTable::text_limit_octets, 'a');
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(matcher.matches(text).empty());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

TEST(PatternTable, TheBuiltInFileIsReadAndHasEveryClassOfReplies) {
    const auto table = PatternTable::parse(built_in_patterns());
    ASSERT_TRUE(table.has_value()) << table.error().detail;
    EXPECT_GT(table->patterns().size(), 700U);
    for (const BounceClass kind : all_bounce_classes()) {
        // These come from the mail itself, not from words.
        if (kind == BounceClass::complaint || kind == BounceClass::unknown) continue;
        EXPECT_TRUE(std::ranges::any_of(table->patterns(), [kind](const Pattern& pattern) {
            return pattern.kind_of_bounce == kind;
        })) << name_of(kind);
    }
}

TEST(PatternTable, NoBuiltInPatternIsHiddenByAnEarlierOne) {
    const PatternTable table = PatternTable::built_in();
    std::size_t hidden = 0;
    for (const Pattern& pattern : table.patterns()) {
        if (pattern.is_of_provider() || pattern.kind != PatternKind::reply ||
            pattern.text.find('*') != std::string::npos)
            continue;
        const Pattern* found = table.find(PatternKind::reply, "550" + pattern.text, false, {});
        ASSERT_NE(found, nullptr) << pattern.rule();
        if (found->kind_of_bounce != pattern.kind_of_bounce) {
            ++hidden;
            ADD_FAILURE() << pattern.rule() << " never decides: " << found->rule() << " stands before it";
        }
    }
    EXPECT_EQ(hidden, 0U);
}

TEST(PatternTable, NamesTheLineAndWhatIsWrongWithIt) {
    const std::string good = "# comment\n\n" + row("reply", "*", "user unknown", "unknown_user");
    EXPECT_EQ(problem_of(good), "");
    EXPECT_EQ(problem_of(good + row("reply", "*", "x y", "unknown_usr")),
              "line 4: there is no class \"unknown_usr\"; did you mean unknown_user?");
    EXPECT_EQ(problem_of(good + "reply\t*\tx y\tvirus\n"),
              "line 4: has 4 columns, parted by tabs, instead of 5: kind, provider, pattern, class, comment");
    EXPECT_EQ(problem_of(row("answer", "*", "x y", "virus")),
              "line 1: the first column is host, reply, own or subject");
    EXPECT_EQ(problem_of(row("reply", "A B", "x y", "virus")),
              "line 1: the provider is \"*\" or a name of small letters, digits, - and _");
    EXPECT_EQ(problem_of(row("reply", "*", "User unknown", "virus")),
              "line 1: the pattern must be in small letters, with single spaces");
    for (const std::string_view pattern : {"", "*x y", "x y*", "x**y", "^"})
        EXPECT_EQ(problem_of(row("reply", "*", pattern, "virus")),
                  "line 1: the pattern is empty, or has a * at an end or next to another")
            << pattern;
    EXPECT_EQ(problem_of(row("reply", "*", "e", "virus")),
              "line 1: the pattern is a single character: it would match nearly everything");
    EXPECT_EQ(problem_of(row("reply", "*", std::string(201, 'x'), "virus")),
              "line 1: the pattern is longer than 200 octets");
    EXPECT_EQ(problem_of(row("own", "*", "x y", "virus")), "line 1: an own pattern needs the name of its provider");
    EXPECT_EQ(problem_of(row("host", "*", "x.example", "-")), "line 1: a host needs the name of its provider");
    EXPECT_EQ(problem_of(row("host", "x", "x.example", "virus")),
              "line 1: a host has no class: write - in the fourth column");
    EXPECT_EQ(problem_of(row("host", "x", "*.x.example", "-")),
              "line 1: a host is a domain name in small letters, without wildcards: it stands for those below it too");
    EXPECT_EQ(problem_of("\xff\n"), "line 1: is not UTF-8");
    EXPECT_EQ(problem_of("# nothing\n"), "a pattern file without any pattern");
    EXPECT_EQ(problem_of(std::string(PatternTable::limit_octets + 1, '#')),
              "a pattern file of more than 524288 octets");
    std::string many;
    for (std::size_t i = 0; i <= PatternTable::limit_patterns; ++i)
        many += row("reply", "*", "x " + std::to_string(i), "virus");
    EXPECT_EQ(problem_of(many), "line 5001: more than 5000 patterns");
}

TEST(PatternTable, AProvidersPatternCountsForItsHostsAndForUnknownOnes) {
    const auto table = PatternTable::parse(
        row("host", "first", "first.example", "-") + row("host", "second", "second.example", "-") +
        row("reply", "first", "[x1]", "rate_limited") + row("own", "first", "user unknown", "policy") +
        row("reply", "*", "user unknown", "unknown_user"));
    ASSERT_TRUE(table.has_value());
    const auto finds = [&table](std::string_view text, std::string_view host) {
        return table->find(PatternKind::reply, text, true, host) != nullptr;
    };
    EXPECT_TRUE(finds("421 [X1]\r\n  later", "mx.FIRST.example."));
    EXPECT_TRUE(finds("421 [x1]", ""));
    EXPECT_TRUE(finds("421 [x1]", "mx.third.example"));
    EXPECT_FALSE(finds("421 [x1]", "second.example"));
    EXPECT_TRUE(finds("550 User  unknown", "first.example"));
    EXPECT_FALSE(finds("550 user unknown", ""));
    EXPECT_FALSE(finds("550 user unknown", "notfirst.example"));
    EXPECT_EQ(table->provider_of("a.b.second.example"), "second");
}

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::chrono::milliseconds time_of_a_long_text{3'000};
#else
constexpr std::chrono::milliseconds time_of_a_long_text{100};
#endif

// security row E14: no text takes long, whatever the patterns are; there is no regular expression anywhere.
TEST(PatternTable, LooksThroughALongTextAtOnce) {
    const PatternTable table = PatternTable::built_in();
    std::string starred;
    for (std::size_t i = 0; i < 300; ++i)
        starred += row("reply", "*", "a" + std::string(i % 5, 'a') + "*aa*a*ab" + std::to_string(i), "unknown_user");
    const auto hostile = PatternTable::parse(starred);
    ASSERT_TRUE(hostile.has_value()) << hostile.error().detail;
    for (const PatternTable* one : {&table, &*hostile})
        for (const std::string& text :
             {std::string(100 * 1024, 'a'), std::string(50 * 1024, 'a') + std::string(50 * 1024, 'b')}) {
            auto best = std::chrono::steady_clock::duration::max();
            for (int turn = 0; turn < 3; ++turn) {  // the machine may be busy
                const auto began = std::chrono::steady_clock::now();
                (void)one->find(PatternKind::reply, text, false, {});
                best = std::min(best, std::chrono::steady_clock::now() - began);
            }
            EXPECT_LT(best, time_of_a_long_text);
        }
}

}  // namespace
}  // namespace relevo::bounces
