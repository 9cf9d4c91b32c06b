#include "lib/tracking/rewrite.h"

#include "lib/base/base64.h"
#include "lib/mail/quoted_printable.h"
#include "lib/tracking/part_edit.h"
#include "lib/tracking/tracking_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace relevo::tracking {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string decoded(std::string_view encoded, TransferEncoding encoding) {
    return DecodedPart::decode(encoded, encoding).value().octets();
}

std::string folded_base64(std::string_view text) {
    const std::string base64 = encode_base64(text);
    std::string folded;
    for (std::size_t i = 0; i < base64.size(); i += 76) folded += base64.substr(i, 76) + "\r\n";
    return folded;
}

TEST(Rewrite, ReplacesLinksAndAddsAnImageInFrontOfTheEndOfTheBody) {
    const std::string before =
        "<html><body><a class=x href=\"https://a.example/?a=1&amp;b=2\">A</a>\r\n<map><area "
        "HREF='http://b.example/'></map><a href=http://c.example/d>C</a>";
    std::vector<std::string> targets;
    const Rewritten made = rewrite(html_message(before + "</body></html>\r\n"), everything(&targets));
    EXPECT_EQ(body_of(made.content),
              "<html><body><a class=x href=\"https://t.example/c/0\">A</a>\r\n<map><area "
              "HREF='https://t.example/c/1'></map><a href=https://t.example/c/2>C</a>" +
                  std::string(image_tag) + "</body></html>\r\n");
    EXPECT_THAT(targets, ElementsAre("https://a.example/?a=1&b=2", "http://b.example/", "http://c.example/d"));
    EXPECT_EQ(made.links, 3U);
    EXPECT_EQ(made.images, 1U);
}

TEST(Rewrite, AddsTheImageAtTheEndOfHtmlWithoutOne) {
    EXPECT_EQ(body_of(rewrite(html_message("<p>Hello\r\n"), everything()).content),
              "<p>Hello" + std::string(image_tag) + "\r\n");
    EXPECT_EQ(rewrite(html_message("<p>Hello <!-- never ended\r\n"), everything()).images, 0U)
        << "nobody would load it";
    EXPECT_EQ(rewrite(html_message("\r\n \r\n"), everything()).content, "");
}

TEST(Rewrite, LeavesOtherLinksAlone) {
    for (const std::string_view link :
         {"mailto:a@b.example", "tel:+34600", "#top", "cid:part1", "data:text/html,x", "javascript:alert(1)",
          "//a.example/x", "page.html", "", "https://a.example/{{unsubscribe}}", "https://a.example/*|UNSUB|*",
          "https://a.example/%recipient.id%", "https://a.example/[[id]]", "https://a.example/${id}",
          "https://a.example/&#x110000;", "https://a.example/?a&copy", "https://a.example/&eacute;",
          "https://b\xC3\xBC.example/", "https://list.example/u/1"}) {
        const std::string page = fmt::format("<a href=\"{}\">x</a>\r\n", link);
        const Rewritten made = rewrite(html_message(page, "8bit", "utf-8",
                                                    "List-Unsubscribe: <mailto:u@list.example>,\r\n "
                                                    "<https://list.example/u/1>\r\n"),
                                       links_alone());
        EXPECT_EQ(made.content, "") << link;
    }
    EXPECT_EQ(
        rewrite(html_message("<a data-relevo-track=\"no\" href=\"https://a.example/\">x</a>"), links_alone()).links,
        0U);
    EXPECT_EQ(rewrite(html_message("<link href=\"https://a.example/\"><img src=\"https://a.example/\">"), links_alone())
                  .links,
              0U);
    EXPECT_EQ(rewrite(html_message("<!-- <a href=\"https://a.example/\"> --><style><a href=\"https://a.example/\">"
                                   "</style><textarea><a href=\"https://a.example/\"></textarea>"),
                      links_alone())
                  .links,
              0U);
}

