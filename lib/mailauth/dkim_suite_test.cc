// Messages and keys that others published as tests, through our verifier: the corpus of Mail::DKIM, messages of
// mail-auth and dkimpy, and the samples of RFC 6376 and RFC 8463.
#include "lib/mailauth/canonical_reference.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/dkim_test_peer.h"
#include "lib/mailauth/tag_list.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace relevo::mailauth {
namespace {

using namespace testing_peer;

std::string test_data(const std::string& path) {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    const std::string root = folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata";
    std::ifstream file(root + "/dkim/" + path, std::ios::binary);
    EXPECT_TRUE(file.is_open()) << path << ": the public test data is missing: set RELEVO_TESTDATA to its folder";
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// As it would travel: the files have LF or CRLF.
std::string with_crlf(std::string_view text) {
    std::string wire;
    for (const char c : text) {
        if (c == '\n' && !wire.ends_with('\r')) wire += '\r';
        wire += c;
    }
    return wire;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::stringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
    return lines;
}

// "name record", "name NXDOMAIN", "name ~~what happens~~", one a line.
Zone zone_of(const std::string& table) {
    Zone zone;
    for (const std::string& line : lines_of(table)) {
        const std::size_t space = line.find(' ');
        const std::string name = line.substr(0, space);
        const std::string_view record = trimmed(std::string_view(line).substr(space));
        if (record.starts_with("~~"))
            zone.fail(name, ErrorKind::temporary, record);
        else if (record != "NXDOMAIN")
            zone.publish(name, record == "\"\"" ? "" : record);
    }
    return zone;
}

// File → what we say instead of the table, and why.
struct Exception {
    std::string_view result;
    std::string_view because;
};
constexpr std::string_view sha1 = "rsa-sha1 must not count (RFC 8301 §3.1); the key has 512 bits besides (§3.2)";
constexpr std::string_view draft =
    "v=1 is required (RFC 6376 §3.5); these are signatures of drafts, most of them rsa-sha1";
constexpr std::string_view other_body = "the body was changed as well, so that no key is asked for";
const std::map<std::string, Exception> exceptions = {
    {"mine_ietf01_4.txt", {"neutral", draft}},     {"good_ietf01_1.txt", {"neutral", draft}},
    {"good_ietf01_2.txt", {"neutral", draft}},     {"good_rfc4871_3.txt", {"policy", sha1}},
    {"good_qp_1.txt", {"policy", sha1}},           {"good_qp_2.txt", {"policy", sha1}},
    {"good_qp_3.txt", {"policy", sha1}},           {"bad_ietf01_1.txt", {"neutral", draft}},
    {"bad_ietf01_2.txt", {"neutral", draft}},      {"bad_ietf01_3.txt", {"neutral", draft}},
    {"no_body_1.txt", {"neutral", draft}},         {"no_body_2.txt", {"neutral", draft}},
    {"no_body_3.txt", {"neutral", draft}},         {"goodkey_3.txt", {"policy", sha1}},
    {"badkey1_ed25519.txt", {"fail", other_body}},
};

bool agrees(std::string_view expected, DkimResult result) {
    if (expected == "pass") return result == DkimResult::pass;
    if (expected == "fail") return result == DkimResult::fail;
    return result != DkimResult::pass && result != DkimResult::fail;
}

TEST(DkimSuite, JudgesTheCorpusOfMailDkim) {
    const std::string table = test_data("FAKE_DNS.dat");
    std::size_t passed = 0, excepted = 0, total = 0;
    for (const std::string& line : lines_of(test_data("expected.tsv"))) {
        const auto columns = split(line, '\t');
        const std::string file(columns.at(0));
        Zone zone = zone_of(table);
        const auto verdicts = verify(with_crlf(test_data("corpus/" + file)), zone);
        const DkimVerdict verdict = verdicts.empty() ? DkimVerdict{} : verdicts.front();
        const auto exception = exceptions.find(file);
        const bool as_expected = agrees(columns.at(1), verdict.result);
        if (exception == exceptions.end())
            EXPECT_TRUE(as_expected) << file << " " << name_of(verdict.result) << ": " << verdict.reason;
        else
            EXPECT_EQ(name_of(verdict.result), exception->second.result) << file << ": " << verdict.reason;
        ++total;
        passed += as_expected ? 1 : 0;
        excepted += exception != exceptions.end() ? 1 : 0;
    }
    std::cout << "corpus: " << passed << "/" << total << " as its table says, " << excepted
              << " listed as exceptions\n";
    EXPECT_EQ(total, 29U);
    EXPECT_EQ(passed + excepted, total);
}

// What must not count any more still shows whether our canonical forms are right: the corpus as its table says, checked
// here with whatever hash and key its signatures have.
bool verifies_the_old_way(const mail::Header& header, const mail::Field& field, std::string_view body, Zone& zone) {
    const DkimSignature signature = DkimSignature::read(field.value, SignatureForm::dkim);
    const EVP_MD* hash = signature.algorithm_name == "rsa-sha1" ? EVP_sha1() : EVP_sha256();
    const std::string canonical = reference::canonical_body(body, signature.body_form, BareLineEnds::converted);
    std::string digest(static_cast<std::size_t>(EVP_MD_get_size(hash)), '\0');
    EVP_Digest(canonical.data(), signature.body_octets.value_or(canonical.size()),
               reinterpret_cast<unsigned char*>(digest.data()), nullptr, hash, nullptr);
    if (digest != decode_base64(without_white_space(TagList::parse(field.value)->find("bh").value())).value())
        return false;
    std::string input;
    SignedFields(header.fields()).append(input, signature.header_form, signature.signed_names, field.raw);
    append_signature_field(input, signature.header_form, field.raw);
    const auto answer = zone({signature.key_name, dns::RecordType::txt}).value();
    const TagList tags = TagList::parse(answer.texts.at(0)).value();
    const std::string der = decode_base64(without_white_space(tags.find("p").value())).value();
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), &EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key.get());
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.signature.data()),
                            signature.signature.size(), reinterpret_cast<const unsigned char*>(input.data()),
                            input.size()) == 1;
}

