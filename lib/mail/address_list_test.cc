#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <chrono>

namespace relevo::mail {
namespace {

std::string addresses(std::string_view value) {
    const auto list = parse_address_list(value);
    if (!list) return "error: " + list.error().detail;
    std::string joined;
    for (const Address& address : *list) joined.append(joined.empty() ? "" : " ").append(address.text());
    return joined;
}

TEST(AddressList, FindsEveryMailbox) {  // RFC 5322 §3.4, appendix A
    const std::vector<std::pair<std::string, std::string>> cases = {
        {" john@x.example", "john@x.example"},
        {" John Doe <john@X.example>\r\n", "error: text after an address in brackets"},
        {" John Doe <john@X.example>", "john@x.example"},
        {" \"Joe Q. Public\" <john.q.public@x.example>", "john.q.public@x.example"},
        {" John Q. Public <john@x.example>", "john@x.example"},
        {" Mary <mary@x.test>, jdoe@y.test,\r\n\tWho? <one@z.test>", "mary@x.test jdoe@y.test one@z.test"},
        {" <boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <box@x.test>", "boss@nil.test box@x.test"},
        {" A Group:Ed <joe@where.test>,joe@w2.test,John <jdoe@one.test>;", "joe@where.test joe@w2.test jdoe@one.test"},
        {" Undisclosed recipients:;", ""},
        {" (empty)( list) Undisclosed recipients :(nobody(that I know))  ;", ""},
        {" G: a@x.test; , b@x.test", "a@x.test b@x.test"},
        {" a@x.test (Old style name, a@evil.test)", "a@x.test"},
        {" Pete(A nice \\) chap) <pete@silly.test>", "pete@silly.test"},
        {" < a@x.test >", "a@x.test"},
        {" a@x.test,, ,b@x.test,", "a@x.test b@x.test"},
        {" =?utf-8?q?Jos=C3=A9?= <jose@x.test>", "jose@x.test"},
        {" Jos\xC3\xA9 <jos\xC3\xA9@x.test>", "jos\xC3\xA9@x.test"},
        {" Jos\xE9 <jose@x.test>", "jose@x.test"},  // Latin-1 in a name
        {" [List] Name <a@x.test>", "a@x.test"},
        {" \"a b\"@x.test", "\"a b\"@x.test"},
        {" \"<evil@x.test>\" <good@x.test>", "good@x.test"},
        {" \"evil@x.test,\" <good@x.test>", "good@x.test"},
        {" a@[192.0.2.1]", "a@[192.0.2.1]"},
    };
    for (const auto& [value, expected] : cases) EXPECT_EQ(addresses(value), expected) << value;
}

TEST(AddressList, RefusesWhatReadsInTwoWays) {  // security rows A11, A12, C4
    for (const std::string_view bad : {"",
                                       " ",
                                       ",",
                                       "(only a comment)",
                                       "a",
                                       "John Doe",
                                       "a@x.test b@x.test",
                                       "a@x.test <b@x.test>",
                                       "<a@x.test> <b@x.test>",
                                       "<a@x.test> b",
                                       "<a@x.test",
                                       "a@x.test>",
                                       "<>",
                                       "a @x.test",
                                       "a@ x.test",
                                       "a(c)@x.test",
                                       "a@x.test(c).evil",
                                       "<a@x.test(c)>",
                                       "<@r.test:a@x.test>",
                                       "a@x.test; b@x.test",
                                       "G: a@x.test",
                                       "G: H: a@x.test;;",
                                       ": a@x.test;",
                                       "G: a@x.test; b@x.test",
                                       "a@b: c@d.test;",
                                       "\"unclosed <a@x.test>",
                                       "(unclosed <a@x.test>",
                                       "a)b <a@x.test>",
                                       "a\\,b <a@x.test>",
                                       "=?utf-8?q?a@evil.test?= <b@x.test>",
                                       "=?utf-8?q?a,b?= <b@x.test>",
                                       "=?utf-8?q?a=40evil.test?=@x.test",
                                       "[<a@x.test>] <b@x.test>",
                                       "a@x.test\r\nBcc: b@x.test",
                                       "a@x.test\rb",
                                       "a\x01 <a@x.test>",
                                       "\"a\nb\"@x.test",
                                       "\"a\" \"b\"@x.test",
                                       "a@evil.test@x.test",
                                       "<\"a>\"@x.test>x",
                                       "<a@x.test\">\"@evil.test>"})
        EXPECT_FALSE(parse_address_list(bad).has_value()) << bad << " gave " << addresses(bad);
    EXPECT_FALSE(parse_address_list(std::string_view("a\0 <a@x.test>", 13)).has_value());
    EXPECT_FALSE(parse_address_list(std::string_view("\"a\0\" <a@x.test>", 15)).has_value());
}

TEST(AddressList, BoundsHostileLists) {  // security row A17
    const auto begin = std::chrono::steady_clock::now();
    std::string list = "a@x.test";
    for (int i = 1; i < 1'000; ++i) list += ",a@x.test";
    EXPECT_EQ(parse_address_list(list)->size(), 1'000U);
    for (int i = 0; i < 99'000; ++i) list += ",a@x.test";
    EXPECT_EQ(parse_address_list(list).error().kind, ErrorKind::limit);
    for (const char* piece : {"(", "\"", "<", ",", "a ", "\\", ":", "G:;,", "()", "\r\n ", "[", "=?"}) {
        std::string hostile;
        while (hostile.size() < (1 << 20)) hostile += piece;
        EXPECT_FALSE(parse_address_list(hostile).has_value() && piece != std::string("G:;,")) << piece;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace relevo::mail
