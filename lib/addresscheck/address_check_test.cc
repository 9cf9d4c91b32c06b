#include "lib/addresscheck/address_check.h"

#include "lib/addresscheck/typo_distance.h"
#include "lib/dns/answer_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace relevo::addresscheck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const AddressLists& lists() {
    static const AddressLists built_in = AddressLists::built_in();
    return built_in;
}

class AddressCheck : public testing::Test {
 protected:
    AddressCheck() {
        for (const char* domain : {"gmail.com", "gmial.com", "yahoo.es", "yomail.com", "empresa.example"})
            table.mx(domain, 10, "mx." + std::string(domain)).address("mx." + std::string(domain), "11.0.0.1");
    }
    AddressReport check(const std::string& text, HistoryOf history = {}) {
        return dns::run(check_address(text, lists(), PrivateAddresses::refused, std::move(history)),
                        [&](const dns::Question& question) {
                            ++questions;
                            return table(question);
                        });
    }
    dns::AnswerTable table;
    int questions = 0;
};

TEST_F(AddressCheck, AGoodAddressHasNothingAgainstIt) {
    const AddressReport report = check(" Ana.Garcia@Empresa.example ");
    EXPECT_EQ(report.verdict, Verdict::good);
    EXPECT_EQ(report.score, 100);
    EXPECT_EQ(report.address, "Ana.Garcia@empresa.example");
    EXPECT_THAT(report.findings, IsEmpty());
    EXPECT_THAT(report.mail.hosts, ElementsAre("mx.empresa.example"));
    EXPECT_LE(questions, 2) << "MX, and A of the first server";
}

struct OfDomain {
    const char* address;
    std::vector<Finding> findings;
    Verdict verdict;
};

TEST_F(AddressCheck, TheDomainDecidesWhetherMailCanArrive) {  // RFC 5321 §5.1, RFC 7505
    table.mx("null.example", 0, ".").address("www-only.example", "11.0.0.2").txt("nothing.example", "hello");
    table.mx("dangling.example", 10, "gone.example").mx("inside.example", 10, "mx.inside.example");
    table.address("mx.inside.example", "127.0.0.1").mx("second.example", 20, "mx.gmail.com");
    table.mx("second.example", 10, "gone.example").mx("roots.example", 10, ".").mx("roots.example", 20, "mx.gmail.com");
    table.mark("slow.example", dns::AnswerTable::Mark::timeout).mark("forged.example", dns::AnswerTable::Mark::bogus);
    table.mx("half.example", 10, "slow.example");
    const OfDomain cases[] = {
        {"a@missing.example", {Finding::no_such_domain}, Verdict::bad},
        {"a@null.example", {Finding::null_mx}, Verdict::bad},
        {"a@www-only.example", {Finding::no_mx}, Verdict::risky},
        {"a@nothing.example", {Finding::no_mail_server}, Verdict::bad},
        {"a@dangling.example", {Finding::no_server_address}, Verdict::bad},
        {"a@inside.example", {Finding::no_server_address}, Verdict::bad},
        {"a@second.example", {}, Verdict::good},
        {"a@roots.example", {}, Verdict::good},
        {"a@slow.example", {Finding::dns_trouble}, Verdict::unknown},
        {"a@forged.example", {Finding::dns_trouble}, Verdict::unknown},
        {"a@half.example", {Finding::dns_trouble}, Verdict::unknown},
        {"a@[192.0.2.1]", {Finding::address_literal}, Verdict::risky},
    };
    for (const OfDomain& expected : cases) {
        const AddressReport report = check(expected.address);
        EXPECT_EQ(report.findings, expected.findings) << expected.address;
        EXPECT_EQ(name_of(report.verdict), name_of(expected.verdict)) << expected.address;
    }
}

TEST_F(AddressCheck, ServersInsideTheNetworkCountWhereTheyAreAllowed) {
    table.mx("inside.example", 10, "mx.inside.example").address("mx.inside.example", "10.0.0.5");
    const DomainMail mail = dns::run(find_mail_servers("inside.example", PrivateAddresses::allowed), table);
    EXPECT_EQ(mail.state, MailState::receives);
}

TEST_F(AddressCheck, ALongListOfServersIsNotAskedToItsEnd) {
    for (int i = 0; i < 50; ++i)
        table.mx("many.example", static_cast<std::uint16_t>(i), "gone" + std::to_string(i) + ".example");
    EXPECT_EQ(check("a@many.example").mail.state, MailState::no_server_address);
    EXPECT_EQ(questions, 1 + 2 * static_cast<int>(mail_host_limit));
}

