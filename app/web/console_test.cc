// The console as browsers get it: the address of each screen, caches, compression, and the rules for the browser.
#include "app/web/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

// Three files, one with a compressed form.
const std::string pack =
    "relevo console 1\n"
    "/index.html\ttext/html; charset=utf-8\t\"i1\"\t0\t6\t0\t0\n"
    "/assets/app-1.js\ttext/javascript; charset=utf-8\t\"a1\"\t6\t8\t14\t4\n"
    "/mark.svg\timage/svg+xml\t\"m1\"\t18\t5\t0\t0\n"
    "\n"
    "<html>script()GZIP<svg>";

std::string field(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.fields)
        if (key == name) return value;
    return "";
}

HttpResponse ask(std::string target, HttpFields fields = {}, std::string method = "GET") {
    const ConsoleFiles files = ConsoleFiles::parse(pack).value();
    return answer_console(files,
                          {.method = std::move(method), .target = std::move(target), .fields = std::move(fields)});
}

TEST(Console, GivesThePageAtTheAddressOfEveryScreen) {
    for (const char* target : {"/", "/domains", "/domains/new?x=1", "/messages/msg_1", "/domains/example.com"}) {
        const HttpResponse response = ask(target);
        EXPECT_EQ(response.status, 200U) << target;
        EXPECT_EQ(response.body, "<html>") << target;
        EXPECT_EQ(field(response, "Cache-Control"), "no-cache") << target;
    }
}

TEST(Console, GivesFilesWithTheirTypeAndLetsBrowsersKeepThem) {
    const HttpResponse script = ask("/assets/app-1.js");
    EXPECT_EQ(script.content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(script.body, "script()");
    EXPECT_THAT(field(script, "Cache-Control"), HasSubstr("immutable"));
    EXPECT_EQ(ask("/mark.svg").content_type, "image/svg+xml");
}

TEST(Console, HasNoPageInPlaceOfAFileThatIsNotThere) {
    EXPECT_EQ(ask("/assets/app-2.js").status, 404U);
    EXPECT_EQ(ask("/assets/x").status, 404U);
    EXPECT_EQ(ask("/favicon.ico").status, 404U);
    EXPECT_EQ(ask("/assets/../index.html").status, 404U);
}

TEST(Console, SaysThatTheBrowserHasIt) {  // RFC 9110 §13.1.2
    for (const char* given : {"\"i1\"", "W/\"i1\"", "\"x\", \"i1\"", "*"}) {
        const HttpResponse response = ask("/", {{"If-None-Match", given}});
        EXPECT_EQ(response.status, 304U) << given;
        EXPECT_EQ(response.body, "") << given;
        EXPECT_EQ(field(response, "ETag"), "\"i1\"") << given;
    }
    EXPECT_EQ(ask("/", {{"If-None-Match", "\"i2\""}}).status, 200U);
}

TEST(Console, CompressesForWhoTakesIt) {  // RFC 9110 §12.5.3
    for (const char* given : {"gzip", "br, GZIP;q=0.5", "deflate , gzip ; q=1"}) {
        const HttpResponse response = ask("/assets/app-1.js", {{"Accept-Encoding", given}});
        EXPECT_EQ(response.body, "GZIP") << given;
        EXPECT_EQ(field(response, "Content-Encoding"), "gzip") << given;
        EXPECT_EQ(field(response, "Vary"), "Accept-Encoding") << given;
    }
    for (const char* given : {"", "br", "gzip;q=0", "gzip;q=0.000"})
        EXPECT_EQ(ask("/assets/app-1.js", {{"Accept-Encoding", given}}).body, "script()") << given;
    EXPECT_EQ(field(ask("/", {{"Accept-Encoding", "gzip"}}), "Content-Encoding"), "");
}

TEST(Console, EveryAnswerCarriesTheRulesForTheBrowser) {  // security rows E2, E3
    for (const HttpResponse& response : {ask("/"), ask("/assets/app-1.js"), ask("/assets/none.js"),
                                         ask("/", {}, "POST"), ask("/", {{"If-None-Match", "*"}})}) {
        const std::string policy = field(response, "Content-Security-Policy");
        EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
        EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
        EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
        EXPECT_EQ(field(response, "X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(field(response, "Referrer-Policy"), "no-referrer");
    }
}

TEST(Console, OnlyLooks) {
    const HttpResponse response = ask("/domains", {}, "POST");
    EXPECT_EQ(response.status, 405U);
    EXPECT_EQ(field(response, "Allow"), "GET, HEAD");
}

TEST(ConsoleFiles, RefusesAPackThatIsDamaged) {
    for (const std::string& damaged :
         {std::string(), std::string("relevo console 1\n"), pack.substr(1), pack.substr(0, pack.size() - 1),
          std::string("relevo console 1\n/index.html\ttext/html\t\"x\"\t0\t99\t0\t0\n\nabc"),
          std::string("relevo console 1\n/index.html\ttext/html\n\nabc"),
          std::string("relevo console 1\n/other.html\ttext/html\t\"x\"\t0\t3\t0\t0\n\nabc")})
        EXPECT_FALSE(ConsoleFiles::parse(damaged).has_value()) << damaged;
}

TEST(ConsoleFiles, TheProgramHoldsAWholeConsole) {
    const auto files = ConsoleFiles::parse(embedded_console());
    ASSERT_TRUE(files.has_value()) << files.error().detail;
    const HttpResponse page = answer_console(*files, {.method = "GET", .target = "/"});
    EXPECT_THAT(page.body, HasSubstr("</html>"));
    EXPECT_THAT(page.body, Not(HasSubstr("style=")));
    // A reader without scripts gets a sentence in both languages.
    EXPECT_THAT(page.body, HasSubstr("lang=\"es\""));
    EXPECT_THAT(page.body, HasSubstr("lang=\"en\""));
}

}  // namespace
}  // namespace relevo
