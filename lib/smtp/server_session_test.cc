#include "lib/smtp/server_session.h"

#include "lib/smtp/conversation.h"

#include <gmock/gmock.h>

namespace relevo::smtp {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ServerSession, TakesAMessage) {  // RFC 5321 §3.3
    Conversation peer;
    peer.begins_transaction()
        .sends("DATA")
        .expects("354")
        .sends_octets("Subject: x\r\n\r\nbody\r\n.\r\n")
        .expects("250 2.0.0");
    peer.sends("QUIT").expects("221 2.0.0").expects_close("QUIT");
    ASSERT_EQ(peer.messages().size(), 1U);
    EXPECT_EQ(peer.messages()[0].content, "Subject: x\r\n\r\nbody\r\n");
    EXPECT_EQ(peer.messages()[0].envelope.reverse_path.text(), "a@example.com");
    ASSERT_EQ(peer.messages()[0].envelope.recipients.size(), 1U);
    EXPECT_EQ(peer.messages()[0].envelope.recipients[0].address.text(), "b@example.net");
}

TEST(ServerSession, TakesPipelinedGroupsInOrder) {  // RFC 2920 §3.1, §3.2
    Conversation peer;
    peer.sends("EHLO client.example").expects(250);
    peer.sends_octets("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<bad\r\nDATA\r\n");
    peer.expects("250 2.1.0").expects("250 2.1.5").expects("501 5.5.2").expects("354");
    peer.sends_octets("one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n");
    peer.expects("250 2.0.0").expects(250).expects(250).expects(354);
    peer.sends_octets("two\r\n.\r\nQUIT\r\n").expects(250).expects(221);
    ASSERT_EQ(peer.messages().size(), 2U);
    EXPECT_EQ(peer.messages()[1].content, "two\r\n");
    EXPECT_TRUE(peer.messages()[1].envelope.reverse_path.is_null());
}

}  // namespace
}  // namespace relevo::smtp
