#include "core/erasure/person_text.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

TEST(PersonText, TakesOutTheWholeAddressInAnyCase) {
    const PersonText bob("bob@example.net");
    EXPECT_EQ(bob.without("550 <Bob@Example.NET>: no such user"), "550 <erased@erased.invalid>: no such user");
    EXPECT_EQ(bob.without("bob@example.net, then bob@example.net."),
              "erased@erased.invalid, then erased@erased.invalid.");
    EXPECT_EQ(bob.without("https://a.example/?to=bob%40example.net&x=1"),
              "https://a.example/?to=erased@erased.invalid&x=1");
    EXPECT_EQ(bob.without(R"({"recipient":"bob@example.net"})"), R"({"recipient":"erased@erased.invalid"})");
}

TEST(PersonText, LeavesOtherAddresses) {
    const PersonText bob("bob@example.net");
    for (const char* text : {"jimbob@example.net", "jim.bob@example.net", "jim+bob@example.net", "bob@example.network",
                             "bob@example.net.au", "bob@example.net-works", "bob @example.net", ""})
        EXPECT_EQ(bob.without(text), text);
}

TEST(PersonText, KnowsTheAddressInEitherFormOfItsDomain) {
    const PersonText ana("ana@xn--bcher-kva.example");
    EXPECT_TRUE(ana.is("Ana@Bücher.example"));
    EXPECT_TRUE(ana.is("ana@xn--bcher-kva.example"));
    EXPECT_FALSE(ana.is("ana@xn--bcher-kva.example.org"));
    EXPECT_FALSE(ana.is("joana@xn--bcher-kva.example"));
}

TEST(PersonText, KeepsOfAnEventWhatHappenedAndNothingOfWhom) {
    using enum PersonText::EventOf;
    const char* const detail =
        R"({"recipient":"bob@example.net","status":"5.1.1","class":"unknown_user","reply":"550 Bob is gone",)"
        R"("agent":"Mozilla","address":"192.0.2.1","attempt":2,"said":["x"]})";
    EXPECT_EQ(
        PersonText::bare_detail(detail, recipient),
        R"({"recipient":"erased@erased.invalid","erased":true,"status":"5.1.1","class":"unknown_user","attempt":2})");
    EXPECT_EQ(PersonText::bare_detail(R"({"client":"192.0.2.1","subject":"Hi","size":7})", message),
              R"({"erased":true,"size":7})");
    EXPECT_EQ(PersonText::bare_detail("no JSON", message), R"({"erased":true})");
    const std::string bare = PersonText::bare_detail(detail, recipient);
    EXPECT_EQ(PersonText::bare_detail(bare, recipient), bare) << "a second time changes something";
}

}  // namespace
}  // namespace relevo
