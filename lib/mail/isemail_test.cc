// The public is_email suite against Address::parse. Its judge reads headers (RFC 5322) and asks the DNS; ours reads
// envelopes, so one table says what each of its verdicts means here, and a second one what we judge otherwise.
#include "lib/mail/address.h"

#include <boost/json/src.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace relevo::mail {
namespace {

std::string test_data_folder() {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    return folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata";
}

// U+2400+n stands for control character n.
std::string with_control_characters(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("\xE2\x90") && i + 2 < text.size() && (text[i + 2] & 0x60) == 0) {
            plain += static_cast<char>(text[i + 2] & 0x1F);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

// Category of the suite → accepted here. Quoted local parts and address literals are RFC 5321 (ISEMAIL_RFC5321), what
// only the DNS can tell is not grammar (DNSWARN); comments, folding white space (CFWS), obsolete forms (DEPREC), and
// what RFC 5322 allows in headers only (RFC5322) are refused: RFC 5321 §4.1.2 has none of it.
const std::map<std::string, bool> accepted_categories = {
    {"ISEMAIL_VALID_CATEGORY", true}, {"ISEMAIL_DNSWARN", true},  {"ISEMAIL_RFC5321", true}, {"ISEMAIL_CFWS", false},
    {"ISEMAIL_DEPREC", false},        {"ISEMAIL_RFC5322", false}, {"ISEMAIL_ERR", false},
};

// Case → what we say instead, and the section that says so.
const std::map<std::string, std::pair<bool, std::string>> exceptions = {
    {"24", {false, "RFC 3696 §2: top-level domains are not all-numeric; 255.255.255.255 is an address to some"}},
};

TEST(IsEmailSuite, IsJudgedByTheTableOfCategories) {
    std::ifstream file(test_data_folder() + "/address/isemail.json");
    ASSERT_TRUE(file.is_open()) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    std::stringstream text;
    text << file.rdbuf();
    const auto cases = boost::json::parse(text.str()).as_array();
    EXPECT_EQ(cases.size(), 82U);
    for (const auto& entry : cases) {
        const std::string id(entry.at("id").as_string());
        const std::string written = with_control_characters(std::string_view(entry.at("address").as_string()));
        const auto exception = exceptions.find(id);
        const bool expected = exception != exceptions.end()
                                  ? exception->second.first
                                  : accepted_categories.at(std::string(entry.at("category").as_string()));
        const auto address = Address::parse(written, Utf8::allowed);
        EXPECT_EQ(address.has_value(), expected)
            << "case " << id << " " << entry << (address ? "" : ": " + address.error().detail);
        if (address) EXPECT_EQ(Address::parse(address->text(), Utf8::refused).value(), *address) << id;
    }
}

}  // namespace
}  // namespace relevo::mail
