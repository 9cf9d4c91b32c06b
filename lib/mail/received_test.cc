#include "lib/mail/message.h"

#include <gtest/gtest.h>

namespace relevo::mail {
namespace {

ReceivedInfo example() {
    ReceivedInfo info;
    info.client_name = "client.example";
    info.client_address = "192.0.2.1";
    info.client_reverse_name = "host.client.example";
    info.host_name = "mx.relevo.example";
    info.with = "ESMTPSA";
    info.tls = "TLSv1.3:TLS_AES_256_GCM_SHA384";
    info.id = "msg_01h2x";
    info.for_recipient = "bob@dest.example";
    info.time = std::chrono::sys_days{std::chrono::November / 23 / 2026} + std::chrono::hours(12);
    return info;
}

// The field must be one field that fits the line limits and holds no control characters.
Field only_field(const std::string& text) {
    static std::string kept;
    kept = text + "\r\nbody";
    const Header header = Header::parse(kept).value();
    EXPECT_EQ(header.fields().size(), 1U) << text;
    EXPECT_EQ(kept.substr(header.body_offset()), "body") << text;
    std::size_t column = 0;
    for (const char c : text) {
        column = c == '\n' ? 0 : column + 1;
        EXPECT_LE(column, 999U);
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\r' || c == '\n' || c == '\t') << text;
    }
    return header.fields().at(0);
}

TEST(Received, FollowsTheGrammar) {  // RFC 5321 §4.4, RFC 8314 §4.3
    EXPECT_EQ(received_field(example()),
              "Received: from client.example (host.client.example [192.0.2.1]) by\r\n"
              "\tmx.relevo.example with ESMTPSA id msg_01h2x for <bob@dest.example> tls\r\n"
              "\tTLS_AES_256_GCM_SHA384 (TLSv1.3); Mon, 23 Nov 2026 12:00:00 +0000\r\n");
}

TEST(Received, LeavesOutWhatIsUnknown) {
    ReceivedInfo info = example();
    info.client_address.clear();  // a submitter's address stays private
    info.tls.clear();
    info.for_recipient.clear();
    EXPECT_EQ(received_field(info),
              "Received: by mx.relevo.example with ESMTPSA id msg_01h2x;\r\n\tMon, 23 Nov 2026 12:00:00 +0000\r\n");
    info.client_address = "2001:db8::1";
    info.client_name.clear();
    info.client_reverse_name.clear();
    EXPECT_TRUE(received_field(info).starts_with("Received: from unknown ([IPv6:2001:db8::1]) by "));
}

TEST(Received, WritesAnUnregisteredCipherAsAComment) {
    ReceivedInfo info = example();
    info.tls = "TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384";
    const std::string text = unfolded(only_field(received_field(info)).value);
    EXPECT_NE(text.find("(TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384);"), std::string::npos) << text;
}

TEST(Received, MakesHostileNamesHarmless) {  // security row A9
    const std::vector<std::string> hostile = {"a\r\nX: y",
                                              "a\r\n\r\nbody",
                                              "a\nb",
                                              "(comment",
                                              "a) by evil.example (",
                                              "\"quoted",
                                              "a; b",
                                              "<a@b>",
                                              "a\\",
                                              std::string("a\0b", 3),
                                              std::string(1 << 16, 'a'),
                                              std::string(1 << 16, '('),
                                              "\xFF\xFE",
                                              "[192.0.2.1",
                                              "[IPv6:x]",
                                              "a b c",
                                              "\xE3\x80\x82",
                                              "${run{id}}"};
    for (const std::string& name : hostile) {
        ReceivedInfo info = example();
        info.client_name = info.client_reverse_name = info.host_name = info.with = info.tls = info.id = name;
        info.for_recipient = info.client_address = name;
        const std::string text = received_field(info);
        EXPECT_LT(text.size(), 1200U);
        const std::string value = unfolded(only_field(text).value);
        EXPECT_EQ(value.find_first_of("\"\\<>@{}$"), std::string::npos) << value;
        EXPECT_EQ(std::ranges::count(value, ';'), 1) << value;
        EXPECT_EQ(std::ranges::count(value, '('), std::ranges::count(value, ')')) << value;
    }
}

TEST(Received, KeepsLiteralsAndTurnsULabelsIntoALabels) {  // RFC 6531 §3.7.3
    ReceivedInfo info = example();
    info.client_name = "[IPv6:2001:DB8::2]";
    EXPECT_TRUE(received_field(info).starts_with("Received: from [IPv6:2001:db8::2] ("));
    info.client_name = "\xC3\xB1.example";
    EXPECT_TRUE(received_field(info).starts_with("Received: from xn--ida.example ("));
    info.for_recipient = "jos\xC3\xA9@x.example";
    EXPECT_EQ(received_field(info).find("for"), std::string::npos);
    info.with = "UTF8SMTPS";
    EXPECT_NE(received_field(info).find("<jos\xC3\xA9@x.example>"), std::string::npos);
}

TEST(Received, NamesTheRegisteredProtocols) {  // RFC 3848, RFC 6531 §4.3
    EXPECT_EQ(received_protocol(false, false, false, false), "SMTP");
    EXPECT_EQ(received_protocol(true, false, false, false), "ESMTP");
    EXPECT_EQ(received_protocol(true, true, false, false), "ESMTPS");
    EXPECT_EQ(received_protocol(true, false, true, false), "ESMTPA");
    EXPECT_EQ(received_protocol(true, true, true, false), "ESMTPSA");
    EXPECT_EQ(received_protocol(true, false, false, true), "UTF8SMTP");
    EXPECT_EQ(received_protocol(true, true, false, true), "UTF8SMTPS");
    EXPECT_EQ(received_protocol(true, false, true, true), "UTF8SMTPA");
    EXPECT_EQ(received_protocol(true, true, true, true), "UTF8SMTPSA");
}

}  // namespace
}  // namespace relevo::mail
