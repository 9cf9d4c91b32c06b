#include "lib/acme/renewal.h"

#include "lib/acme/answers.h"
#include "lib/acme/certificate.h"
#include "lib/acme/test_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::acme {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

// RFC 9773 Appendix A: key identifier 69:88:…:C8:D4, serial number 00:87:65:43:21.
constexpr std::string_view example_certificate = R"(-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
)";

TEST(Renewal, KnowsACertificateByItsIssuersKeyAndItsNumber) {  // RFC 9773 §4.1, with its example
    EXPECT_EQ(inspect_chain(example_certificate)->renewal_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    EXPECT_THAT(inspect_chain(issued_certificate("mail.example.com").certificate)->renewal_id, HasSubstr("."));
    const auto without = challenge_certificate("mail.example.com", "x", std::chrono::system_clock::now()).value();
    EXPECT_EQ(inspect_chain(without.certificate)->renewal_id, "") << "nobody signed it but itself";
}

TEST(Renewal, IsAskedForBelowTheAddressOfTheDirectory) {  // RFC 9773 §4.1
    EXPECT_EQ(renewal_address("https://ca.example/renewal-info", "a.b"), "https://ca.example/renewal-info/a.b");
    EXPECT_EQ(renewal_address("https://ca.example/renewal-info/", "a.b"), "https://ca.example/renewal-info/a.b");
    const HttpsUrl home = parse_https_url("https://ca.example/directory").value();
    const std::string rest = R"("newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",)"
                             R"("newOrder":"https://ca.example/o"})";
    EXPECT_EQ(parse_directory("{" + rest, home)->renewal_info, "");
    EXPECT_EQ(parse_directory(R"({"renewalInfo":"https://ca.example/r",)" + rest, home)->renewal_info,
              "https://ca.example/r");
    EXPECT_FALSE(parse_directory(R"({"renewalInfo":"https://other.example/r",)" + rest, home).has_value());
}

TEST(Renewal, ReadsTheWindowAndThePageForPeople) {  // RFC 9773 §4.2
    const auto info = parse_renewal_info(R"({"suggestedWindow":{"start":"2025-01-02T04:00:00Z",
        "end":"2025-01-03T04:00:00Z"},"explanationURL":"https://acme.example.com/docs/ari"})");
    ASSERT_TRUE(info.has_value()) << info.error().detail;
    EXPECT_EQ(info->start, std::chrono::system_clock::from_time_t(1735790400));
    EXPECT_EQ(info->end - info->start, hours(24));
    EXPECT_EQ(info->explanation, "https://acme.example.com/docs/ari");
    EXPECT_EQ(moment_of(*info, 0.5), info->start + hours(12));
    EXPECT_EQ(moment_of(*info, 7), info->end);
}

TEST(Renewal, BelievesNoWindowThatIsNone) {
    for (const std::string_view bad :
         {"", "{}", "[]", R"({"suggestedWindow":5})", R"({"suggestedWindow":{"start":"2025-01-02T04:00:00Z"}})",
          R"({"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-02T04:00:00Z"}})",
          R"({"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-01T04:00:00Z"}})",
          R"({"suggestedWindow":{"start":"0000-01-01T00:00:00Z","end":"0001-01-01T00:00:00Z"}})",
          R"({"suggestedWindow":{"start":"soon","end":"later"}})"})
        EXPECT_FALSE(parse_renewal_info(bad).has_value()) << bad;
}

TEST(Renewal, LooksAgainWhenTheAuthorityWishesWithinReason) {  // RFC 9773 §4.3
    EXPECT_EQ(pause_between_looks(std::nullopt), hours(6));
    EXPECT_EQ(pause_between_looks(seconds(21600)), hours(6));
    EXPECT_EQ(pause_between_looks(seconds(0)), minutes(1));
    EXPECT_EQ(pause_between_looks(hours(24 * 7)), hours(24));
}

}  // namespace
}  // namespace relevo::acme
