#include "lib/json/json.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace relevo::json {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Json, PassesTheSuite) {  // RFC 8259: y_ must be read, n_ must not, i_ may
    const char* folder = std::getenv("RELEVO_TESTDATA");
    std::size_t passed = 0, total = 0;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(
             (folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata") + std::string("/json"), missing)) {
        const std::string name = entry.path().filename();
        if (!name.ends_with(".json")) continue;
        ++total;
        const bool read = parse(read_file(entry.path())).has_value();
        if (name.starts_with("i_") || read == name.starts_with("y_"))
            ++passed;
        else
            ADD_FAILURE() << name;
    }
    std::cout << "json: " << passed << "/" << total << " passed\n";
    EXPECT_EQ(total, 159U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
}

TEST(Json, IsBounded) {  // security row C8
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_TRUE(parse(nested(64)).has_value());
    EXPECT_EQ(parse(nested(66)).error().kind, ErrorKind::limit);
    EXPECT_EQ(parse(std::string(1'000'000, '[')).error().kind, ErrorKind::limit);
    EXPECT_EQ(parse("\"" + std::string(100, 'a') + "\"", {.octets = 50}).error().kind, ErrorKind::limit);
}

TEST(Json, FindsMembersWhereThereAreSome) {
    const auto object = parse(R"({"a":"x","b":1})").value();
    EXPECT_EQ(text_of(member(object, "a")), "x");
    EXPECT_EQ(text_of(member(object, "b")), "");
    EXPECT_EQ(text_of(member(object, "c")), "");
    EXPECT_EQ(member(parse("[1]").value(), "a"), nullptr);
    EXPECT_TRUE(parse("\xEF\xBB\xBF{}").has_value());
}

TEST(Json, ReadsOneTextAfterAnotherInTheSameMemory) {
    Parser parser({.octets = 100'000});
    const std::string great = R"({"a":")" + std::string(50'000, 'x') + R"(","b":[1,2,{"c":"d"}]})";
    for (int i = 0; i < 3; ++i) {
        const auto first = parser.parse(great);
        ASSERT_TRUE(first.has_value());
        EXPECT_EQ(text_of(member(**first, "a")).size(), 50'000U);
        EXPECT_EQ(parser.parse(R"({"a":"x)").error().kind, ErrorKind::invalid);
        EXPECT_EQ(parser.parse(std::string(100, '[')).error().kind, ErrorKind::limit);
        EXPECT_EQ(parser.parse(std::string(100'001, ' ')).error().kind, ErrorKind::limit);
        const auto second = parser.parse(R"({"a":"y"})");
        ASSERT_TRUE(second.has_value());
        EXPECT_EQ(text_of(member(**second, "a")), "y");
    }
}

// security row E10: what two readers may read in two ways is no request.
TEST(Json, RefusesTwoMembersOfOneNameWhereAsked) {
    const Bounds strict{.same_names = SameNames::refused};
    for (const std::string_view text :
         {R"({"a":1,"a":1})", R"([{"b":{"a":1,"c":2,"a":{}}}])", R"({"a":1,"\u0061":2})"}) {
        EXPECT_TRUE(parse(text).has_value()) << text;
        EXPECT_FALSE(parse(text, strict).has_value()) << text;
    }
    for (const std::string_view text :
         {R"({"a":1,"A":2})", R"([{"a":1},{"a":1}])", R"({"a":{"a":{"a":[]}}})", "{}", "1"})
        EXPECT_TRUE(parse(text, strict).has_value()) << text;
}

}  // namespace
}  // namespace relevo::json
