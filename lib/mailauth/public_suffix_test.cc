#include "lib/mailauth/public_suffix.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace relevo::mailauth {
namespace {

std::string test_data(const std::string& name) {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    std::ifstream file((folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata") + ("/" + name));
    EXPECT_TRUE(file.is_open()) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// Case → why it is judged otherwise.
const std::map<std::string, std::string> exceptions = {};

TEST(PublicSuffix, PassesTheSuiteOfTheList) {
    const auto list = PublicSuffixList::parse(test_data("psl/public_suffix_list.dat"));
    ASSERT_TRUE(list.has_value());
    std::size_t passed = 0, total = 0;
    std::istringstream lines(test_data("psl/tests.txt"));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with("//")) continue;
        const auto words = split(line, ' ');
        ASSERT_EQ(words.size(), 2U) << line;
        ++total;
        const std::string expected = words[1] == "null" ? std::string() : std::string(words[1]);
        // The suite writes in any case; ours takes canonical domains, which is lib/mail's work.
        const auto domain = mail::parse_domain(words[0], mail::Utf8::allowed);
        const std::string found = domain && words[0] != "null" ? list->organizational_domain(*domain) : std::string();
        if (found == expected)
            ++passed;
        else
            EXPECT_TRUE(exceptions.contains(std::string(words[0]))) << words[0] << " gave \"" << found << "\"";
    }
    std::cout << "psl: " << passed << "/" << total << " passed\n";
    EXPECT_EQ(total, 78U);
    EXPECT_EQ(passed + exceptions.size(), total);
}

TEST(PublicSuffix, KnowsTheListOfTheLibrary) {
    const PublicSuffixList list = PublicSuffixList::builtin();
    for (const char* suffix : {"com", "co.uk", "github.io", "kobe.jp", "xn--fiqs8s", "unlisted"})
        EXPECT_TRUE(list.is_public_suffix(suffix)) << suffix;
    for (const char* domain : {"example.com", "city.kobe.jp", "example.unlisted"})
        EXPECT_FALSE(list.is_public_suffix(domain)) << domain;
    EXPECT_EQ(list.organizational_domain("a.b.example.co.uk"), "example.co.uk");
    EXPECT_EQ(list.organizational_domain("co.uk"), "");
}

TEST(PublicSuffix, TakesNoNonsense) {
    const PublicSuffixList list = PublicSuffixList::builtin();
    for (const std::string& text : {std::string(), std::string("."), std::string("a..com"), std::string(".com"),
                                    std::string("example.com."), std::string("a\0.com", 6), std::string(5000, 'a')}) {
        EXPECT_EQ(list.organizational_domain(text), "");
        EXPECT_FALSE(list.is_public_suffix(text));
    }
    EXPECT_FALSE(PublicSuffixList::parse("").has_value());
    EXPECT_FALSE(PublicSuffixList::parse("// nothing but a comment\n").has_value());
}

}  // namespace
}  // namespace relevo::mailauth
