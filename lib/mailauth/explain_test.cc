#include "lib/mailauth/explain.h"

#include "lib/base/text.h"
#include "lib/mailauth/explain_texts.h"

#include <gtest/gtest.h>

#include <set>

namespace relevo::mailauth {
namespace {

using mail::Language;

std::vector<std::string> names_in(std::string_view text) {
    std::vector<std::string> names;
    for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1))
        names.emplace_back(text.substr(open, text.find('}', open) - open + 1));
    std::ranges::sort(names);
    return names;
}

TEST(Explain, HasATextForEveryResultThatThereIs) {
    std::set<std::string> expected;
    for (int i = 0; i <= static_cast<int>(IprevResult::permerror); ++i)
        expected.insert("iprev " + std::string(name_of(static_cast<IprevResult>(i))));
    for (int i = 0; i <= static_cast<int>(SpfResult::permerror); ++i)
        expected.insert("spf " + std::string(name_of(static_cast<SpfResult>(i))));
    for (int i = 0; i <= static_cast<int>(DkimResult::permerror); ++i)
        expected.insert("dkim " + std::string(name_of(static_cast<DkimResult>(i))));
    for (const auto result : {ArcResult::pass, ArcResult::fail, ArcResult::temperror})
        expected.insert("arc " + std::string(name_of(result)));
    for (const auto result : {DmarcResult::none, DmarcResult::pass, DmarcResult::temperror, DmarcResult::permerror})
        expected.insert("dmarc " + std::string(name_of(result)));
    for (const auto policy : {DmarcPolicy::none, DmarcPolicy::quarantine, DmarcPolicy::reject})
        expected.insert("dmarc fail-" + std::string(name_of(policy)));
    std::set<std::string> found;
    for (const ResultText& text : all_result_texts()) {
        const std::string name = std::string(text.method) + " " + std::string(text.result);
        EXPECT_TRUE(found.insert(name).second) << name << " stands there twice";
    }
    EXPECT_EQ(found, expected);
}

TEST(Explain, SaysTheSameInBothLanguages) {
    const auto same = [](const Bilingual& text) {
        EXPECT_EQ(names_in(text.english), names_in(text.spanish)) << text.english;
        EXPECT_EQ(text.english.empty(), text.spanish.empty()) << text.english;
        EXPECT_TRUE(is_utf8(text.spanish));
        if (!text.english.empty()) EXPECT_NE(text.english, text.spanish);
    };
    for (const ResultText& text : all_result_texts()) {
        same(text.meaning);
        same(text.advice);
        EXPECT_FALSE(text.meaning.english.empty());
        EXPECT_EQ(text.advice.english.empty(), text.status == ExplanationStatus::good)
            << text.method << " " << text.result << ": whoever is told of a problem is told what to do";
        same(method_text(text.method));
        EXPECT_FALSE(method_text(text.method).english.empty()) << text.method;
    }
    same(method_text("helo"));
}

MessageVerdicts verdicts_of_a_forwarded_message() {
    MessageVerdicts verdicts;
    verdicts.client_address = "192.0.2.7";
    verdicts.spf.push_back({.result = SpfResult::fail,
                            .domain = "example.org",
                            .sender = "ana@example.org",
                            .mechanism = "-all",
                            .explanation = {},
                            .reason = "matches -all",
                            .steps = {{0, "example.org TXT", "v=spf1 include:x.example -all"},
                                      {1, "include:x.example", "does not match"}}});
    verdicts.dkim.emplace();
    verdicts.arc = ArcVerdict{};
    verdicts.dmarc = DmarcVerdict{.result = DmarcResult::fail,
                                  .author_domain = "example.org",
                                  .organizational_domain = "example.org",
                                  .policy_domain = "example.org",
                                  .published = DmarcPolicy::reject,
                                  .disposition = DmarcPolicy::reject,
                                  .reason = "neither SPF nor DKIM passed for example.org"};
    return verdicts;
}

