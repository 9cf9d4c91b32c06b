#include "lib/mail/header_end.h"

#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace relevo::mail {
namespace {

// Where it finds the end in pieces of `size` octets; `size` of the content and one if nowhere.
std::size_t found_in_pieces(std::string_view content, std::size_t size) {
    HeaderEnd end;
    std::size_t taken = 0;
    for (std::size_t at = 0; at < content.size(); at += size) {
        const std::string_view piece = content.substr(at, size);
        const bool was_found = end.is_found();
        const std::size_t now = end.take(piece);
        EXPECT_TRUE(end.is_found() || now == piece.size()) << "it takes everything until it has found the end";
        EXPECT_TRUE(!was_found || now == 0) << "nothing of the body";
        taken += now;
    }
    EXPECT_EQ(end.offset(), taken);
    return end.is_found() ? taken : content.size() + 1;
}

TEST(HeaderEnd, IsBehindTheFirstEmptyLineHoweverTheOctetsArrive) {
    for (const std::string_view content : {"A: b\r\n\r\nbody\r\n\r\nmore", "\r\nbody", "\nbody", "A: b\n\nbody",
                                           "A: b\r\n folded\r\n\r\n", "A: b\n\r\nx", "A: b\r\n\nx"}) {
        const std::size_t expected = Header::parse(content)->body_offset();
        for (std::size_t size = 1; size <= content.size(); ++size)
            EXPECT_EQ(found_in_pieces(content, size), expected) << content << " in pieces of " << size;
    }
}

TEST(HeaderEnd, IsNowhereElse) {
    for (const std::string_view content : {"", "A: b", "A: b\r\n", "A: b\r\n\r", "A: b\r\n \r\nC: d\r\n",
                                           "A: b\r\r\nC: d\r\n", "A: b\r\n\r\rC: d\r\n", "\r\r\n"})
        for (std::size_t size = 1; size <= std::max<std::size_t>(content.size(), 1); ++size)
            EXPECT_EQ(found_in_pieces(content, size), content.size() + 1) << content << " in pieces of " << size;
}

}  // namespace
}  // namespace relevo::mail