TEST(DkimSuite, CanonicalisesAsTheOldSignaturesOfTheCorpusDid) {
    std::size_t verified = 0, total = 0;
    for (const std::string& line : lines_of(test_data("expected.tsv"))) {
        const auto columns = split(line, '\t');
        if (columns.at(1) == "invalid") continue;
        Zone zone = zone_of(test_data("FAKE_DNS.dat"));
        const std::string content = with_crlf(test_data("corpus/" + std::string(columns.at(0))));
        const auto header = mail::Header::parse(content).value();
        const bool matches = verifies_the_old_way(header, *header.find("DKIM-Signature"),
                                                  std::string_view(content).substr(header.body_offset()), zone);
        EXPECT_EQ(matches, columns.at(1) == "pass") << columns.at(0);
        ++total;
        verified += matches ? 1 : 0;
    }
    std::cout << "canonical forms: of " << total << " old signatures " << verified << " verify, the others do not\n";
}

TEST(DkimSuite, PassesTheMessagesOfMailAuth) {
    std::size_t passed = 0;
    for (const char* number : {"001", "002", "003", "004", "005", "006"}) {
        const std::string text = test_data("mail-auth/" + std::string(number) + ".txt");
        const std::size_t end = text.find("\n\n");
        Zone zone = zone_of(text.substr(0, end));
        const auto at = std::chrono::sys_days(std::chrono::year(2022) / 11 / 8);  // one of them expires
        const auto verdicts = verify(with_crlf(std::string_view(text).substr(end + 2)), zone, at);
        EXPECT_FALSE(verdicts.empty());
        bool all = true;
        for (const DkimVerdict& verdict : verdicts) {
            EXPECT_EQ(name_of(verdict.result), "pass") << number << ": " << verdict.reason;
            all = all && verdict.result == DkimResult::pass;
        }
        passed += all ? 1 : 0;
    }
    std::cout << "mail-auth: " << passed << "/6\n";
}

