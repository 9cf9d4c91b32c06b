// The public ARC suites: every validation case against ArcVerifier, every signing case against ArcSealer.
#include "lib/base/text.h"
#include "lib/mailauth/arc_sealer.h"
#include "lib/mailauth/arc_verifier.h"
#include "lib/mailauth/tag_list.h"

#include <boost/json/src.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace relevo::mailauth {
namespace {

using Records = std::map<std::string, std::string>;

boost::json::array suite(const std::string& name) {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    const std::string path =
        std::string(folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata") + "/arc/" + name;
    std::ifstream file(path);
    EXPECT_TRUE(file.is_open()) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    std::stringstream text;
    text << file.rdbuf();
    return boost::json::parse(text.str()).as_array();
}

std::string with_crlf(std::string_view text) {
    std::string lines;
    for (const char c : text) c == '\n' ? lines.append("\r\n") : lines.append(1, c);
    return lines;
}

// The suite folds long records with line feeds and spaces.
Records records_of(const boost::json::value& scenario) {
    Records records;
    for (const auto& [name, value] : scenario.at("txt-records").as_object())
        records[std::string(name)] = mail::unfolded(std::string_view(value.as_string()));
    return records;
}

Result<dns::Answer> look_up(const Records& records, const dns::Question& question) {
    dns::Answer answer;
    const auto found = records.find(question.name);
    if (found != records.end()) answer.texts.push_back(found->second);
    answer.name_exists = found != records.end();
    return answer;
}

ArcVerdict verdict_on(const std::string& content, const Records& records) {
    const auto header = mail::Header::parse(content).value();
    ArcVerifier verifier(header);
    verifier.update(std::string_view(content).substr(header.body_offset()));
    return dns::run(verifier.finish(std::chrono::system_clock::now()),
                    [&](const dns::Question& question) { return look_up(records, question); });
}

// Case → what we say instead, and the section that says so.
struct Exception {
    std::string result;
    std::string section;
};
const std::map<std::string, Exception> exceptions = {
    {"cv_fail_i1_as_cv_fail",
     {"fail", "RFC 8617 §5.2 step 2: cv=fail of the newest set is the status; the suite is silent"}},
    {"cv_fail_i2_as1_fail",
     {"fail", "RFC 8617 §5.2 step 3: no set of a chain that holds says cv=fail; the suite is silent"}},
    {"ams_fields_c_na",
     {"fail", "RFC 8617 §4.1.2, RFC 6376 §3.5: without c= it is simple/simple; this one was signed relaxed"}},
};

TEST(ArcSuite, IsJudgedAsThePublicSuiteSays) {
    int passed = 0;
    int total = 0;
    for (const auto& scenario : suite("validation.json")) {
        const Records records = records_of(scenario);
        for (const auto& [name, test] : scenario.at("tests").as_object()) {
            const std::string id(name);
            const auto exception = exceptions.find(id);
            const std::string expected = exception != exceptions.end()
                                             ? exception->second.result
                                             : to_lower(std::string_view(test.at("cv").as_string()));
            const ArcVerdict verdict = verdict_on(with_crlf(test.at("message").as_string()), records);
            EXPECT_EQ(name_of(verdict.result), expected)
                << id << ": " << test.at("description") << ": " << verdict.reason;
            EXPECT_EQ(verdict.reason.empty(), verdict.result != ArcResult::fail) << id;
            ++total;
            passed += name_of(verdict.result) == expected ? 1 : 0;
        }
    }
    std::cout << "ARC validation suite: " << passed << " of " << total << " passed, " << exceptions.size()
              << " by an exception of ours\n";
    EXPECT_EQ(total, 87);
}

// The results that this authserv-id wrote, put together as one (RFC 8617 §4.1.1).
AuthenticationResults merged_results(const mail::Header& header, const std::string& authserv_id) {
    AuthenticationResults merged{.authserv_id = authserv_id, .results = {}};
    for (const mail::Field& field : header.fields()) {
        if (!equals_ignoring_case(field.name, "Authentication-Results")) continue;
        auto read = parse_authentication_results(field.value).value();
        if (read.content.authserv_id != authserv_id) continue;
        for (ReportedResult& result : read.content.results) merged.results.push_back(std::move(result));
    }
    return merged;
}

// Relaxed, as a field is hashed: every run of white space is one space.
std::string squeezed(std::string_view text) {
    std::string words;
    for (const char c : trimmed(text)) {
        const bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_space || !words.ends_with(' ')) words += is_space ? ' ' : c;
    }
    return words;
}

std::map<std::string, std::string> tags_of(std::string_view field_value) {
    std::map<std::string, std::string> tags;
    const auto list = TagList::parse(field_value);
    if (!list) return tags;
    for (const Tag& tag : list->tags()) tags.emplace(tag.name, without_white_space(tag.value));
    return tags;
}

// Of an ARC-Seal all but b=: that depends on where the ARC-Message-Signature is folded, for folding is a space after
// relaxed canonicalisation (RFC 6376 §3.4.2), and everyone folds base 64 elsewhere. What we seal must verify instead.
std::map<std::string, std::string> without_signature(std::map<std::string, std::string> tags) {
    EXPECT_GT(tags["b"].size(), 100U);
    tags.erase("b");
    return tags;
}

TEST(ArcSuite, IsSealedAsThePublicSuiteSays) {
    int passed = 0;
    int total = 0;
    for (const auto& scenario : suite("signing.json")) {
        const Records records = records_of(scenario);
        const DkimIdentity identity{
            std::string(scenario.at("domain").as_string()), std::string(scenario.at("sel").as_string()),
            SigningKey::from_pem(std::string_view(scenario.at("privatekey").as_string())).value()};
        for (const auto& [name, test] : scenario.at("tests").as_object()) {
            const std::string content = with_crlf(test.at("message").as_string());
            const auto header = mail::Header::parse(content).value();
            ArcSealRequest request{
                .chain = verdict_on(content, records).result,
                .results = merged_results(header, std::string(test.at("srv-id").as_string())),
                .signed_names = split_colon_list(std::string_view(test.at("sig-headers").as_string()))};
            request.time = std::chrono::system_clock::time_point(std::chrono::seconds(test.at("t").as_int64()));
            ArcSealer sealer;
            sealer.update(std::string_view(content).substr(header.body_offset()));
            const auto fields = sealer.seal(header.fields(), request, identity);
            ASSERT_TRUE(fields.has_value()) << name << ": " << fields.error().detail;
            const auto sealed = mail::Header::parse(*fields).value();
            const auto value = [&](std::string_view field) { return sealed.find(field)->value; };
            const bool same =
                squeezed(value("ARC-Authentication-Results")) == squeezed(test.at("AAR").as_string()) &&
                tags_of(value("ARC-Message-Signature")) == tags_of(test.at("AMS").as_string()) &&
                without_signature(tags_of(value("ARC-Seal"))) == without_signature(tags_of(test.at("AS").as_string()));
            const ArcVerdict after = verdict_on(*fields + content, records);
            if (request.chain == ArcResult::fail)
                EXPECT_EQ(after.result, ArcResult::fail);
            else
                EXPECT_EQ(after.result, ArcResult::pass) << name << ": " << after.reason;
            EXPECT_TRUE(same) << name << "\n" << *fields;
            ++total;
            passed += same ? 1 : 0;
        }
    }
    std::cout << "ARC signing suite: " << passed << " of " << total << " passed\n";
    EXPECT_EQ(total, 9);
}

}  // namespace
}  // namespace relevo::mailauth
