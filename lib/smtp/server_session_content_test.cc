// DATA and BDAT: where messages end, what is refused, what is bounded (security rows A1, A2, A4, A6, A17).
#include "lib/smtp/conversation.h"

#include <gmock/gmock.h>

namespace relevo::smtp {
namespace {

using std::string_view_literals::operator""sv;
using testing::HasSubstr;

// --- A1: look-alikes of the end of data

struct LookAlike {
    std::string_view octets;
    std::string_view repaired;  // as it goes on where bare newlines are repaired; "" if it is refused there too
};
const std::vector<LookAlike> faulty_look_alikes = {{"\n.\n", "\r\n.\r\n"},
                                                   {"\n.\r\n", "\r\n.\r\n"},
                                                   {"\r.\r", "\r\n.\r\n"},
                                                   {"\r.\r\n", "\r\n.\r\n"},
                                                   {"\r\n.\n", "\r\n\r\n"},
                                                   {"\r\n.\r", "\r\n\r\n"},
                                                   {"\n.\r", "\r\n.\r\n"},
                                                   {"\r.\n", "\r\n.\r\n"},
                                                   {"\n\n.\r\n", "\r\n\r\n.\r\n"},
                                                   {"\n\r.\r\n", "\r\n\r\n.\r\n"},
                                                   {"\r\r.\r\n", "\r\n\r\n.\r\n"},
                                                   {"\r\n\r.\r\n", "\r\n\r\n.\r\n"},
                                                   {"\r\n\n.\r\n", "\r\n\r\n.\r\n"},
                                                   {"\r\n.\r\r\n", "\r\n\r\n\r\n"},
                                                   {"\r\n.\n\r\n", "\r\n\r\n\r\n"},
                                                   {"\r\n.\n\r", "\r\n\r\n\r\n"},
                                                   {"\n.\n.\r\n", "\r\n.\r\n.\r\n"},
                                                   {"\r\n.\0\r\n"sv, ""},
                                                   {"\r\n\0.\r\n"sv, ""},
                                                   {"\r\0\n.\r\n"sv, ""},
                                                   {"\r\n.\r\0\n"sv, ""},
                                                   {"\0\n.\n"sv, ""}};
// No line end is bare in these, so they are content: the second text is what goes on.
const std::vector<LookAlike> harmless_look_alikes = {{"\r\n..\r\n", "\r\n.\r\n"},
                                                     {"\r\n. \r\n", "\r\n \r\n"},
                                                     {"\r\n .\r\n", "\r\n .\r\n"},
                                                     {"\r\n.\t\r\n", "\r\n\t\r\n"},
                                                     {"\r\n.\x0b\r\n", "\r\n\x0b\r\n"},
                                                     {"\r\n.\x1a\r\n", "\r\n\x1a\r\n"},
                                                     {"\r\n.\xc2\x85\r\n", "\r\n\xc2\x85\r\n"},
                                                     {"\r\n.\xe2\x80\xa8\r\n", "\r\n\xe2\x80\xa8\r\n"},
                                                     {"\r\n\xe3\x80\x82\r\n", "\r\n\xe3\x80\x82\r\n"},
                                                     {"\r\nx.\r\n", "\r\nx.\r\n"}};

constexpr std::string_view smuggled =
    "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nspam\r\n";

TEST(ServerSessionContent, RefusesEveryLookAlikeOfTheEndOfData) {
    for (const LookAlike& look_alike : faulty_look_alikes) {
        SCOPED_TRACE(testing::PrintToString(std::string(look_alike.octets)));
        const bool nul = look_alike.octets.contains('\0');
        Conversation peer;
        peer.begins_transaction().sends("DATA").expects(354);
        peer.sends_octets("first" + std::string(look_alike.octets) + std::string(smuggled) + ".\r\n");
        if (!nul)
            peer.expects("550 5.6.11");
        else
            peer.expects("550 5.6");
        peer.expects_silence().sends("NOOP").expects(250);
        EXPECT_TRUE(peer.messages().empty());
        EXPECT_THAT(peer.steps(), Not(HasSubstr("evil@example.com> ")));
    }
}

TEST(ServerSessionContent, TakesOneMessageWhereBareNewlinesAreRepaired) {
    ServerOptions options = options_for_tests();
    options.bare_newlines = BareNewlines::repaired;
    for (const LookAlike& look_alike : faulty_look_alikes) {
        SCOPED_TRACE(testing::PrintToString(std::string(look_alike.octets)));
        Conversation peer(options);
        peer.begins_transaction().sends("DATA").expects(354);
        peer.sends_octets("first" + std::string(look_alike.octets) + std::string(smuggled) + ".\r\n");
        peer.expects(look_alike.repaired.empty() ? 550 : 250).expects_silence();
        ASSERT_EQ(peer.messages().size(), look_alike.repaired.empty() ? 0U : 1U);
        if (!peer.messages().empty())
            EXPECT_EQ(peer.messages()[0].content, "first" + std::string(look_alike.repaired) + std::string(smuggled));
    }
}

TEST(ServerSessionContent, LeavesHarmlessLookAlikesInTheMessage) {
    for (const LookAlike& look_alike : harmless_look_alikes) {
        Conversation peer;
        peer.begins_transaction().sends("DATA").expects(354);
        peer.sends_octets("first" + std::string(look_alike.octets) + std::string(smuggled) + ".\r\n").expects(250);
        ASSERT_EQ(peer.messages().size(), 1U);
        EXPECT_EQ(peer.messages()[0].content, "first" + std::string(look_alike.repaired) + std::string(smuggled));
    }
}

TEST(ServerSessionContent, SaysWhatToFix) {
    Conversation peer;
    peer.begins_transaction().sends("DATA").expects(354);
    peer.sends_octets("a\nb\r\n.\r\n").expects_text("every line must end with CRLF");
    peer.begins_transaction().sends("DATA").expects(354);
    peer.sends_octets("a\0b\r\n.\r\n"sv).expects_text("NUL octet in message");
    EXPECT_THAT(peer.steps(), HasSubstr("ended by bare CR or LF in message after: a\n"));
}

// --- A4: octets before their time

TEST(ServerSessionContent, ClosesWhenContentComesBeforeItIsAskedFor) {  // RFC 2920 §3.1
    for (std::string_view early : {"x", "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n", "RSET\r\n", "\r\n"}) {
        Conversation peer;
        peer.begins_transaction().sends_octets("DATA\r\n" + std::string(early));
        peer.expects("554 5.5.1").expects_close("octets sent before the answer to DATA");
        EXPECT_TRUE(peer.messages().empty());
    }
}

TEST(ServerSessionContent, NeverReadsEarlyContentAsCommandsWhenDataIsRefused) {
    Conversation peer;  // no transaction: DATA is out of order
    peer.sends("EHLO client.example").expects(250).sends_octets("DATA\r\n" + std::string(smuggled) + ".\r\n");
    peer.expects("554 5.5.1").expects_close("octets sent before");
    EXPECT_THAT(peer.steps(), Not(HasSubstr("evil")));
}

TEST(ServerSessionContent, ClosesWhenContentComesWhileTheVerdictIsAwaited) {
    const ServerOptions options = options_for_tests();
    ServerSessionDriver driver(options, TlsOffer::none, {});
    const Chunking whole = [](std::size_t available) { return available; };
    driver.send("EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n", whole);
    ServerSession& session = driver.session();
    session.receive(as_octets("DATA\r\n"));
    ASSERT_TRUE(std::holds_alternative<BeginContent>(session.next()));
    session.receive(as_octets("x"));
    session.answer({250, std::nullopt, ""});
    EXPECT_TRUE(std::holds_alternative<TransactionEnded>(session.next()));
    EXPECT_TRUE(std::holds_alternative<Close>(session.next()));
    EXPECT_TRUE(session.take_output().starts_with("554 5.5.1"));
}

// --- refusals and limits

TEST(ServerSessionContent, KeepsTheTransactionWhenDataIsRefusedForNow) {
    Verdicts verdicts;
    verdicts.content = {451, EnhancedStatus{4, 3, 0}, "Try later"};
    Conversation peer(options_for_tests(), TlsOffer::none, verdicts);
    peer.begins_transaction()
        .sends("DATA")
        .expects("451 4.3.0")
        .sends("DATA")
        .expects("451")
        .sends("MAIL FROM:<>")
        .expects(503);
}

TEST(ServerSessionContent, BoundsTheMessage) {  // RFC 1870 §6
    ServerOptions options = options_for_tests();
    options.message_size_limit = 10;
    Conversation peer(options);
    peer.begins_transaction().sends("DATA").expects(354).sends_octets("12345678\r\n.\r\n").expects(250);
    peer.begins_transaction().sends("DATA").expects(354).sends_octets("..345678\r\n..\r\n.\r\n").expects("552 5.3.4");
    peer.begins_transaction().sends("DATA").expects(354).sends_octets("123456789\r\n.\r\n");
    peer.expects_text("the limit is 10 octets");
    peer.sends("MAIL FROM:<a@example.com> SIZE=10").expects(250).sends("RSET").expects(250);
    peer.sends("MAIL FROM:<a@example.com> SIZE=11").expects("552 5.3.4");
    peer.sends("MAIL FROM:<a@example.com> SIZE=99999999999999999999").expects("552 5.3.4");
    peer.begins_transaction()
        .sends_octets("BDAT 4\r\nabcd")
        .expects(250)
        .sends_octets("BDAT 7 LAST\r\nabcdefg")
        .expects("552 5.3.4");
    peer.sends("NOOP").expects(250);
    EXPECT_EQ(peer.messages().size(), 1U);
}

TEST(ServerSessionContent, BoundsLinesOnlyWhereAsked) {
    Conversation any;
    any.begins_transaction().sends("DATA").expects(354).sends(std::string(100000, 'x')).sends(".").expects(250);
    ServerOptions options = options_for_tests();
    options.content_line_limit_octets = 998;
    Conversation limited(options);
    limited.begins_transaction().sends("DATA").expects(354).sends(std::string(998, 'x')).sends(".").expects(250);
    limited.begins_transaction()
        .sends("DATA")
        .expects(354)
        .sends(std::string(999, 'x'))
        .sends(".")
        .expects("500 5.5.2");
}

// --- A6: BDAT

TEST(ServerSessionContent, TakesChunks) {  // RFC 3030 §2, §4.2
    Conversation peer;
    peer.begins_transaction();
    peer.sends_octets("BDAT 5\r\n.\r\nabBDAT 0\r\nBDAT 3\r\nQUIBDAT 3 LAST\r\nT\r\nRSET\r\n");
    peer.expects_text("250 2.0.0 5 octets received")
        .expects(250)
        .expects_text("8 octets")
        .expects("250 2.0.0")
        .expects(250);
    ASSERT_EQ(peer.messages().size(), 1U);
    EXPECT_EQ(peer.messages()[0].content, ".\r\nabQUIT\r\n");
    peer.begins_transaction().sends("BDAT 0 LAST").expects(250);
    EXPECT_EQ(peer.messages().back().content, "");
    peer.begins_transaction().sends_octets("bdat 2 last\r\n\r\n").expects(250);
}

TEST(ServerSessionContent, ClosesOnAChunkOfUnknownSize) {
    for (std::string_view argument :
         {"", " ", " x", " -1", " +1", " 1x", " 0x10", " 1 LASTX", " 1 LAST LAST", " 1.0", " 9223372036854775808",
          " 18446744073709551616", " 99999999999999999999", " LAST"}) {
        Conversation peer;
        peer.begins_transaction().sends("BDAT" + std::string(argument)).expects("501 5.5.4").expects_close("BDAT");
    }
}

TEST(ServerSessionContent, CountsHugeChunksWithoutAllocatingThem) {
    for (std::string_view size : {"2147483648", "4294967296", "9223372036854775807"}) {
        Conversation peer;
        peer.begins_transaction().sends("BDAT " + std::string(size)).sends("NOOP").expects_silence();
        EXPECT_LT(peer.session().memory_octets(), 4096U);
        EXPECT_THAT(peer.steps(), HasSubstr("ended by message too big"));
    }
}

TEST(ServerSessionContent, DropsTheOctetsOfChunksOutOfOrder) {
    struct Case {
        std::vector<std::string_view> before;
        int code;
    };
    for (const Case& test :
         {Case{{}, 503}, Case{{"EHLO a.example"}, 503}, Case{{"EHLO a.example", "MAIL FROM:<a@example.com>"}, 554}}) {
        Conversation peer;
        for (std::string_view line : test.before) peer.sends(line).expects(250);
        peer.sends_octets("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").expects(test.code).expects(250).expects_silence();
    }
    ServerOptions without = options_for_tests();
    without.offers_chunking = false;
    Conversation peer(without);
    peer.begins_transaction().sends_octets("BDAT 6 LAST\r\nQUIT\r\n").expects("502 5.5.1");
}

TEST(ServerSessionContent, ForgetsChunksWithTheTransaction) {
    Conversation peer;
    peer.begins_transaction()
        .sends_octets("BDAT 3\r\nabcRSET\r\nBDAT 3 LAST\r\ndef")
        .expects(250)
        .expects(250)
        .expects(503);
    peer.begins_transaction().sends_octets("BDAT 3\r\nabcDATA\r\n").expects(250).expects("503 5.5.1");
    peer.sends("RCPT TO:<c@example.net>").expects(503).sends("MAIL FROM:<>").expects(503);
    peer.sends("EHLO a.example").expects(250).sends("BDAT 0 LAST").expects(503);
    EXPECT_TRUE(peer.messages().empty());
}

TEST(ServerSessionContent, RefusedChunksEndTheTransaction) {
    Verdicts verdicts;
    verdicts.content = {550, EnhancedStatus{5, 7, 1}, "No"};
    Conversation peer(options_for_tests(), TlsOffer::none, verdicts);
    peer.begins_transaction().sends_octets("BDAT 3\r\nabcBDAT 3 LAST\r\ndefNOOP\r\n");
    peer.expects("550 5.7.1").expects(503).expects(250);
    EXPECT_TRUE(peer.messages().empty());
}

TEST(ServerSessionContent, ChecksNewlinesOfChunksUnlessBinary) {
    Conversation peer;
    peer.begins_transaction().sends_octets("BDAT 3 LAST\r\na\nb").expects("550 5.6.11");
    peer.begins_transaction()
        .sends_octets("BDAT 2\r\na\rBDAT 2 LAST\r\n\nb")
        .expects(250)
        .expects(250);  // CRLF across chunks
    peer.begins_transaction().sends_octets("BDAT 2\r\na\rBDAT 2 LAST\r\nxb").expects(250).expects("550 5.6.11");
    peer.begins_transaction().sends_octets("BDAT 2 LAST\r\na\r").expects("550 5.6.11");
    peer.begins_transaction().sends_octets("BDAT 2 LAST\r\na\0"sv).expects("550 5.6");
    EXPECT_EQ(peer.messages().size(), 1U);
    peer.begins_transaction("MAIL FROM:<a@example.com> BODY=BINARYMIME").sends("DATA").expects("503 5.5.1");
    peer.sends_octets("BDAT 5 LAST\r\n\n\r\0.x"sv).expects(250);
    EXPECT_EQ(peer.messages().back().content, "\n\r\0.x"sv);
}

// --- memory

TEST(ServerSessionContent, GivesBuffersBack) {  // performance goal P7
    Conversation peer;
    peer.begins_transaction().sends("DATA").expects(354).sends(std::string(100000, 'x')).sends(".").expects(250);
    EXPECT_LE(peer.session().memory_octets(), 1024U);
    EXPECT_EQ(peer.messages()[0].content.size(), 100002U);
}

}  // namespace
}  // namespace relevo::smtp
