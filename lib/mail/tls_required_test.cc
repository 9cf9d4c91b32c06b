#include "lib/mail/tls_required.h"

#include <gtest/gtest.h>

namespace relevo::mail {
namespace {

bool is_optional(std::string_view header) {
    const auto parsed = Header::parse(header);
    return parsed.has_value() && says_tls_is_optional(*parsed);
}

TEST(TlsRequired, OnlyNoGivesUpTls) {  // RFC 8689 §5
    EXPECT_TRUE(is_optional("TLS-Required: No\r\n\r\n"));
    EXPECT_TRUE(is_optional("Subject: x\r\ntls-required:\r\n NO \r\n\r\n"));
    EXPECT_FALSE(is_optional("TLS-Required: Yes\r\n\r\n"));
    EXPECT_FALSE(is_optional("TLS-Required:\r\n\r\n"));
    EXPECT_FALSE(is_optional("TLS-Required: No, really\r\n\r\n"));
    EXPECT_FALSE(is_optional("TLS-Required: No\r\nTLS-Required: No\r\n\r\n")) << "which of them counts?";
    EXPECT_FALSE(is_optional("Subject: x\r\n\r\nTLS-Required: No\r\n")) << "that is the body";
}

}  // namespace
}  // namespace relevo::mail
