#include "lib/mailsearch/query.h"

#include <gtest/gtest.h>

namespace relevo::mailsearch {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

Found found(std::string_view recipient, std::string_view sender = "shop@example.com", State state = State::delivered,
            std::uint8_t marks = 0) {
    return {.recipient = recipient, .sender = sender, .state = state, .marks = marks};
}

bool finds(std::string_view text, const Found& one) {
    const auto query = parse_query(text);
    EXPECT_TRUE(query.has_value()) << text << ": " << query.error().detail;
    return query.has_value() && matches(*query, one);
}

TEST(MailQuery, FindsByWholeAddressByItsBeginningAndByDomain) {
    for (const std::string_view text :
         {"to:ana@example.org", "to:ana@", "to:an", "to:@example.org", "domain:example.org", "ANA@Example.org",
          "example.org", "to:ana@ domain:example.org", ""})
        EXPECT_TRUE(finds(text, found("ana@example.org"))) << text;
    for (const std::string_view text : {"to:ana@example.net", "to:anna@", "domain:ample.org", "domain:example.net",
                                        "domain:example.net to:ana@", "from:ana@"})
        EXPECT_FALSE(finds(text, found("ana@example.org"))) << text;
}

TEST(MailQuery, HoldsForStateMarkAndSenderTogether) {
    const Found one = found("b@example.org", "shop@example.com", State::bounced, 5);
    EXPECT_TRUE(finds("status:bounced from:shop@ to:b@", one));
    EXPECT_TRUE(finds("status:scheduled", found("b@example.org", "shop@example.com", State::scheduled)));
    EXPECT_FALSE(finds("status:waiting", found("b@example.org", "shop@example.com", State::scheduled)));
    EXPECT_TRUE(finds("status:opened", one));
    EXPECT_TRUE(finds("status:Complained from:@example.com", one));
    EXPECT_FALSE(finds("status:clicked", one));
    EXPECT_FALSE(finds("status:delivered", one));
    EXPECT_FALSE(finds("status:bounced from:news@", one));
}

TEST(MailQuery, ReadsDaysTimesAndIds) {
    const auto query = parse_query(" after:2026-10-31T12:30:01Z\tbefore:2026-11-01 id:MSG_01H2 ").value();
    EXPECT_EQ(query.before, sys_days(year(2026) / 11 / 1));
    EXPECT_EQ(query.after, sys_days(year(2026) / 10 / 31) + std::chrono::seconds(12 * 3600 + 30 * 60 + 1));
    EXPECT_EQ(query.id, "msg_01h2");
    EXPECT_EQ(parse_query("msg_01h2").value().id, "msg_01h2");
}

TEST(MailQuery, ReadsWordsOfTheSubjectAndTagsWithBlanksInQuotationMarks) {
    const auto query = parse_query("subject:invoice tag:\"New customer\"\tsubject:\"your order\" to:ana@").value();
    EXPECT_EQ(query.subject, (std::vector<std::string>{"invoice", "your order"}));
    EXPECT_EQ(query.tags, std::vector<std::string>{"New customer"});
    EXPECT_EQ(query.to.prefix, "ana@");
    std::string many;
    for (int i = 0; i < 11; ++i) many += "tag:a ";
    EXPECT_EQ(parse_query(many).error().kind, ErrorKind::limit);
}

TEST(MailQuery, SaysWhatWouldBeUnderstood) {
    for (const std::string_view text :
         {"ana", "status:lost", "topic:offer", "subject:", "tag:\"open", "before:yesterday", "before:2026-13-01",
          "before:2026-02-30", "after:2026-01-01T25:00:00Z", "after:1969-01-01", "after:4052-10-01", "to:", "to:@",
          "domain:@"}) {
        const auto query = parse_query(text);
        ASSERT_FALSE(query.has_value()) << text;
        EXPECT_EQ(query.error().kind, ErrorKind::invalid) << text;
        EXPECT_NE(query.error().detail.find(": "), std::string::npos) << query.error().detail;
    }
    EXPECT_EQ(parse_query(std::string(query_limit + 1, 'a')).error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace relevo::mailsearch