TEST(Rewrite, ReadsTargetsAsBrowsersDo) {
    std::vector<std::string> targets;
    const Rewritten made =
        rewrite(html_message("<a href=\"  https://a.example/a b\r\n/c?x=1&y=2&amp=3&#38;z=&#x3d;&lt;&quot; \">1</a>"
                             "<a href=\"HTTPS://A.example/\xC3\xA9\">2</a><a title='>' href = https://a.example/x>3</a>"
                             "<a href=\"https://a.example/1\" href=\"https://a.example/2\">4</a>",
                             "8bit"),
                links_alone(&targets));
    EXPECT_THAT(targets, ElementsAre("https://a.example/a%20b/c?x=1&y=2&amp=3&z==%3C%22", "HTTPS://A.example/%C3%A9",
                                     "https://a.example/x", "https://a.example/1"));
}

TEST(Rewrite, LeavesRawOctetsOfOtherCharsetsAlone) {
    std::vector<std::string> targets;
    const Rewritten made = rewrite(
        html_message("<p>\xE9</p><a href=\"https://a.example/\xE9\">1</a><a href=\"https://a.example/e\">2\xE9</a>",
                     "8bit", "windows-1252"),
        links_alone(&targets));
    EXPECT_THAT(targets, ElementsAre("https://a.example/e"));
    EXPECT_EQ(body_of(made.content),
              "<p>\xE9</p><a href=\"https://a.example/\xE9\">1</a><a href=\"https://t.example/c/0\">2\xE9</a>");
    for (const std::string_view charset : {"utf-16", "utf-32", "utf-7", "iso-2022-jp", "hz-gb-2312", "ebcdic", "x"})
        EXPECT_EQ(rewrite(html_message("<a href=\"https://a.example/\">x</a>", "7bit", charset), everything()).content,
                  "")
            << charset;
}

TEST(Rewrite, LeavesSignedAndEncryptedMailAlone) {
    const std::string html = "Content-Type: text/html\r\n\r\n<a href=\"https://a.example/\">x</a>\r\n";
    const auto wrapped = [&](std::string_view type) {
        return fmt::format("Content-Type: {}; boundary=b\r\n\r\n--b\r\n{}--b--\r\n", type, html);
    };
    const auto protection = [](const std::string& message) {
        const Rewritten made = rewrite(message, everything());
        EXPECT_EQ(made.content, "");
        return made.protection;
    };
    EXPECT_EQ(protection(wrapped("multipart/signed")), Protection::is_signed);
    EXPECT_EQ(protection(wrapped("multipart/encrypted")), Protection::is_encrypted);
    EXPECT_EQ(protection("Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nMII="),
              Protection::is_encrypted);
    EXPECT_EQ(protection("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + html + "--a\r\n" +
                         wrapped("multipart/signed") + "--a--\r\n"),
              Protection::is_signed)
        << "the part beside it is left alone too";
    EXPECT_EQ(protection(html_message("<pre>-----BEGIN PGP SIGNED MESSAGE-----\r\n</pre>")), Protection::is_encrypted);
}

TEST(Rewrite, LeavesMailThatOthersHaveSignedAlone) {
    RewriteRequest request = everything();
    request.signs_for = [](std::string_view domain) { return domain == "ours.example"; };
    const std::string page = "<a href=\"https://a.example/\">x</a>";
    const std::string ours = "DKIM-Signature: v=1; a=rsa-sha256;\r\n d=Ours.example; s=a; b=AA\r\n";
    const std::string theirs = "DKIM-Signature: v=1; s=d; d = theirs.example ;\r\n b=AA\r\n";
    EXPECT_EQ(rewrite(html_message(page, "7bit", "utf-8", ours), request).links, 1U);
    for (const std::string& fields :
         {theirs, ours + theirs, "ARC-Message-Signature: i=1; d=theirs.example\r\n" + ours}) {
        const Rewritten made = rewrite(html_message(page, "7bit", "utf-8", fields), request);
        EXPECT_EQ(made.content, "");
        EXPECT_EQ(made.protection, Protection::signed_by_others);
        EXPECT_EQ(made.signed_by, "theirs.example");
    }
}

