#include "lib/mailauth/authentication_results.h"

#include "lib/base/text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

using mail::Utf8;

MessageVerdicts good_verdicts() {
    MessageVerdicts verdicts;
    verdicts.client_address = "192.0.2.7";
    verdicts.iprev = IprevVerdict{.result = IprevResult::pass, .name = "mail.example.org", .reason = ""};
    verdicts.spf.push_back({.result = SpfResult::pass, .domain = "example.org", .sender = "ana@example.org"});
    verdicts.spf.push_back({.result = SpfResult::none,
                            .identity = SpfIdentity::helo,
                            .domain = "mail.example.org",
                            .sender = "postmaster@mail.example.org",
                            .reason = "no record"});
    verdicts.dkim = {{.result = DkimResult::pass,
                      .domain = "example.org",
                      .selector = "s2026",
                      .identity = "@example.org",
                      .algorithm = "rsa-sha256",
                      .signature = "dGVz/A+=",
                      .key_bits = 2048}};
    verdicts.dmarc = DmarcVerdict{.result = DmarcResult::pass,
                                  .author_domain = "example.org",
                                  .policy_domain = "example.org",
                                  .published = DmarcPolicy::reject,
                                  .disposition = DmarcPolicy::none};
    verdicts.arc = ArcVerdict{.result = ArcResult::pass, .instances = 2, .oldest_pass = 1};
    return verdicts;
}

ReadResults read(std::string_view value) {
    auto results = parse_authentication_results(value);
    EXPECT_TRUE(results.has_value()) << value << ": " << (results ? "" : results.error().detail);
    return results ? *std::move(results) : ReadResults{};
}

std::string value_of(std::string_view field) { return std::string(field.substr(field.find(':') + 1)); }

// The longest line of a field, without its line end.
std::size_t longest_line(const std::string& field) {
    std::size_t longest = 0;
    for (const std::string_view line : split(field, '\n')) longest = std::max(longest, line.size());
    return longest - 1;
}

TEST(AuthenticationResults, SayWhatTheChecksFound) {  // RFC 8601 §2.7, RFC 6008, RFC 8617 §6
    EXPECT_EQ(authentication_results_field(reported_results("mx.example.com", good_verdicts()), Utf8::refused),
              "Authentication-Results: mx.example.com;\r\n"
              "\tiprev=pass (mail.example.org) policy.iprev=192.0.2.7;\r\n"
              "\tspf=pass smtp.mailfrom=ana@example.org;\r\n"
              "\tspf=none reason=\"no record\" smtp.helo=mail.example.org;\r\n"
              "\tdmarc=pass (p=reject at example.org) policy.dmarc=none\r\n"
              "\theader.from=example.org;\r\n"
              "\tarc=pass (i=2) header.oldest-pass=1 smtp.remote-ip=192.0.2.7;\r\n"
              "\tdkim=pass (2048-bit key) header.d=example.org header.i=@example.org\r\n"
              "\theader.s=s2026 header.a=rsa-sha256 header.b=\"dGVz/A+=\"\r\n");
}

TEST(AuthenticationResults, SayThatNothingWasChecked) {  // RFC 8601 §2.2 no-result
    const std::string field = authentication_results_field(reported_results("mx.example.com", {}), Utf8::refused);
    EXPECT_EQ(field, "Authentication-Results: mx.example.com; none\r\n");
    const ReadResults results = read(value_of(field));
    EXPECT_TRUE(results.content.results.empty() && results.deviations.empty());
}

TEST(AuthenticationResults, SayThatThereIsNoSignatureAndWhoLoggedIn) {  // RFC 8601 §2.7.1, §2.7.4
    MessageVerdicts verdicts;
    verdicts.login = "ana@example.org";
    verdicts.dkim.emplace();
    EXPECT_EQ(authentication_results_payload(reported_results("mx.example.com", verdicts), Utf8::refused),
              "mx.example.com;\r\n\tauth=pass smtp.auth=ana@example.org;\r\n\tdkim=none reason=\"no signature\"");
}

