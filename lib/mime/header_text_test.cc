#include "lib/mime/header_text.h"

#include <gtest/gtest.h>

namespace relevo::mime {
namespace {

TEST(HeaderText, DecodesEncodedWordsAndRemovesFolding) {  // RFC 2047 §2, §6.2
    for (const auto& [value, text] : {
             std::pair{" Your order\r\n", "Your order"},
             std::pair{" =?UTF-8?Q?Informaci=C3=B3n?= here", "Información here"},
             std::pair{" =?utf-8?B?UGVkaWRv?=\r\n =?utf-8?Q?_n=C3=BAmero?= 7", "Pedido número 7"},
             std::pair{" =?ISO-8859-1?Q?Espa=F1a?=", "España"},
             std::pair{" Espa\xc3\xb1"
                       "a",
                       "España"},
             std::pair{"", ""},
         })
        EXPECT_EQ(header_text(value), text) << value;
}

TEST(HeaderText, GivesUtf8WithoutControlCharactersWhateverItGets) {
    EXPECT_EQ(header_text(std::string_view("a\0b\x01 \xf1", 6)), "ab  ñ");
    EXPECT_EQ(header_text("=?x-nothing?Q?abc?="), "abc");  // an unknown charset
    EXPECT_EQ(header_text("=?UTF-8?Q?a=0D=0Ab?="), "a  b");
}

}  // namespace
}  // namespace relevo::mime
