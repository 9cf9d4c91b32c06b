// The published test suite of RFC 7208 (release 2014.04), all cases, with its explanations.
#include "lib/base/text.h"
#include "lib/dns/answer_table.h"
#include "lib/dns/name.h"
#include "lib/mailauth/spf_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <yaml-cpp/yaml.h>

namespace relevo::mailauth {
namespace {

std::string suite_file() {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    return std::string(folder != nullptr ? folder : RELEVO_SOURCE_DIR "/../shared/testdata") + "/spf/rfc7208-tests.yml";
}

constexpr std::size_t suite_cases = 203;

struct Exception {
    std::string_view name;  // of the case
    std::string_view why;   // with the section that decides
};
// Cases in which this implementation means to differ. There are none.
const std::vector<Exception> exceptions;

// A text of several strings is written as a list.
std::string text_of(const YAML::Node& value) {
    if (!value.IsSequence()) return value.as<std::string>();
    std::string text;
    for (const YAML::Node& part : value) text += part.as<std::string>();
    return text;
}

// The conventions of the suite: records written as SPF are published as TXT, unless the name has TXT of its own ("NONE"
// for none at all); TIMEOUT answers every question for which the name has no record.
void add_name(dns::AnswerTable& table, const std::string& name, const YAML::Node& records) {
    bool has_own_texts = false;
    bool times_out = false;
    std::vector<std::string> texts;
    std::vector<std::string> spf_texts;
    for (const YAML::Node& record : records) {
        if (record.IsScalar()) {
            times_out = true;
            continue;
        }
        const auto type = record.begin()->first.as<std::string>();
        const YAML::Node value = record.begin()->second;
        if (type == "TXT") {
            has_own_texts = true;
            if (text_of(value) != "NONE") texts.push_back(text_of(value));
        } else if (type == "SPF") {
            spf_texts.push_back(text_of(value));
        } else if (type == "A" || type == "AAAA") {
            table.address(name, text_of(value));
        } else if (type == "MX") {
            table.mx(name, value[0].as<std::uint16_t>(), value[1].as<std::string>());
        } else if (type == "CNAME") {
            table.cname(name, text_of(value));
        } else if (type == "PTR") {
            table.data(name, dns::RecordType::ptr, dns::encode_name(text_of(value)).value());
        } else {
            ADD_FAILURE() << "a record type that this test does not know: " << type;
        }
    }
    for (const std::string& text : has_own_texts ? texts : spf_texts) table.txt(name, text);
    if (!times_out) return;
    if (texts.empty()) table.mark(name, dns::RecordType::txt, dns::AnswerTable::Mark::timeout);
    table.mark(name, dns::RecordType::a, dns::AnswerTable::Mark::timeout);
}

std::vector<std::string> accepted_results(const YAML::Node& result) {
    if (!result.IsSequence()) return {result.as<std::string>()};
    return result.as<std::vector<std::string>>();
}

// What differs from the case; "" if nothing does.
std::string difference(const YAML::Node& example, const dns::AnswerTable& table) {
    SpfQuery query;
    query.client = dns::IpAddress::parse(example["host"].as<std::string>()).value();
    query.mail_from = example["mailfrom"].as<std::string>();
    query.helo = example["helo"].as<std::string>();
    const SpfVerdict verdict = dns::run(check_spf(query), table);
    const std::vector<std::string> accepted = accepted_results(example["result"]);
    if (std::ranges::find(accepted, name_of(verdict.result)) == accepted.end())
        return fmt::format("{} ({}), expected {}", name_of(verdict.result), verdict.reason,
                           fmt::join(accepted, " or "));
    if (!example["explanation"]) return "";
    // DEFAULT: the explanation of the receiver, not of the domain. The digits of IPv6 addresses may have any case.
    const auto wanted = example["explanation"].as<std::string>();
    if (equals_ignoring_case(verdict.explanation, wanted == "DEFAULT" ? "" : wanted)) return "";
    return fmt::format("explains \"{}\", expected \"{}\"", verdict.explanation, wanted);
}

TEST(SpfSuite, IsPassedAsAWhole) {  // RFC 7208, security row B6
    std::size_t total = 0;
    std::size_t passed = 0;
    std::size_t explained = 0;
    ASSERT_TRUE(std::ifstream(suite_file()).is_open())
        << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    for (const YAML::Node& scenario : YAML::LoadAllFromFile(suite_file())) {
        dns::AnswerTable table;
        for (const auto& name : scenario["zonedata"]) add_name(table, name.first.as<std::string>(), name.second);
        for (const auto& example : scenario["tests"]) {
            ++total;
            explained += example.second["explanation"] ? 1 : 0;
            const auto name = example.first.as<std::string>();
            const std::string problem = difference(example.second, table);
            const bool is_excepted =
                std::ranges::any_of(exceptions, [&](const Exception& exception) { return exception.name == name; });
            EXPECT_EQ(problem.empty(), !is_excepted)
                << scenario["description"].as<std::string>() << ", " << name << ": " << problem;
            passed += problem.empty() ? 1 : 0;
        }
    }
    std::cout << fmt::format("SPF suite: {} of {} cases passed, {} of them with an explanation\n", passed, total,
                             explained);
    EXPECT_EQ(total, suite_cases);
    EXPECT_GE(passed, suite_cases - exceptions.size());
}

}  // namespace
}  // namespace relevo::mailauth