// A multipart with text, HTML, an HTML attachment, a message and a picture: only the second changes.
TEST(Rewrite, ChangesNothingOutsideOfHtmlThatIsShown) {
    const std::string link = "<a href=\"https://a.example/\">x</a>";
    const std::string before = "Content-Type: multipart/mixed;\r\n boundary=\"outer (1)\"\r\n\r\npreamble " + link +
                               "\r\n--outer (1)\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n"
                               "--inner\r\n\r\n" +
                               link + "\r\n--inner  \r\nContent-Type: text/html\r\n\r\n";
    const std::string after =
        "\r\n--inner--\r\n\r\n--outer (1)\r\nContent-Type: text/html; name=a.html\r\n"
        "Content-Disposition: attachment\r\n\r\n" +
        link + "\r\n--outer (1)\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n" + link +
        "\r\n--outer (1)\r\nContent-Type: text/html\r\nContent-Type: text/plain\r\n\r\n" + link +
        "\r\n--outer (1)\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "PGEgaHJlZj0i\r\n--outer (1)--\r\nepilogue " +
        link;
    EXPECT_EQ(rewrite(before + link + after, links_alone()).content,
              before + "<a href=\"https://t.example/c/0\">x</a>" + after);
}

TEST(Rewrite, CountsLinksThroughAllParts) {
    const std::string html = "--b\r\nContent-Type: text/html\r\n\r\n<a href=\"https://a.example/\">x</a>\r\n";
    const Rewritten made =
        rewrite("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + html + html + "--b--\r\n", everything());
    EXPECT_EQ(made.links, 2U);
    EXPECT_EQ(made.images, 2U);
    EXPECT_THAT(made.content, HasSubstr("c/1"));
}

TEST(Rewrite, StopsAtItsBounds) {
    std::string deep = "Content-Type: text/html\r\n\r\n<a href=\"https://a.example/\">x</a>\r\n";
    for (std::size_t i = 0; i < depth_limit; ++i)
        deep =
            fmt::format("Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n{1}\r\n--b{0}--\r\n", i, deep);
    EXPECT_EQ(rewrite(deep, everything()).links, 1U);
    deep = fmt::format("Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{}\r\n--c--\r\n", deep);
    EXPECT_EQ(rewrite(deep, everything()).protection, Protection::nested_too_deeply);

    std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (std::size_t i = 0; i < part_limit; ++i) wide += "--b\r\n\r\nx\r\n";
    EXPECT_EQ(rewrite(wide, everything()).protection, Protection::has_too_many_parts);

    EXPECT_EQ(rewrite(html_message(std::string(message_limit_octets, 'x')), everything()).protection,
              Protection::is_too_large);

    std::string page;
    for (std::size_t i = 0; i < link_limit + 5; ++i) page += "<a href=\"https://a.example/\">x</a>\r\n";
    EXPECT_EQ(rewrite(html_message(page), links_alone()).links, link_limit);
    page.resize(part_limit_octets + 1, ' ');
    EXPECT_EQ(rewrite(html_message(page), everything()).content, "");
}

TEST(Rewrite, KeepsLinesOfQuotedPrintableLegal) {  // RFC 2045 §6.7
    std::string page, expected;
    for (int i = 0; i < 40; ++i) {
        const std::string begin = "<td style=\"é\"><a class=\"b\" href=\"";
        const std::string end = fmt::format("\" title=\"{}\">ñ</a>", std::string(90, 'z'));
        page += fmt::format("{}https://a.example/{}?x=1&amp;y={}{}", begin, i,
                            std::string(static_cast<std::size_t>(i) * 3, 'q'), end);
        expected += fmt::format("{}https://t.example/c/{}{}", begin, i, end);
    }
    const std::string encoded = mail::encode_quoted_printable(page + "\r\n</body>\r\n");
    const Rewritten made = rewrite(html_message(encoded, "quoted-printable"), everything());
    ASSERT_EQ(made.links, 40U);
    EXPECT_LE(longest_line(body_of(made.content)), 76U);
    EXPECT_TRUE(decoded(body_of(made.content), TransferEncoding::quoted_printable) ==
                expected + "\r\n" + std::string(image_tag) + "</body>\r\n");
}

TEST(Rewrite, EncodesBase64AgainInLinesOfTheSameLength) {  // RFC 2045 §6.8
    const std::string page = "<p>" + std::string(300, 'x') + "<a href=\"https://a.example/\">x</a></body>";
    const Rewritten made = rewrite(html_message(folded_base64(page), "base64"), links_alone());
    EXPECT_EQ(longest_line(body_of(made.content)), 76U);
    EXPECT_EQ(decoded(body_of(made.content), TransferEncoding::base64),
              "<p>" + std::string(300, 'x') + "<a href=\"https://t.example/c/0\">x</a></body>");
    EXPECT_EQ(rewrite(html_message("<not base64>", "base64"), everything()).content, "");
    EXPECT_EQ(rewrite(html_message(folded_base64(page) + "!", "base64"), everything()).content, "");
}

TEST(Rewrite, EndsALineThatWouldGrowTooLong) {  // RFC 5322 §2.1.1
    std::string page;
    for (int i = 0; i < 29; ++i) page += "<a href=\"https://a.example/\">x</a>";
    ASSERT_LT(page.size(), 998U);
    const Rewritten made = rewrite(html_message(page + "\r\n"), everything());
    EXPECT_EQ(made.links, 29U);
    EXPECT_LE(longest_line(body_of(made.content)), 998U);
    EXPECT_THAT(body_of(made.content), HasSubstr("<a \r\nhref=\"https://t.example/c/28\">x</a>"));
}

// Whatever the message: nothing asked for changes nothing, and a second look finds what the first has put there.
TEST(Rewrite, DiffersOnlyAtLinksAndTheImage) {
    std::mt19937 random(7);
    const std::vector<std::string> pieces{"<a href=\"https://a.example/\">",
                                          "<a id=1 href='http://b.example/?x=1&amp;y=2'>",
                                          "<area href=https://c.example/q>",
                                          "</a>",
                                          "</body>",
                                          "<p>",
                                          "text é ",
                                          "\r\n",
                                          "<!-- c -->",
                                          "<title>x</title>",
                                          "< a",
                                          "=",
                                          "<img src=\"x\">",
                                          "<a href=\"mailto:x@y.example\">"};
    for (int round = 0; round < 3'000; ++round) {
        std::string page, expected;
        std::size_t links = 0;
        for (std::size_t i = random() % 30; i > 0; --i) {
            const std::string& piece = pieces[random() % pieces.size()];
            page += piece;
            expected += piece;
            const std::size_t url = piece.find("http");
            if (url == std::string::npos) continue;
            const std::size_t end = piece.find_first_of("\"'>", url);
            expected.replace(expected.size() - piece.size() + url, end - url,
                             fmt::format("https://t.example/c/{}", links++));
        }
        const std::array<std::pair<std::string, TransferEncoding>, 3> encodings{
            std::pair{page, TransferEncoding::identity},
            std::pair{mail::encode_quoted_printable(page), TransferEncoding::quoted_printable},
            std::pair{folded_base64(page), TransferEncoding::base64}};
        const std::array<std::string_view, 3> names{"8bit", "quoted-printable", "base64"};
        for (std::size_t i = 0; i < encodings.size(); ++i) {
            const std::string message = html_message(encodings[i].first, names[i]);
            EXPECT_EQ(rewrite(message, {}).content, "");
            const Rewritten made = rewrite(message, links_alone());
            ASSERT_EQ(made.links, links) << page;
            if (links == 0) {
                EXPECT_EQ(made.content, "");
                continue;
            }
            EXPECT_EQ(made.content.substr(0, message.find("\r\n\r\n")), message.substr(0, message.find("\r\n\r\n")));
            std::string text = decoded(body_of(made.content), encodings[i].second);
            if (longest_line(page) < 700) ASSERT_EQ(text, expected) << page;
        }
    }
}

}  // namespace
}  // namespace relevo::tracking