TEST(AuthenticationResults, QuoteAddressesOfIpv6) {
    MessageVerdicts verdicts;
    verdicts.client_address = "2001:db8::7";
    verdicts.iprev = IprevVerdict{.result = IprevResult::fail, .name = "", .reason = "no PTR record"};
    EXPECT_EQ(authentication_results_payload(reported_results("mx.example.com", verdicts), Utf8::refused),
              "mx.example.com;\r\n\tiprev=fail reason=\"no PTR record\" policy.iprev=\"2001:db8::7\"");
}

// security row C5: what a stranger wrote stays inside its value, for strict readers and for those that only look for
// ";" and "(".
TEST(AuthenticationResults, KeepHostileValuesInsideTheirPlace) {
    const std::vector<std::string> hostile = {
        "a@x.example; dkim=pass header.d=bank.example",
        "a@x.example(",
        "a@x.example)",
        "\"a; dmarc=pass\"@x.example",
        "\"a\\\" ; dmarc=pass\"@x.example",
        "x.example;dkim=pass",
        "x.example(;dkim=pass",
        "x.example\r\nSubject: forged",
        "x.example\r\n\tdkim=pass",
        "x.example\ndkim=pass",
        std::string("x.example\0.bank.example", 23),
        "x.example header.from=bank.example",
        "x.example\\",
        "\"",
        "\\\"; dkim=pass (\\",
        "x.example\x80\xff; dkim=pass",
        "=?utf-8?q?x=3B_dkim=3Dpass?=",
        "dominio\u202e.example",
        "@;.example",
        "(((((((((((((",
        std::string(5000, ';'),
    };
    for (const std::string& text : hostile) {
        MessageVerdicts verdicts = good_verdicts();
        verdicts.login = verdicts.client_address = text;
        verdicts.iprev->name = verdicts.iprev->reason = text;
        for (SpfVerdict& spf : verdicts.spf) spf.domain = spf.sender = spf.reason = text;
        DkimVerdict& dkim = verdicts.dkim->front();
        dkim.domain = dkim.selector = dkim.identity = dkim.algorithm = dkim.signature = dkim.reason = text;
        dkim.result = DkimResult::fail;
        verdicts.dmarc->author_domain = verdicts.dmarc->policy_domain = verdicts.dmarc->reason = text;
        verdicts.arc->reason = text;
        for (const Utf8 utf8 : {Utf8::refused, Utf8::allowed}) {
            const std::string field = authentication_results_field(reported_results("mx.example.com", verdicts), utf8);
            const ReadResults results = read(value_of(field));
            EXPECT_EQ(results.deviations, std::vector<std::string>{}) << field;
            EXPECT_EQ(results.content.authserv_id, "mx.example.com");
            std::vector<std::string> methods;
            for (const ReportedResult& result : results.content.results) methods.push_back(result.method);
            EXPECT_EQ(methods, (std::vector<std::string>{"auth", "iprev", "spf", "spf", "dmarc", "arc", "dkim"}));
            EXPECT_EQ(std::ranges::count(field, ';'), 7) << field;
            EXPECT_EQ(std::ranges::count(field, '('), std::ranges::count(field, ')')) << field;
            EXPECT_EQ(results.content.results.back().result, "fail");
            const auto header = mail::Header::parse(field);
            ASSERT_TRUE(header.has_value());
            EXPECT_EQ(header->fields().size(), 1U) << field;
            EXPECT_LT(longest_line(field), 998U);
            if (utf8 == Utf8::refused) EXPECT_TRUE(is_ascii(field)) << field;
        }
    }
}

TEST(AuthenticationResults, WriteDomainsAsALabels) {  // RFC 8616 §4
    MessageVerdicts verdicts;
    verdicts.spf.push_back({.result = SpfResult::pass, .domain = "x", .sender = "josé@señal.example"});
    verdicts.dmarc = DmarcVerdict{.author_domain = "señal.example"};
    const AuthenticationResults report = reported_results("correo.señal.example", verdicts);
    EXPECT_EQ(authentication_results_payload(report, Utf8::refused),
              "correo.xn--seal-hqa.example;\r\n\tspf=pass smtp.mailfrom=xn--seal-hqa.example;\r\n"
              "\tdmarc=none header.from=xn--seal-hqa.example");
    EXPECT_EQ(authentication_results_payload(report, Utf8::allowed),
              "correo.xn--seal-hqa.example;\r\n\tspf=pass smtp.mailfrom=\"josé@xn--seal-hqa.example\";\r\n"
              "\tdmarc=none header.from=xn--seal-hqa.example");
}