TEST_F(AddressCheck, SaysWhatWasProbablyMeant) {
    const std::pair<const char*, const char*> cases[] = {
        {"ana@gmial.com", "ana@gmail.com"},      // has mail servers: the list names it
        {"ana@hotmial.com", "ana@hotmail.com"},  //
        {"ana@yaho.es", "ana@yahoo.es"},         //
        {"ana@gmaik.con", "ana@gmail.com"},      // one slip in the name, one in the ending
        {"ana@hotmqil.com", "ana@hotmail.com"},  //
        {"ana@otlook.es", "ana@outlook.es"},     //
        {"ana@gmail.com.ar", "ana@gmail.com"},   // the same name with another ending
        {"ana@empresa-grande.con", "ana@empresa-grande.com"},
        {"ana@www.gmail.com", "ana@gmail.com"},
        {"Ana+x@telefonica.ent", "Ana+x@telefonica.net"},
    };
    for (const auto& [given, meant] : cases) {
        const AddressReport report = check(given);
        EXPECT_TRUE(report.has(Finding::typo)) << given;
        EXPECT_EQ(report.meant.value_or("nothing"), meant) << given;
        EXPECT_NE(report.verdict, Verdict::good) << given;
    }
}

TEST_F(AddressCheck, ADomainThatTakesMailIsNoSlip) {
    EXPECT_FALSE(check("ana@yomail.com").has(Finding::typo)) << "one letter from ymail.com, and a domain of its own";
    table.mark("hotmal.org", dns::AnswerTable::Mark::timeout);
    EXPECT_FALSE(check("ana@hotmal.org").has(Finding::typo)) << "perhaps it takes mail";
    for (const char* own : {"a@gmail.com", "a@yahoo.es"}) EXPECT_FALSE(check(own).meant.has_value()) << own;
}

TEST_F(AddressCheck, RepairsWhatHasOneReadingOnly) {
    const std::pair<const char*, const char*> cases[] = {
        {"ana@gmail,com", "ana@gmail.com"},        {"<ana@gmail.com>,", "ana@gmail.com"},
        {"mailto:ana@gmail.com", "ana@gmail.com"}, {"ana @ gmail.com", "ana@gmail.com"},
        {"ana@gmail..com", "ana@gmail.com"},       {"ana@@gmail.com", "ana@gmail.com"},
        {"ana@gmail.com.", "ana@gmail.com"},       {"ana@gmial,con", "ana@gmail.com"},
    };
    for (const auto& [given, meant] : cases) {
        const AddressReport report = check(given);
        EXPECT_THAT(report.findings, ElementsAre(Finding::syntax)) << given;
        EXPECT_EQ(report.meant.value_or("nothing"), meant) << given;
        EXPECT_EQ(report.score, 0);
    }
    EXPECT_EQ(questions, 0) << "what is no address has no domain to ask about";
    for (const char* hopeless : {"", "ana", "@", "ana@", "@gmail.com"})
        EXPECT_FALSE(check(hopeless).meant.has_value()) << hopeless;
}

TEST_F(AddressCheck, KnowsDisposableDomainsAndThoseBelow) {
    table.mx("mailinator.com", 10, "mx.gmail.com").mx("x.y.mailinator.com", 10, "mx.gmail.com");
    table.mx("notmailinator.com", 10, "mx.gmail.com");
    EXPECT_EQ(check("a@mailinator.com").verdict, Verdict::risky);
    EXPECT_TRUE(check("a@x.y.MAILINATOR.com").has(Finding::disposable));
    EXPECT_FALSE(check("a@notmailinator.com").has(Finding::disposable));
}

TEST_F(AddressCheck, KnowsRolesInBothLanguages) {
    for (const char* role : {"info", "Ventas", "ADMIN", "abuse+x", "facturacion", "no-reply"})
        EXPECT_TRUE(check(std::string(role) + "@empresa.example").has(Finding::role)) << role;
    for (const char* person : {"ana", "infos", "ventas.ana"})
        EXPECT_FALSE(check(std::string(person) + "@empresa.example").has(Finding::role)) << person;
    EXPECT_EQ(check("info@empresa.example").verdict, Verdict::risky);
}

TEST_F(AddressCheck, TakesAddressesInAllScripts) {  // RFC 6531
    table.mx("xn--espaa-rta.example", 10, "mx.gmail.com");
    EXPECT_EQ(check("ana@españa.example").verdict, Verdict::good) << "the domain travels as A-labels";
    const AddressReport report = check("josé@españa.example");
    EXPECT_THAT(report.findings, ElementsAre(Finding::needs_smtputf8));
    EXPECT_EQ(report.domain, "xn--espaa-rta.example");
    EXPECT_EQ(report.verdict, Verdict::good);
}

