#include "lib/mime/composition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mime {
namespace {

using testing::HasSubstr;
using testing::Not;

mail::Address address(std::string_view text) { return *mail::Address::parse(text, mail::Utf8::allowed); }

Composition greeting() {
    Composition made{.from = {.name = "Tienda Ñandú", .address = address("shop@example.com")}};
    made.to = {{.name = "Ana, \"la jefa\"", .address = address("ana@example.org")}};
    made.subject = "Año nuevo";
    made.text = "Hello\nYou\n";
    return made;
}

std::string composed(const Composition& composition) {
    const auto made = compose(composition);
    EXPECT_TRUE(made.has_value()) << made.error().part << ": " << made.error().detail;
    return made.value_or("");
}

TEST(Composition, ATextIsOnePart) {
    const std::string content = composed(greeting());
    EXPECT_THAT(content, HasSubstr("From: Tienda =?"));
    EXPECT_THAT(content, HasSubstr("<shop@example.com>\r\n"));
    EXPECT_THAT(content, HasSubstr("To: \"Ana, \\\"la jefa\\\"\" <ana@example.org>\r\n"));
    EXPECT_THAT(content, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(content, HasSubstr("\r\n\r\nHello\r\nYou\r\n"));
    EXPECT_THAT(content, Not(HasSubstr("multipart")));
    for (std::size_t at = content.find('\n'); at != std::string::npos; at = content.find('\n', at + 1))
        EXPECT_EQ(content[at - 1], '\r');
    for (const char c : content) EXPECT_GE(c, 0) << "7 bit";
}

TEST(Composition, TextsPicturesAndFilesAreNested) {  // RFC 2046 §5.1, RFC 2387
    Composition made = greeting();
    made.html = "<p>Hola, ñandú <img src=\"cid:logo\"></p>";
    made.attachments = {{.file_name = "logo.png", .type = "image/png", .content = "\x89PNG", .content_id = "logo"},
                        {.file_name = "factura año.pdf", .type = "application/pdf", .content = "%PDF"}};
    const std::string content = composed(made);
    const auto place = [&](std::string_view part) { return content.find(part); };
    EXPECT_LT(place("multipart/mixed"), place("multipart/alternative"));
    EXPECT_LT(place("multipart/alternative"), place("text/plain"));
    EXPECT_LT(place("text/plain"), place("multipart/related"));
    EXPECT_LT(place("multipart/related"), place("text/html"));
    EXPECT_LT(place("text/html"), place("image/png"));
    EXPECT_LT(place("image/png"), place("application/pdf"));
    EXPECT_THAT(content, HasSubstr("Content-Id: <logo>"));
    EXPECT_THAT(content, HasSubstr("=C3=B1and=C3=BA"));
    EXPECT_THAT(content, HasSubstr("JVBERg=="));
}

TEST(Composition, LongLinesAreBroken) {  // RFC 5321 §4.5.3.1.6
    Composition made = greeting();
    made.text = "one\r\ntwo\rthree\n" + std::string(5000, 'x') + "\n.\n";
    made.subject = std::string(3000, 'y');
    const std::string content = composed(made);
    std::size_t begin = 0, longest = 0;
    for (std::size_t end; (end = content.find("\r\n", begin)) != std::string::npos; begin = end + 2)
        longest = std::max(longest, end - begin);
    EXPECT_LE(longest, 998U);
    EXPECT_THAT(content, HasSubstr("\r\none\r\ntwo\r\nthree\r\nxxx"));
}

TEST(Composition, OtherFieldsAreEncoded) {
    Composition made = greeting();
    made.fields = {{"X-Order", "niño 7"}};
    EXPECT_THAT(composed(made), HasSubstr("X-Order: =?"));
}

// security row E1: no value becomes a second field.
TEST(Composition, LineBreaksAreRefusedWithTheNameOfTheField) {
    for (const std::string& evil : {std::string("a\r\nBcc: x@evil.example"), std::string("a\nX: y"),
                                    std::string("a\rb"), std::string("a\0b", 3), std::string("\xff")}) {
        Composition made = greeting();
        made.subject = evil;
        EXPECT_EQ(compose(made).error().part, "subject");
        made = greeting();
        made.from.name = evil;
        EXPECT_EQ(compose(made).error().part, "from");
        made = greeting();
        made.to[0].name = evil;
        EXPECT_EQ(compose(made).error().part, "to/0");
        made = greeting();
        made.fields = {{"X-A", evil}};
        EXPECT_EQ(compose(made).error().part, "fields/X-A");
        made = greeting();
        made.attachments = {{.file_name = evil, .type = "text/plain"}};
        EXPECT_EQ(compose(made).error().part, "attachments/0");
        made.attachments = {{.type = "text/plain\r\nX: y"}};
        EXPECT_EQ(compose(made).error().part, "attachments/0");
        made.attachments = {{.type = "text/plain", .content_id = "a>\r\nX: y"}};
        EXPECT_EQ(compose(made).error().part, "attachments/0");
    }
}

TEST(Composition, FieldsOfTheEnvelopeAndTheStructureAreNotSetTwice) {
    for (const std::string_view name : {"From", "bcc", "Content-Type", "MIME-Version", "Received", "Resent-To",
                                        "DKIM-Signature", "X Y", "X:", "", "ñ"}) {
        Composition made = greeting();
        made.fields = {{std::string(name), "x"}};
        EXPECT_FALSE(compose(made).has_value()) << name;
    }
}

TEST(Composition, AMessageHasAText) {
    Composition made = greeting();
    made.text.clear();
    EXPECT_EQ(compose(made).error().part, "text");
}

}  // namespace
}  // namespace relevo::mime
