// Recipients of submissions whose domains are looked up.
#include "core/reception/reception_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class ReceptionRecipients : public ReceptionTest {
 protected:
    ReceptionRecipients() {
        address_lists = std::make_shared<const addresscheck::AddressLists>(addresscheck::AddressLists::built_in());
        dns.mx("good.example", 10, "mx.good.example").mx("null.example", 0, "").address("host.example", "11.0.0.1");
        dns.fault("broken.example", MemoryResolver::Fault::servfail);
        dns.fault("forged.example", MemoryResolver::Fault::bogus);
    }
    std::string rcpt(Client& client, const std::string& address) {
        return client.sends("RCPT TO:<" + address + ">").reply();
    }
    void begin(Client& client) {
        client.greets().logs_in().expects("235");
        client.sends("MAIL FROM:<a@example.com>").expects("250");
    }
};

TEST_F(ReceptionRecipients, OnlyWhatIsCertainIsRefused) {  // RFC 7505
    Client client = connect();
    begin(client);
    EXPECT_THAT(rcpt(client, "b@good.example"), StartsWith("250"));
    EXPECT_THAT(rcpt(client, "b@missing.example"), StartsWith("550 5.1.2 The domain missing.example does not exist"));
    EXPECT_THAT(rcpt(client, "b@null.example"), StartsWith("556 5.1.10 "));
    EXPECT_THAT(rcpt(client, "b@host.example"), StartsWith("250")) << "no MX, but perhaps its address takes mail";
    EXPECT_THAT(rcpt(client, "b@broken.example"), StartsWith("250")) << "a fault of the DNS is not a missing domain";
    EXPECT_THAT(rcpt(client, "b@forged.example"), StartsWith("250"));
    EXPECT_THAT(rcpt(client, "b@routed.example"), StartsWith("250")) << "a route knows where it is";
    EXPECT_THAT(rcpt(client, "b@[192.0.2.1]"), StartsWith("250"));
    client.sends_content(simple_mail).expects("250");
    ASSERT_THAT(accepted, SizeIs(1));
    EXPECT_THAT(accepted[0]->envelope.recipients, SizeIs(6));
}

TEST_F(ReceptionRecipients, SaysWhatWasProbablyMeant) {
    Client client = connect();
    begin(client);
    EXPECT_THAT(rcpt(client, "b@gmaik.com"), HasSubstr("gmaik.com does not exist: did you mean gmail.com?"));
    EXPECT_THAT(rcpt(client, "b@hotmial.com"), HasSubstr("did you mean hotmail.com?"));
}

TEST_F(ReceptionRecipients, ADeadNameServerHoldsUpATransactionOnlySoLong) {
    dns.fault("slow.example", MemoryResolver::Fault::timeout);
    Client client = connect();
    begin(client);
    const Deadline began = Clock::now();
    EXPECT_THAT(rcpt(client, "b@slow.example"), StartsWith("250"));
    EXPECT_LT(Clock::now() - began, RecipientCheck::recipient_time + seconds(2));
}

TEST_F(ReceptionRecipients, StrangersAndASwitchedOffCheckAskNothing) {
    address_lists = std::shared_ptr<const addresscheck::AddressLists>();
    Client client = connect();
    begin(client);
    EXPECT_THAT(rcpt(client, "b@missing.example"), StartsWith("250"));
    EXPECT_THAT(dns.questions(), IsEmpty());
}

}  // namespace
}  // namespace relevo::test
