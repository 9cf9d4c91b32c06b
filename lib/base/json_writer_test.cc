#include "lib/base/json_writer.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

TEST(JsonWriter, WritesFieldsInOrder) {
    JsonWriter json;
    json.field("host", "mx.example").field("port", 25).field("tls", true).optional("note", "").raw("list", "[1]");
    EXPECT_EQ(json.finish(), R"({"host":"mx.example","port":25,"tls":true,"list":[1]})");
}

TEST(JsonWriter, EscapesWhatCouldBreakOutOfAString) {
    JsonWriter json;
    json.field("text", std::string_view("a\"b\\c\r\n\t\0\x1b ñ", 13));
    EXPECT_EQ(json.finish(), R"({"text":"a\"b\\c\r\n\t\u0000\u001b ñ"})");
}

TEST(JsonWriter, ReplacesWhatIsNotUtf8) {
    JsonWriter json;
    json.field("text", "caf\xE9");
    EXPECT_EQ(json.finish(), "{\"text\":\"caf\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace relevo