TEST(Explain, TellsStepByStepWhatToChange) {
    const auto items = explain(verdicts_of_a_forwarded_message(), Language::english);
    ASSERT_EQ(items.size(), 3U) << "without a chain there is nothing to say of ARC";
    EXPECT_EQ(items[0].status, ExplanationStatus::problem);
    EXPECT_EQ(items[0].title, "SPF fail: example.org");
    EXPECT_EQ(items[0].text,
              "Does example.org, the domain of the envelope sender ana@example.org, let 192.0.2.7 send for it?\n"
              "No: the record forbids it with -all. Receivers may refuse the message for this alone.\n"
              "Found: matches -all\n"
              "If 192.0.2.7 is one of your servers, add it to the SPF record of example.org. If the message was "
              "forwarded, this is usual: DKIM must carry it.");
    EXPECT_EQ(items[0].details, (std::vector<std::string>{"example.org TXT: v=spf1 include:x.example -all",
                                                          "  include:x.example: does not match"}));
    EXPECT_EQ(items[1].title, "DKIM none: no signature");
    EXPECT_EQ(items[2].title, "DMARC fail: example.org");
    EXPECT_NE(items[2].text.find("p=reject: receivers will refuse"), std::string::npos) << items[2].text;
    EXPECT_EQ(items[2].details, (std::vector<std::string>{"SPF passes for the author's domain: no",
                                                          "DKIM passes for the author's domain: no"}));
}

TEST(Explain, SpeaksSpanish) {
    const auto items = explain(verdicts_of_a_forwarded_message(), Language::spanish);
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[0].text,
              "¿Permite example.org, el dominio del remitente del sobre ana@example.org, que 192.0.2.7 envíe en su "
              "nombre?\n"
              "No: el registro lo prohíbe con -all. Los receptores pueden rechazar el mensaje solo por esto.\n"
              "Detalle (en inglés): matches -all\n"
              "Si 192.0.2.7 es uno de sus servidores, añádala al registro SPF de example.org. Si el mensaje fue "
              "reenviado, es lo normal: lo debe respaldar DKIM.");
    EXPECT_EQ(items[1].title, "DKIM none: sin firma");
    EXPECT_EQ(items[2].details.front(), "SPF confirma el dominio del autor: no");
}

TEST(Explain, SaysNothingOfWhatWasNotChecked) { EXPECT_TRUE(explain({}, Language::english).empty()); }

TEST(Explain, WarnsOfKeysInTesting) {  // RFC 6376 §3.6.1 t=y
    MessageVerdicts verdicts;
    verdicts.dkim = {{.result = DkimResult::pass, .domain = "example.org", .selector = "s", .is_testing = true}};
    const auto items = explain(verdicts, Language::english);
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].status, ExplanationStatus::notice);
    EXPECT_NE(items[0].text.find("t=y"), std::string::npos);
}

TEST(Explain, ShowsForeignValuesHarmlessAndBounded) {
    const std::string hostile = "{sender}\r\n\x1B[2J" + std::string(10'000, 'x');
    MessageVerdicts verdicts;
    verdicts.client_address = hostile;
    verdicts.spf.push_back({.result = SpfResult::permerror, .domain = hostile, .sender = hostile, .reason = hostile});
    verdicts.spf.back().steps.assign(1000, {7'000'000, hostile, hostile});
    verdicts.dkim = {{.result = DkimResult::fail, .domain = hostile, .selector = hostile, .reason = hostile}};
    verdicts.arc = ArcVerdict{.result = ArcResult::pass, .sealers = {hostile, hostile}};
    verdicts.dmarc = DmarcVerdict{.result = DmarcResult::none, .author_domain = hostile, .reason = hostile};
    for (const auto language : {Language::english, Language::spanish}) {
        const auto items = explain(verdicts, language);
        ASSERT_EQ(items.size(), 4U);
        for (const ExplanationItem& item : items) {
            EXPECT_LT(item.title.size() + item.text.size(), 4000U);
            EXPECT_LE(item.details.size(), 52U);
            EXPECT_EQ((item.title + item.text).find_first_of("\r\x1B"), std::string::npos) << item.text;
            EXPECT_EQ(item.title.find('\n'), std::string::npos);
            for (const std::string& detail : item.details) {
                EXPECT_LT(detail.size(), 240U);
                EXPECT_EQ(detail.find_first_of("\r\n\x1B"), std::string::npos) << detail;
            }
        }
    }
}

}  // namespace
}  // namespace relevo::mailauth
