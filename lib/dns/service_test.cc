#include "lib/dns/service.h"

#include "lib/dns/name.h"

#include <gtest/gtest.h>

namespace relevo::dns {
namespace {

TEST(Service, IsReadAsItWasWritten) {  // RFC 2782, "The format of the SRV RR"
    const Service service{10, 1, 465, "mail.example.com"};
    EXPECT_EQ(decode_service(encode_service(service)).value(), service);
    EXPECT_EQ(service.text(), "10 1 465 mail.example.com");
    EXPECT_EQ(name_of(service_record), "SRV");
}

TEST(Service, TheRootMeansThatThereIsNone) {  // RFC 2782, "Target"
    EXPECT_EQ(decode_service(std::string(7, '\0'))->text(), "0 0 0 .");
}

TEST(Service, RefusesWhatEndsTooSoon) {
    for (std::size_t size = 0; size < 12; ++size)
        EXPECT_FALSE(decode_service(encode_service({0, 1, 587, "a.test"}).substr(0, size))) << size;
}

}  // namespace
}  // namespace relevo::dns
