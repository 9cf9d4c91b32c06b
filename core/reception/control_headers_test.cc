// Fields "X-Relevo-…" of a submission: what they ask for, and that nobody else sees them.
#include "core/reception/reception_fixture.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class ControlHeadersTest : public ReceptionTest {
 protected:
    ControlHeadersTest() {
        shared.pools_of = [](TenantId tenant) {
            return tenant == TenantId{1} ? std::vector<std::string>{"fast", "news"} : std::vector<std::string>();
        };
    }
    // The reply to a message with these fields.
    std::string reply_to(const std::string& fields) {
        Client client = connect();
        client.greets().logs_in().expects("235");
        client.begins_mail().sends("DATA").expects("354").sends_octets(fields + simple_mail + ".\r\n");
        return client.reply();
    }
};

TEST_F(ControlHeadersTest, ChooseStreamAndPoolAndAreTakenOut) {
    EXPECT_THAT(reply_to("x-relevo-stream: Bulk\r\nX-Relevo-Pool:\r\n NEWS\r\nX-Relevo-Tag: spring\r\n"),
                HasSubstr("250 "));
    ASSERT_THAT(accepted, SizeIs(1));
    EXPECT_EQ(accepted[0]->stream, mail::MessageStream::bulk);
    EXPECT_EQ(accepted[0]->pool, "news");
    EXPECT_THAT(content_of_last(), Not(HasSubstr("elevo-Stream")));
    EXPECT_THAT(content_of_last(), Not(HasSubstr("NEWS")));
    EXPECT_THAT(content_of_last(), Not(HasSubstr("spring")));
    EXPECT_THAT(content_of_last(), HasSubstr("Subject: hello"));
    const auto rows = store.rows();
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].stream, mail::MessageStream::bulk);
    EXPECT_EQ(rows[0].pool, "news") << "it travels with the message";
}

TEST_F(ControlHeadersTest, RefuseWhatTheyDoNotKnowAndSayWhatIsAllowed) {
    EXPECT_THAT(reply_to("X-Relevo-Stream: newsletter\r\n"),
                HasSubstr("550 5.6.0 X-Relevo-Stream is \"newsletter\": write transactional or bulk"));
    EXPECT_THAT(reply_to("X-Relevo-Pool: slow\r\n"),
                HasSubstr("550 5.6.0 X-Relevo-Pool is \"slow\": write fast or news"));
    EXPECT_THAT(reply_to("X-Relevo-Stream: bulk\r\nX-Relevo-Stream: bulk\r\n"), HasSubstr("X-Relevo-Stream is there"));
    shared.pools_of = nullptr;
    EXPECT_THAT(reply_to("X-Relevo-Pool: fast\r\n"), HasSubstr("leave the field out"));
    EXPECT_THAT(accepted, SizeIs(0));
}

TEST_F(ControlHeadersTest, GiveLabelsInOurFieldsAndInThoseOfOtherServicesAndAreTakenOut) {
    EXPECT_THAT(reply_to("X-Relevo-Tag: spring\r\nx-pm-tag: =?UTF-8?Q?oto=C3=B1o?=\r\nX-Mailgun-Tag: spring\r\n"
                         "X-Relevo-Metadata-Order: 4711\r\nX-PM-Metadata-color: blue\r\n"
                         "X-Mailgun-Variables: {\"shop\": 7,\r\n \"vip\": true}\r\n"
                         "X-SMTPAPI: {\"category\": [\"news\"], \"unique_args\": {\"order\": \"4712\"}}\r\n"),
                HasSubstr("250 "));
    ASSERT_THAT(accepted, SizeIs(1));
    const std::string origin = store.events(accepted[0]->id).at(0).detail;
    EXPECT_THAT(origin, HasSubstr(R"("tags":["spring","otoño","news"])"));
    EXPECT_THAT(origin, HasSubstr(R"("metadata":{"order":"4712","color":"blue","shop":"7","vip":"true"})"));
    EXPECT_THAT(origin, HasSubstr(R"("subject":"hello")"));
    for (const std::string_view field : {"X-", "x-pm", "4711", "blue", "news"})
        EXPECT_THAT(content_of_last(), Not(HasSubstr(std::string(field)))) << field;
}

TEST_F(ControlHeadersTest, RefuseLabelsThatCannotBeReadAndSayWhy) {
    std::string many;
    for (int i = 0; i < 11; ++i) many += "X-Relevo-Tag: t" + std::to_string(i) + "\r\n";
    for (const auto& [fields, problem] : std::vector<std::pair<std::string, std::string>>{
             {many, "a message has at most 10 tags"},
             {"X-PM-Tag: \r\n", "the tag is empty"},
             {"X-Relevo-Tag: " + std::string(129, 'a') + "\r\n", "a tag has at most 128 octets"},
             {"X-Relevo-Metadata-a: " + std::string(257, 'a') + "\r\n", "its value 256"},
             {"X-Mailgun-Variables: {a}\r\n", "it is no JSON"},
             {"X-Relevo-Metadata: [1]\r\n", "a JSON object is wanted"},
             {"X-SMTPAPI: {\"to\": [\"a@example.net\"]}\r\n", "send a message to each recipient"},
             {"X-SMTPAPI: {\"category\": 7}\r\n", "a text or a list of texts"}})
        EXPECT_THAT(reply_to(fields), HasSubstr(problem)) << fields;
    EXPECT_THAT(accepted, SizeIs(0));
}

TEST_F(ControlHeadersTest, SayWhatIsTrackedAndAreTakenOut) {
    for (const std::string_view wish : {"opens", "Clicks, OPENS", "none"})
        EXPECT_THAT(reply_to("X-Relevo-Track: " + std::string(wish) + "\r\n"), HasSubstr("250 "));
    EXPECT_THAT(content_of_last(), Not(HasSubstr("elevo-Track")));
    for (const std::string_view wrong : {"maybe", "opens;clicks", "opens,none", ""})
        EXPECT_THAT(reply_to("X-Relevo-Track: " + std::string(wrong) + "\r\n"),
                    HasSubstr("write opens, clicks, opens,clicks or none"));
    EXPECT_THAT(reply_to("X-Relevo-Track: none\r\nX-Relevo-Track: opens\r\n"), HasSubstr("X-Relevo-Track is there"));
    EXPECT_THAT(accepted, SizeIs(3));
}

TEST_F(ControlHeadersTest, TheCredentialSaysItWhereTheMessageDoesNot) {
    std::vector<Credential> credentials{credential(1, "crm")};
    credentials[0].stream = mail::MessageStream::bulk;
    const auto before = shared.directory.load();
    shared.directory = Directory::of(before->tenants(), {*before->domains_of(TenantId{1}).front()}, credentials, {});
    EXPECT_THAT(reply_to(""), HasSubstr("250 "));
    EXPECT_EQ(accepted.back()->stream, mail::MessageStream::bulk);
    EXPECT_THAT(reply_to("X-Relevo-Stream: transactional\r\n"), HasSubstr("250 "));
    EXPECT_EQ(accepted.back()->stream, mail::MessageStream::transactional);
}

TEST_F(ControlHeadersTest, OfStrangersMeanNothing) {
    listener.session.authentication = smtp::Authentication::offered;
    Client client = connect();
    client.greets().begins_mail("a@example.org", "b@inbound.example");
    client.sends_content("X-Relevo-Stream: newsletter\r\n" + simple_mail).expects("250");
    EXPECT_EQ(accepted.back()->stream, mail::MessageStream::transactional);
}

}  // namespace
}  // namespace relevo::test
