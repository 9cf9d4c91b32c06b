#include "lib/mime/message_view.h"

#include <gmock/gmock.h>

namespace relevo::mime {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

const std::string mixed =
    "From: =?UTF-8?Q?Mar=C3=ADa?= <maria@example.com>\r\n"
    "Subject: =?ISO-8859-1?Q?Factura_n=FAmero_7?=\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "A=F1o nuevo\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hola</p>\r\n"
    "--b--\r\n"
    "--a\r\nContent-Type: application/pdf; name=factura.pdf\r\nContent-Disposition: attachment; "
    "filename=\"../factura.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nSG9sYQ==\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhidden\r\n"
    "--a--\r\n";

TEST(MessageView, ShowsFieldsTextsAndFiles) {
    const MessageView view = view_message(mixed);
    EXPECT_THAT(view.fields, Contains(Pair("Subject", "Factura número 7")));
    EXPECT_THAT(view.fields, Contains(Pair("From", HasSubstr("María"))));
    EXPECT_THAT(view.text, HasSubstr("Año nuevo"));
    EXPECT_THAT(view.html, HasSubstr("<p>Hola</p>"));
    ASSERT_EQ(view.files.size(), 2U);
    EXPECT_EQ(view.files[0].type, "application/pdf");
    EXPECT_EQ(view.files[0].size, 4U);
    EXPECT_FALSE(view.files[0].is_inline);
    EXPECT_EQ(view.files[1].type, "message/rfc822");
    EXPECT_FALSE(view.is_cut);
}

TEST(MessageView, AnythingIsAMessage) {
    EXPECT_EQ(view_message("").text, "");
    EXPECT_THAT(view_message("Subject: x\r\n\r\n\xff\xfe text").text, HasSubstr("?? text"));
    EXPECT_TRUE(view_message("no field\r\nat all\r\n").html.empty());
}

// security row E10: neither depth nor number of parts nor size is the sender's to choose.
TEST(MessageView, IsBounded) {
    std::string nested = "Subject: deep\r\n";
    for (int i = 0; i < 2000; ++i)
        nested += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) +
                  "\r\n";
    EXPECT_TRUE(view_message(nested).is_cut);
    std::string many = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
    for (int i = 0; i < 300; ++i) many += "--a\r\nContent-Type: image/png\r\n\r\nx\r\n";
    const MessageView parts = view_message(many);
    EXPECT_TRUE(parts.is_cut);
    EXPECT_LE(parts.files.size(), 100U);
    const MessageView large = view_message("Subject: x\r\n\r\n" + std::string(600 * 1024, 'y'));
    EXPECT_TRUE(large.is_cut);
    EXPECT_EQ(large.text.size(), 512U * 1024U);
}

}  // namespace
}  // namespace relevo::mime
