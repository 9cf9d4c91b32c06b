#include "core/reception/arriving_content.h"

#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <string>

namespace relevo {
namespace {

// What it says after each octet.
std::optional<std::size_t> by_octets(std::string_view content, std::size_t& told_at) {
    ArrivingContent arriving;
    for (std::size_t size = 0; size <= content.size(); ++size)
        if (const auto end = arriving.end_of_header(content.substr(0, size))) {
            told_at = size;
            return end;
        }
    return std::nullopt;
}

TEST(ArrivingContent, TellsTheEndOfTheHeaderAsSoonAsItIsThere) {
    for (const std::string_view content : {"A: b\r\n\r\nbody\r\n\r\nmore", "\r\nbody", "\nbody", "A: b\n\nbody",
                                           "A: b\r\n folded\r\n\r\n", "A: b\n\r\nx"}) {
        std::size_t told_at = 0;
        const auto end = by_octets(content, told_at);
        ASSERT_TRUE(end.has_value()) << content;
        EXPECT_EQ(*end, mail::Header::parse(content)->body_offset()) << content;
        EXPECT_EQ(told_at, *end) << "not one octet later: " << content;
        EXPECT_EQ(ArrivingContent().end_of_header(content), end) << "at once or octet by octet: " << content;
    }
}

TEST(ArrivingContent, TakesNothingElseForAnEmptyLine) {
    for (const std::string_view content :
         {"", "A: b", "A: b\r\n", "A: b\r\n\r", "A: b\r\n \r\nC: d\r\n", "A: b\r\r\nC: d\r\n"})
        EXPECT_FALSE(ArrivingContent().end_of_header(content).has_value()) << content;
}

}  // namespace
}  // namespace relevo