TEST(AuthenticationResults, LeaveOutValuesThatAreTooLong) {  // a domain cut short would be another one's
    MessageVerdicts verdicts;
    verdicts.spf.push_back({.result = SpfResult::fail, .domain = "x", .sender = std::string(330, 'a') + ".example"});
    EXPECT_EQ(authentication_results_payload(reported_results("mx", verdicts), Utf8::refused), "mx;\r\n\tspf=fail");
}

TEST(AuthenticationResults, AreBounded) {
    MessageVerdicts verdicts = good_verdicts();
    verdicts.dkim->assign(1000, verdicts.dkim->front());
    const std::string field = authentication_results_field(reported_results("mx", verdicts), Utf8::refused);
    EXPECT_LT(field.size(), 20'000U);
    EXPECT_LE(longest_line(field), 78U);
    EXPECT_EQ(read(value_of(field)).content.results.size(), 64U);
    AuthenticationResults wide{.authserv_id = "mx", .results = {}};
    for (auto& result : wide.results = std::vector<ReportedResult>(64)) {
        result = {.method = "x", .result = "pass", .comment = {}, .reason = {}, .properties = {}};
        result.properties.assign(1000, {"header", "d", std::string(300, 'd')});
    }
    EXPECT_LT(authentication_results_payload(wide, Utf8::refused).size(), 24'000U);
}

TEST(AuthenticationResults, ReadWhatLargeSystemsWrite) {
    struct Case {
        std::string_view value;
        std::string_view authserv_id;
        std::vector<std::string> results;
        std::vector<std::string> deviations;
    };
    const std::vector<Case> cases = {
        // As Gmail does.
        {" mx.google.com;\r\n       dkim=pass header.i=@example.org header.s=s1 header.b=aB/c9+dE;\r\n"
         "       spf=pass (google.com: domain of ana@example.org designates 192.0.2.1 as permitted sender) "
         "smtp.mailfrom=ana+x=y@example.org;\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org",
         "mx.google.com",
         {"dkim=pass", "spf=pass", "dmarc=pass"},
         {"\"aB/c9+dE\" should be quoted"}},
        // As Outlook does.
        {" spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; dkim=pass (signature was verified)\r\n"
         " header.d=example.org;dmarc=pass action=none header.from=example.org;compauth=pass reason=100",
         "",
         {"spf=pass", "dkim=pass", "dmarc=pass", "compauth=pass"},
         {"no authserv-id in front", "\"action\" has no property type"}},
        {" spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; contoso.example; dkim=none (message not "
         "signed)\r\n header.d=none;contoso.example; dmarc=none action=none header.from=example.org;",
         "",
         {"spf=pass", "dkim=none", "dmarc=none"},
         {"no authserv-id in front", "no result: \"contoso\"", "no result: \"contoso\"",
          "\"action\" has no property type", "an empty result"}},
        // As OpenDKIM and OpenDMARC do.
        {" mail.example.com;\r\n\tdkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org "
         "header.a=rsa-sha256 header.s=s1 header.b=\"aB/c9+dE\";\r\n\tdkim-atps=neutral",
         "mail.example.com",
         {"dkim=pass", "dkim-atps=neutral"},
         {}},
        {" OpenDMARC; dmarc=fail (p=reject dis=none) header.from=example.org", "OpenDMARC", {"dmarc=fail"}, {}},
        // As rspamd does.
        {" mx1.example.com;\r\n\tdkim=pass header.d=example.org header.s=s1 header.b=\"aB/c9+dE\";\r\n"
         "\tspf=pass (mx1.example.com: domain of ana@example.org designates 2001:db8::1 as permitted sender) "
         "smtp.mailfrom=ana@example.org;\r\n\tdmarc=pass (policy=none) header.from=example.org;\r\n\tarc=none",
         "mx1.example.com",
         {"dkim=pass", "spf=pass", "dmarc=pass", "arc=none"},
         {}},
        // As Yahoo did.
        {" atlas.example.com; dkim=unknown; spf=none smtp.mailfrom=; dmarc=unknown",
         "atlas.example.com",
         {"dkim=unknown", "spf=none", "dmarc=unknown"},
         {"an empty value"}},
        // RFC 8601 appendix B.7: comments in every place.
        {" foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
         "      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't "
         "expecting it) 1362471462",
         "foo.example.net",
         {"dkim=fail"},
         {}},
    };
    for (const Case& item : cases) {
        const ReadResults results = read(item.value);
        EXPECT_EQ(results.content.authserv_id, item.authserv_id);
        EXPECT_EQ(results.deviations, item.deviations) << item.value;
        std::vector<std::string> found;
        for (const ReportedResult& result : results.content.results)
            found.push_back(result.method + "=" + result.result);
        EXPECT_EQ(found, item.results) << item.value;
    }
}

TEST(AuthenticationResults, KeepCommentsReasonsAndProperties) {
    const ReadResults results = read(
        "mx.example.com; DKIM/2=Fail (a (b) \\) c; \"d\") reason=\"no key; really\" Header.D = example.org "
        "header.i=\"x y\"@example.org");
    EXPECT_EQ(results.deviations, std::vector<std::string>{});
    const ReportedResult expected{
        .method = "dkim",
        .version = 2,
        .result = "fail",
        .comment = "a b ? c, ?d?",
        .reason = "no key; really",
        .properties = {{"header", "d", "example.org"}, {"header", "i", "\"x y\"@example.org"}}};
    ASSERT_EQ(results.content.results.size(), 1U);
    EXPECT_EQ(results.content.results.front(), expected);
    EXPECT_EQ(results.content.results.front().property("header", "d"), "example.org");
    EXPECT_EQ(results.content.results.front().property("header", "s"), "");
}

TEST(AuthenticationResults, NameEachDeviation) {
    const std::vector<std::pair<std::string_view, std::string>> cases = {
        {"mx.example.com", "neither a result nor \"none\""},
        {"mx.example.com; none; spf=pass", "\"none\" beside results"},
        {"mx.example.com foo; spf=pass", "text in place of \";\""},
        {"mx.example.com; spf=pass;", "an empty result"},
        {"mx.example.com; spf pass; x=y", "no result: \"spf\""},
        {"mx.example.com; x_spf=pass", "method \"x_spf\" is no keyword"},
        {"mx.example.com; spf=", "result \"\" is no keyword"},
        {"mx.example.com; spf=pass smtp.mailfrom", "a property without value"},
        {"mx.example.com; spf=pass smtp.mailfrom=a smtp", "text that is no property"},
        {"mx.example.com; spf=pass smtp.mailfrom=a reason=b", "a reason behind properties"},
        {"mx.example.com; spf/x=pass", "the version of a method is no number"},
        {"mx@example.com; spf=pass", "the authserv-id is not a token"},
        {"mx.example.com; iprev=pass policy.iprev=2001:db8::1", "\"2001:db8::1\" should be quoted"},
    };
    for (const auto& [value, deviation] : cases) EXPECT_EQ(read(value).deviations, std::vector{deviation}) << value;
}

TEST(AuthenticationResults, RefuseWhatMeansNothing) {
    const std::vector<std::pair<std::string, ErrorKind>> cases = {
        {"", ErrorKind::invalid},
        {"; spf=pass", ErrorKind::invalid},
        {"(mx.example.com; spf=pass", ErrorKind::invalid},
        {"mx.example.com; spf=pass (a", ErrorKind::invalid},
        {"mx.example.com; spf=pass reason=\"a", ErrorKind::invalid},
        {"\"mx.example.com; spf=pass", ErrorKind::invalid},
        {"mx.example.com 2; spf=pass", ErrorKind::unsupported},
        {"mx.example.com 4294967297; spf=pass", ErrorKind::unsupported},
        {std::string(70'000, 'a'), ErrorKind::limit},
    };
    for (const auto& [value, kind] : cases) {
        const auto results = parse_authentication_results(value);
        ASSERT_FALSE(results.has_value()) << value;
        EXPECT_EQ(results.error().kind, kind) << value << ": " << results.error().detail;
    }
    std::string many = "mx.example.com";
    for (int i = 0; i < 201; ++i) many += ";a=b";
    EXPECT_EQ(parse_authentication_results(many).error().kind, ErrorKind::limit);
    std::string wide = "mx.example.com; a=b";
    for (int i = 0; i < 51; ++i) wide += " x.y=z";
    EXPECT_EQ(parse_authentication_results(wide).error().kind, ErrorKind::limit);
}

TEST(AuthenticationResults, RecogniseOurNameInEverySpelling) {  // RFC 8601 §5; security row C4
    using namespace std::string_view_literals;
    const auto forged = {
        "mx.example.com; spf=pass"sv, " MX.Example.COM;spf=pass"sv, "\r\n\tmx.example.com\r\n\t; spf=pass"sv,
        "mx.example.com.; spf=pass"sv, "mx.example.com 1; spf=pass"sv, "mx.example.com 99; spf=pass"sv,
        "mx.example.com (us) 1 ; spf=pass"sv, "(c) mx.example.com(c); none"sv, "\"mx.example.com\"; none"sv,
        "\"mx\\.example.com\" 1; none"sv, "mx.example.com\0; none"sv,
        "mx.\x01"
        "example.com; none"sv,
        "mx . example . com; none"sv, "mx.(c)example.com; none"sv, "mx.example.com/1; none"sv,
        "mx.example.com=x; none"sv, "mx.example.com"sv, "spf=pass smtp.mailfrom=a.example; mx.example.com; dkim=pass"sv,
        // Who cannot be read might be us.
        "(mx.example.com; spf=pass"sv, "\"mx.example.com; spf=pass"sv, ""sv, "; spf=pass"sv,
        "=?utf-8?q?mx.example.com?=; spf=pass"sv, "\xff; spf=pass"sv,
        "\uff4dx.example.com; spf=pass"sv,  // full-width m
    };
    for (const auto value : forged) EXPECT_TRUE(has_our_authserv_id(value, "mx.example.com")) << value;
    const auto foreign = {
        "mx.example.org; spf=pass"sv,
        "amx.example.com; spf=pass"sv,
        "mx.example.com.evil.example; spf=pass"sv,
        "other.example; spf=pass smtp.helo=mx.example.com"sv,
        "other.example; spf=pass (mx.example.com; x) reason=\"; mx.example.com;\""sv,
        "spf=pass smtp.mailfrom=a.example; other.example; dkim=pass"sv,
    };
    for (const auto value : foreign) EXPECT_FALSE(has_our_authserv_id(value, "mx.example.com")) << value;
}

TEST(AuthenticationResults, RecogniseOurNameInBothFormsOfItsLabels) {  // RFC 8616 §5
    for (const std::string_view ours : {"correo.señal.example", "correo.xn--seal-hqa.example"}) {
        EXPECT_TRUE(has_our_authserv_id("correo.señal.example; none", ours));
        EXPECT_TRUE(has_our_authserv_id("CORREO.XN--SEAL-HQA.example 1; none", ours));
        EXPECT_TRUE(has_our_authserv_id("\"correo.SEÑAL.example\"; none", ours));
        EXPECT_FALSE(has_our_authserv_id("correo.senal.example; none", ours));
    }
}

TEST(AuthenticationResults, GoOnEntryIfTheyClaimToBeOurs) {  // RFC 8601 §5; security row C4
    const std::string kept = "Authentication-Results: relay.example.org; spf=pass\r\n";
    const std::string forged = "authentication-results : MX.example.com;\r\n\tdmarc=pass header.from=bank.example\r\n";
    const std::string rest = "From: a@bank.example\r\n\r\nAuthentication-Results: mx.example.com; none\r\n";
    const std::string content = forged + forged + kept + forged + rest;
    const auto header = mail::Header::parse(content).value();
    mail::SubmissionFixes fixes;
    fixes.removed = forged_results(header, content, "mx.example.com");
    EXPECT_EQ(fixes.removed.size(), 2U) << "neighbours are one range";
    EXPECT_EQ(mail::apply_fixes("", content, fixes), kept + rest);
}

TEST(AuthenticationResults, AreReadAsTheyWereWritten) {  // row F10: round trip
    const AuthenticationResults report = reported_results("mx.example.com", good_verdicts());
    const std::string field = authentication_results_field(report, Utf8::refused);
    EXPECT_EQ(read(value_of(field)).content, report);
    EXPECT_EQ(authentication_results_field(read(value_of(field)).content, Utf8::refused), field);
}

}  // namespace
}  // namespace relevo::mailauth