TEST(DkimSuite, PassesTheMessagesOfDkimpy) {
    struct Case {
        std::string file;
        std::string key_name;
        std::string key;
        std::string result;
        std::string reason;
    };
    const std::string brisbane = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";  // RFC 8463 A.2
    const std::string rsa = test_data("dkimpy/test.txt");
    const std::vector<Case> cases = {
        {"ed25519test2.msg", "sed._domainkey.test.ex", test_data("dkimpy/eximtest.dns"), "pass", ""},
        {"rfc6376.signed.msg", "brisbane._domainkey.football.example.com", brisbane, "pass", ""},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", rsa, "pass", ""},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", test_data("dkimpy/test2.txt"), "pass", ""},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", test_data("dkimpy/test_tlsrpt.txt"),
         "permerror", "s= of the key record"},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", test_data("dkimpy/badk.txt"), "permerror",
         "k=ed25519-sha256"},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", test_data("dkimpy/badversion.txt"),
         "permerror", "is not DKIM1"},
        {"rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", test_data("dkimpy/test_bad.txt"),
         "permerror", "p= is no key"},
        {"test.message.baddomain", "test._domainkey.legitimate.com", rsa, "neutral", "d= is no domain"},
    };
    std::size_t passed = 0;
    for (const Case& one : cases) {
        Zone zone = Zone().publish(one.key_name, trimmed(one.key));
        const auto verdicts = verify(with_crlf(test_data("dkimpy/" + one.file)), zone);
        ASSERT_FALSE(verdicts.empty()) << one.file;
        const DkimVerdict& verdict = verdicts.front();
        EXPECT_EQ(name_of(verdict.result), one.result) << one.file << ": " << verdict.reason;
        EXPECT_NE(verdict.reason.find(one.reason), std::string::npos) << one.file << ": " << verdict.reason;
        passed += name_of(verdict.result) == one.result ? 1 : 0;
    }
    std::cout << "dkimpy: " << passed << "/" << cases.size() << "\n";
}

TEST(DkimSuite, ReadsTheKeysOfDkimpy) {  // with and without SubjectPublicKeyInfo around the key
    for (const char* file :
         {"1024_testkey_wo_markers.pub.rsa.txt", "1024_testkey_wo_markers.pub.txt", "2048_testkey_PKCS8.key.pub.txt",
          "2048_testkey_wo_markers.pub.rsa.txt", "2048_testkey_wo_markers.pub.txt", "ed25519test.dns"}) {
        const auto record = DkimKeyRecord::parse(test_data("dkimpy/" + std::string(file)));
        ASSERT_TRUE(record.has_value()) << file << ": " << record.error().detail;
        EXPECT_TRUE(record->key.has_value()) << file;
    }
}

// RFC 8463 appendix A.3: one message, two signatures.
TEST(DkimSuite, PassesTheExampleOfTheEd25519Standard) {
    const std::string content =
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
        " d=football.example.com; i=@football.example.com;\r\n"
        " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
        " subject : date : message-id : from : subject : date;\r\n"
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
        " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
        " d=football.example.com; i=@football.example.com;\r\n"
        " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
        " date : message-id : from : subject : date;\r\n"
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
        " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
        " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
        "From: Joe SixPack <joe@football.example.com>\r\n"
        "To: Suzie Q <suzie@shopping.example.net>\r\n"
        "Subject: Is dinner ready?\r\n"
        "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
        "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
        "\r\n"
        "Hi.\r\n"
        "\r\n"
        "We lost the game.  Are you hungry yet?\r\n"
        "\r\n"
        "Joe.\r\n";
    Zone zone;
    zone.publish("brisbane._domainkey.football.example.com",
                 "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        .publish(
            "test._domainkey.football.example.com",
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2"
            "jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
            "Ip3G+2kryOTIKT+l/K4w3QIDAQAB");
    const auto verdicts = verify(content, zone);
    ASSERT_EQ(verdicts.size(), 2U);
    for (const DkimVerdict& verdict : verdicts) EXPECT_EQ(name_of(verdict.result), "pass") << verdict.reason;
    EXPECT_EQ(verdicts[1].key_bits, 1024U);
}

}  // namespace
}  // namespace relevo::mailauth
