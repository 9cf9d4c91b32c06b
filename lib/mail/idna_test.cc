// The public ToASCII suites (UTS 46) against parse_domain and to_ascii_domain. Ours map nothing but case and NFC, so
// many names that UTS 46 would turn into others are refused (security row A11: two readers would see two domains). What
// must never happen: a valid name that comes out as another one than the suite says.
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace relevo::mail {
namespace {

// Some inputs hold half of a surrogate pair, which is no text (RFC 8259 §8.2): U+FFFD, just as invalid, stands in for
// it.
std::string without_lone_surrogates(std::string text) {
    const auto is_half = [&](std::size_t at, std::string_view digits) {
        return text.compare(at, 2, "\\u") == 0 && to_lower(text[at + 2]) == 'd' &&
               digits.find(to_lower(text[at + 3])) != std::string_view::npos;
    };
    for (std::size_t at = text.find("\\u"); at != std::string::npos; at = text.find("\\u", at + 6)) {
        const bool is_high = is_half(at, "89ab");
        if (is_high && is_half(at + 6, "cdef"))
            at += 6;
        else if (is_high || is_half(at, "cdef"))
            text.replace(at, 6, "\\ufffd");
    }
    return text;
}

boost::json::array cases_of(const std::string& name) {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    std::ifstream file((folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata") + ("/idna/" + name));
    EXPECT_TRUE(file.is_open()) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    std::stringstream text;
    text << file.rdbuf();
    return file.is_open() ? boost::json::parse(without_lone_surrogates(text.str())).as_array() : boost::json::array();
}

Result<std::string> to_ascii(std::string_view text) {
    RELEVO_TRY(const std::string domain, parse_domain(text, Utf8::allowed));
    return to_ascii_domain(domain);
}

// How many cases end in each way.
struct Tally {
    std::size_t total = 0;
    std::size_t same = 0;             // as the suite says, names and refusals
    std::size_t stricter = 0;         // refused, though UTS 46 maps it to a valid name
    std::size_t ascii_unchecked = 0;  // accepted, though the A-label in it is not valid: the DNS will know no such name
    std::size_t wrong = 0;
};

bool has_a_label(std::string_view name) { return to_lower(name).find("xn--") != std::string::npos; }

Tally judge(const std::string& file) {
    Tally tally;
    for (const auto& entry : cases_of(file)) {
        if (!entry.is_object()) continue;  // remarks
        ++tally.total;
        const auto& wanted = entry.at("output");
        const std::string input(entry.at("input").as_string());
        const auto found = to_ascii(input);
        const bool is_same = wanted.is_null() ? !found : found && *found == std::string_view(wanted.as_string());
        // A final dot is the same name to the DNS; ours take it off.
        const bool is_rooted = found && wanted.is_string() && *found + "." == std::string_view(wanted.as_string());
        if (is_same || is_rooted)
            ++tally.same;
        else if (!found)
            ++tally.stricter;
        else if (wanted.is_null() && has_a_label(input))
            ++tally.ascii_unchecked;
        else {
            ++tally.wrong;
            ADD_FAILURE() << file << ": " << entry << " came out as " << *found;
        }
    }
    std::cout << "idna " << file << ": " << tally.same << "/" << tally.total << " as the suite says, " << tally.stricter
              << " refused that UTS 46 maps, " << tally.ascii_unchecked << " with an A-label nobody can register\n";
    return tally;
}

TEST(IdnaSuite, NeverTurnsANameIntoAnother) {
    const Tally remarked = judge("toascii.json");
    const Tally generated = judge("IdnaTestV2.json");
    EXPECT_EQ(remarked.wrong + generated.wrong, 0U);
    EXPECT_EQ(remarked.total + generated.total, 1411U);
    // As measured: what changes is looked at, case by case.
    EXPECT_EQ(remarked.same, 48U);
    EXPECT_EQ(generated.same, 1099U);
}

}  // namespace
}  // namespace relevo::mail
