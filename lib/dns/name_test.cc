#include "lib/dns/name.h"

#include <gtest/gtest.h>

namespace relevo::dns {
namespace {

using namespace std::string_view_literals;

TEST(NameText, HasOneSpelling) {  // RFC 1035 §5.1
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"Mail.EXAMPLE.", "mail.example"},
        {"", ""},
        {".", ""},
        {"a\\.b.c", "a\\.b.c"},
        {"a b.c", "a\\032b.c"},
        {"a\\ b", "a\\032b"},
        {"\\065.b", "a.b"},
        {"a\\\\b", "a\\\\b"},
        {"foo:bar/baz.example", "foo:bar/baz.example"},
    };
    for (const auto& [text, expected] : cases) {
        const auto name = canonical_name(text);
        ASSERT_TRUE(name) << text;
        EXPECT_EQ(*name, expected);
        EXPECT_EQ(canonical_name(*name).value(), expected) << "not stable";
    }
}

TEST(NameText, IsRefusedWhenNoMessageCanHoldIt) {  // RFC 1035 §2.3.4
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    EXPECT_EQ(encode_name(longest)->size(), 255U);
    EXPECT_EQ(encode_name(longest + ".")->size(), 255U);
    for (const std::string& text :
         {longest + "c", longest + ".c", label + "a.example", std::string(".example"), std::string("a..example"),
          std::string("a.."), std::string(".."), std::string("a\\"), std::string("a\\25"), std::string("a\\256"),
          std::string("a\\2x5")}) {
        const auto wire = encode_name(text);
        ASSERT_FALSE(wire) << text;
        EXPECT_EQ(wire.error().kind, ErrorKind::invalid);
    }
}

TEST(NameText, LosesItsFirstLabel) {
    EXPECT_EQ(parent_of("a.b.example"), "b.example");
    EXPECT_EQ(parent_of("a\\.b.example"), "example");
    EXPECT_EQ(parent_of("example"), "");
    EXPECT_EQ(parent_of(""), "");
}

TEST(RecordType, HasAName) {
    for (const std::string_view name : {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "TLSA", "TXT"})
        EXPECT_EQ(name_of(record_type_of(name).value()), name);
    EXPECT_EQ(record_type_of("aaaa"), RecordType::aaaa);
    EXPECT_FALSE(record_type_of("SRV"));
}

TEST(CommonLabels, AreCountedFromTheRight) {
    EXPECT_EQ(common_labels("a.example.com", "b.example.com"), 2U);
    EXPECT_EQ(common_labels("example.com", "example.com"), 2U);
    EXPECT_EQ(common_labels("com", "example.com"), 1U);
    EXPECT_EQ(common_labels("myexample.com", "example.com"), 1U) << "whole labels";
    EXPECT_EQ(common_labels("example.com", "example.net"), 0U);
    EXPECT_EQ(common_labels("", "example.net"), 0U);
}

}  // namespace
}  // namespace relevo::dns