TEST_F(AddressCheck, OwnHistoryCounts) {
    const auto history = [](const mail::Address& address) {
        return History{.suppressed = address.local_part() == "complained" ? "complaint" : "",
                       .bounced = address.local_part() == "bounced"};
    };
    EXPECT_EQ(check("complained@gmail.com", history).verdict, Verdict::bad);
    EXPECT_THAT(check("bounced@gmail.com", history).findings, ElementsAre(Finding::bounced));
    EXPECT_EQ(check("ana@gmail.com", history).verdict, Verdict::good);
}

TEST_F(AddressCheck, ExplainsEveryFindingInBothLanguages) {
    AddressReport report;
    report.domain = "gmial.com";
    report.meant = "ana@gmail.com";
    report.syntax_problem = "no \"@\"";
    report.mail.problem = "SERVFAIL";
    report.history.suppressed = "complaint";
    std::set<std::string> names, reasons;
    for (int i = 0; i <= static_cast<int>(Finding::dns_trouble); ++i) {
        const auto finding = static_cast<Finding>(i);
        const Text english = explain(report, finding, mail::Language::english);
        const Text spanish = explain(report, finding, mail::Language::spanish);
        names.emplace(name_of(finding));
        reasons.insert(english.reason);
        reasons.insert(spanish.reason);
        EXPECT_FALSE(english.what_to_do.empty() || spanish.what_to_do.empty()) << name_of(finding);
        EXPECT_THAT(english.reason + spanish.reason, testing::Not(HasSubstr("{"))) << name_of(finding);
    }
    EXPECT_EQ(names.size(), 14U);
    EXPECT_EQ(reasons.size(), 28U) << "each says something of its own";
    EXPECT_EQ(explain(report, Finding::typo, mail::Language::english).reason,
              "gmial.com is probably a slip for gmail.com.");
    EXPECT_EQ(explain(report, Finding::no_such_domain, mail::Language::spanish).what_to_do, "Escriba ana@gmail.com.");
}

TEST(AddressLists, NamesTheLineThatIsWrong) {
    const std::pair<std::string, const char*> cases[] = {
        {"provider\tgmail.com\n", "line 1: has 2 columns"},
        {"# all well\nprovider\tgmail.com\t-\nprovidr\ta.com\t-\n", "line 3: the kind \"providr\""},
        {"provider\tnot a domain\t-\n", "line 1: \"not a domain\" is not a domain"},
        {"provider\tcom\t-\n", "a provider's domain has a dot"},
        {"provider\tgmail.com\tx\n", "the value must be \"-\""},
        {"provider\tgmail.com\t-\nprovider\tGMAIL.com\t-\n", "line 2: this provider stands there twice"},
        {"typo\ta.com\ta.com\n", "a mistake that means itself"},
        {"typo\ta.com\tb.com\ntypo\ta.com\tc.com\n", "line 2: this mistake stands there twice"},
        {"ending\tx.con\tcom\n", "an ending is one label"},
        {"role\tInfo\t-\n", "a role is a local part in small letters"},
        {"role\t\xff\t-\n", "is not UTF-8"},
        {"provider\ta.com\t-\ntypo\ta.com\tb.com\n", "as a provider and as a mistake"},
    };
    for (const auto& [file, problem] : cases) {
        const auto read = AddressLists::parse(file);
        ASSERT_FALSE(read.has_value()) << file;
        EXPECT_THAT(read.error().detail, HasSubstr(problem));
    }
    EXPECT_TRUE(AddressLists::parse("").has_value());
    EXPECT_TRUE(AddressLists::parse("role\tinfo\t-\r\n\r\n# end").value().is_role("info"));
    EXPECT_EQ(AddressLists::parse(std::string(AddressLists::limit_octets + 1, '#')).error().kind, ErrorKind::limit);
}

TEST(TypoDistance, CountsSlips) {
    EXPECT_EQ(typo_distance("gmail", "gmail", 2), 0U);
    EXPECT_EQ(typo_distance("gmial", "gmail", 2), 1U) << "two neighbours swapped";
    EXPECT_EQ(typo_distance("gmai", "gmail", 2), 1U);
    EXPECT_EQ(typo_distance("gmaill", "gmail", 2), 1U);
    EXPECT_EQ(typo_distance("gnail", "gmail", 2), 1U);
    EXPECT_EQ(typo_distance("gnal", "gmail", 2), 2U);
    EXPECT_EQ(typo_distance("gnal", "gmail", 1), 2U) << "more than the limit";
    EXPECT_EQ(typo_distance("example", "gmail", 2), 3U);
    EXPECT_EQ(typo_distance("", "ab", 2), 2U);
    EXPECT_EQ(typo_distance("a", "b", 0), 1U);
    EXPECT_EQ(typo_distance(std::string(65, 'a'), std::string(66, 'a'), 2), 3U) << "too long to be looked at";
    EXPECT_EQ(typo_distance(std::string(70, 'a'), std::string(70, 'a'), 2), 0U);
}

}  // namespace
}  // namespace relevo::addresscheck
