#include "lib/smtp/reply.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

std::string wire_of(const Reply& reply) {
    std::string wire;
    append_wire(wire, reply);
    return wire;
}

TEST(EnhancedStatus, ReadsWhatItWritesAndNothingElse) {  // RFC 3463 §2
    for (std::string_view good : {"2.0.0", "4.3.2", "5.7.1", "5.7.999", "5.999.30"})
        EXPECT_EQ(EnhancedStatus::parse(good).value().text(), good);
    for (std::string_view bad : {"", "5", "5.", "5.1", "5.1.", "5..1", "3.1.1", "1.0.0", "55.1.1", "5.1.1 ", " 5.1.1",
                                 "5.01.1", "5.1.00", "5.1000.1", "5.1.1000", "5.1.1.1", "5.-1.1", "5,1,1", "5.1.1\r"})
        EXPECT_FALSE(EnhancedStatus::parse(bad).has_value()) << bad;
}

TEST(Reply, WritesEveryLineWithCodeAndStatus) {  // RFC 5321 §4.2.1, RFC 2034 §4
    EXPECT_EQ(wire_of({250, EnhancedStatus{2, 1, 0}, "Ok"}), "250 2.1.0 Ok\r\n");
    EXPECT_EQ(wire_of({250, EnhancedStatus{2, 1, 0}, "one\ntwo"}), "250-2.1.0 one\r\n250 2.1.0 two\r\n");
    EXPECT_EQ(wire_of({250, std::nullopt, "mx.example\nPIPELINING"}), "250-mx.example\r\n250 PIPELINING\r\n");
    EXPECT_EQ(wire_of({354, std::nullopt, ""}), "354 \r\n");
    EXPECT_EQ(wire_of({250, std::nullopt, "a\n"}), "250-a\r\n250 \r\n");
}

TEST(Reply, CannotBeSplitByItsContent) {  // security row A9
    EXPECT_EQ(wire_of({550, std::nullopt, std::string("a\r250 b\0c\x7f\x1b", 11)}), "550 a?250 b?c??\r\n");
}

TEST(Reply, BreaksLongLinesBetweenWordsAndCharacters) {  // RFC 5321 §4.5.3.1.5
    std::string words, accents;
    for (int i = 0; i < 300; ++i) words += "word ";
    for (int i = 0; i < 700; ++i) accents += "ñ";
    for (const std::string& text : {words, accents, std::string(1500, 'x'), std::string(506, 'y')}) {
        const std::string wire = wire_of({550, EnhancedStatus{5, 7, 1}, text});
        std::string joined;
        for (std::size_t at = 0; at < wire.size();) {
            const std::size_t end = wire.find("\r\n", at);
            EXPECT_LE(end - at, 510U);
            EXPECT_EQ(wire.substr(at, 3), "550");
            EXPECT_NE(static_cast<unsigned char>(wire[at + 10]) & 0xC0, 0x80);
            joined += wire.substr(at + 10, end - at - 10);
            at = end + 2;
        }
        EXPECT_EQ(joined, text);
        EXPECT_EQ(parse_reply(wire).value().code, 550);
    }
}

TEST(Reply, ReadsBackWhatItWrites) {
    for (const Reply& reply : {Reply{250, EnhancedStatus{2, 1, 5}, "Ok"}, Reply{550, std::nullopt, "no\nsuch\nuser"},
                               Reply{421, EnhancedStatus{4, 3, 2}, ""}, Reply{354, std::nullopt, "go\tahead"}}) {
        const Reply read = parse_reply(wire_of(reply)).value();
        EXPECT_EQ(read.code, reply.code);
        EXPECT_EQ(read.status, reply.status);
        EXPECT_EQ(read.text, reply.text);
    }
}

struct Case {
    std::string_view wire;
    std::string_view one_line;
};

TEST(Reply, ReadsWhatPeersSend) {
    const Case cases[] = {
        {"250 Ok\r\n", "250 Ok"},
        {"250\r\n", "250"},  // RFC 5321 §4.2: clients must cope with a missing SP
        {"250 \r\n", "250"},
        {"250 Ok\n", "250 Ok"},  // bare LF
        {"250 Ok\r\r\n", "250 Ok"},
        {"550 5.1.1 no such user\r\n", "550 5.1.1 no such user"},
        {"550 5.1.1\r\n", "550 5.1.1"},
        {"550-5.1.1 no such\r\n550 5.1.1 user\r\n", "550 5.1.1 no such / user"},
        {"550-5.1.1 no such\r\n550 user\r\n", "550 5.1.1 no such / user"},
        {"550-no such\r\n550 5.1.1 user\r\n", "550 5.1.1 no such / user"},
        {"550 4.1.1 contradicts itself\r\n", "550 4.1.1 contradicts itself"},
        {"571 unusual second digit\r\n", "571 unusual second digit"},
        {"250-\r\n250 \r\n", "250"},
        {"550 \x1b[31mred\x07\r\n", "550 ?[31mred?"},
        {"550 a\rb\r\n", "550 a?b"},
        {"550 correo inv\xc3\xa1lido\r\n", "550 correo inv\xc3\xa1lido"},
    };
    for (const Case& c : cases) {
        const auto reply = parse_reply(c.wire);
        ASSERT_TRUE(reply.has_value()) << c.wire;
        EXPECT_EQ(reply->one_line(), c.one_line);
    }
    EXPECT_FALSE(parse_reply("550 4.1.1 contradicts itself\r\n").value().status.has_value());
}

TEST(Reply, RefusesWhatIsNoReply) {
    for (std::string_view bad : {"",
                                 "\r\n",
                                 "2\r\n",
                                 "25\r\n",
                                 "25 Ok\r\n",
                                 "2500 Ok\r\n",
                                 "250Ok\r\n",
                                 "250_Ok\r\n",
                                 "150 Ok\r\n",
                                 "600 Ok\r\n",
                                 "099 Ok\r\n",
                                 "+50 Ok\r\n",
                                 " 250 Ok\r\n",
                                 "abc Ok\r\n",
                                 "250 Ok",
                                 "250-Ok\r\n",
                                 "250-a\r\n550 b\r\n",
                                 "250 a\r\n250 b\r\n",
                                 "250-a\r\n\r\n",
                                 "HTTP/1.1 400 Bad Request\r\n",
                                 "* OK IMAP4 ready\r\n"}) {
        const auto reply = parse_reply(bad);
        ASSERT_FALSE(reply.has_value()) << bad;
        EXPECT_EQ(reply.error().kind, ErrorKind::invalid) << bad;
    }
}

TEST(Reply, BoundsLinesAndTheirNumber) {  // security row B1
    const std::string fits = "250 " + std::string(2042, 'x') + "\r\n";
    EXPECT_TRUE(parse_reply(fits).has_value());
    const std::string too_long = "250 " + std::string(2043, 'x') + "\r\n";
    EXPECT_EQ(parse_reply(too_long).error().kind, ErrorKind::limit);
    std::string lines;
    for (int i = 0; i < 99; ++i) lines += "250-x\r\n";
    EXPECT_TRUE(parse_reply(lines + "250 x\r\n").has_value());
    EXPECT_EQ(parse_reply(lines + "250-x\r\n250 x\r\n").error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace relevo::smtp
