#include "lib/mailauth/dkim_signature.h"

#include "lib/mailauth/tag_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string hash(43, 'A');
const std::string whole = "v=1; a=rsa-sha256; d=example.com; s=sel; h=From:To; bh=" + hash + "=; b=AAAA";

DkimSignature read(std::string_view value) { return DkimSignature::read(value, SignatureForm::dkim); }

TEST(TagList, FollowsTheGrammar) {  // RFC 6376 §3.2
    const auto tags = TagList::parse(" a = 1 ;\r\n b_2=x y ; c=; ").value();
    EXPECT_EQ(tags.find("a"), "1");
    EXPECT_EQ(tags.find("b_2"), "x y");
    EXPECT_EQ(tags.find("c"), "") << "an empty value is a value";
    EXPECT_EQ(tags.find("A"), std::nullopt) << "names have a case";
    for (const std::string_view wrong :
         {"", ";", "a", "a;b=1", "=1", "1a=1", "a=1;;b=2", "a b=1", "a=\x01", "a=\xFF", "a=1; b=2; a=1"})
        EXPECT_FALSE(TagList::parse(wrong).has_value()) << wrong;
}

TEST(TagList, BoundsTheNumberOfTags) {
    std::string text;
    for (int i = 0; i < 101; ++i) text += "t" + std::to_string(i) + "=1;";
    EXPECT_EQ(TagList::parse(text).error().detail, "there are more than 100 tags");
}

TEST(TagList, FoldsAtSeventyEightOctets) {  // RFC 5322 §2.1.1
    std::string names;
    for (int i = 0; i < 60; ++i) names += i == 0 ? "Some-Field" : ":Some-Field";
    std::string field = fold_tags("DKIM-Signature", {{"v", "1"}, {"h", names}, {"b", ""}});
    fold_base64(field, std::string(300, 'Q'));
    for (std::string_view rest = field; !rest.empty();) {
        const std::size_t end = std::min(rest.find("\r\n"), rest.size());
        EXPECT_LE(end, 78U);
        rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    const auto tags = TagList::parse(std::string_view(field).substr(field.find(':') + 1)).value();
    EXPECT_EQ(without_white_space(tags.find("h").value()), names);
    EXPECT_EQ(without_white_space(tags.find("b").value()), std::string(300, 'Q'));
}

TEST(DkimSignature, ReadsEveryTag) {  // RFC 6376 §3.5
    const DkimSignature signature =
        read(whole + "; c=relaxed; q=dns/txt; t=10; x=20; l=5; i=a=3Bb@x.example.com; z=From:x");
    EXPECT_EQ(signature.problem, DkimResult::none) << signature.reason;
    EXPECT_EQ(signature.header_form, Canonicalisation::relaxed);
    EXPECT_EQ(signature.body_form, Canonicalisation::simple);
    EXPECT_EQ(signature.key_name, "sel._domainkey.example.com");
    EXPECT_EQ(signature.identity, "a;b@x.example.com");
    EXPECT_THAT(signature.signed_names, ElementsAre("From", "To"));
    EXPECT_EQ(signature.body_octets, 5U);
    EXPECT_EQ(signature.signed_at->time_since_epoch().count(), 10);
    EXPECT_EQ(signature.expires_at->time_since_epoch().count(), 20);
    EXPECT_EQ(signature.body_hash, std::string(32, '\0'));
}

struct Case {
    std::string_view tag;  // replaces the tag of that name, or is added
    DkimResult problem;
    std::string_view reason;
};
const std::vector<Case> cases = {
    {"v=2", DkimResult::neutral, "v=2"},
    {"a=rsa-sha1", DkimResult::policy, "RFC 8301"},  // security row C7
    {"a=rsa-md5", DkimResult::neutral, "a=rsa-md5"},
    {"a=x;y", DkimResult::neutral, "no tag"},
    {"c=future", DkimResult::neutral, "c=future"},
    {"c=simple/future", DkimResult::neutral, "c=simple/future"},
    {"q=dns/special", DkimResult::neutral, "q=dns/special"},
    {"d=", DkimResult::neutral, "d= is missing"},
    {"d=legitimate.com(.attacker.com", DkimResult::neutral, "d= is no domain"},  // security row C5: CVE-2020-12272
    {"d=a\"b.example", DkimResult::neutral, "d= is no domain"},
    {"s=", DkimResult::neutral, "s= is missing"},
    {"s=a b", DkimResult::neutral, "s= is no selector"},
    {"s=a'b", DkimResult::neutral, "s= is no selector"},
    {"h=", DkimResult::neutral, "h= is missing"},
    {"h=To:Subject", DkimResult::permerror, "From field is not signed"},
    {"h=From:T o", DkimResult::neutral, "no name of a field"},
    {"bh=AAAA", DkimResult::neutral, "32 octets"},
    {"bh=A*", DkimResult::neutral, "bh= is not base 64"},
    {"b=", DkimResult::neutral, "b= is missing"},
    {"b=A", DkimResult::neutral, "b= is not base 64"},
    {"l=-1", DkimResult::neutral, "l=-1 is no number"},
    {"l=99999999999999999999999", DkimResult::neutral, "is no number"},
    {"t=now", DkimResult::neutral, "t=now"},
    {"t=20; x=20", DkimResult::neutral, "expires"},
    {"i=example.com", DkimResult::neutral, "no \"@\""},
    {"i=@other.example", DkimResult::permerror, "not within"},
    {"i=@ample.com", DkimResult::permerror, "not within"},
    {"i==4@example.com", DkimResult::neutral, "i= is no identity"},
};

TEST(DkimSignature, NamesEveryProblem) {  // RFC 6376 §6.1.1
    for (const Case& one : cases) {
        std::string text;
        const std::string_view name = one.tag.substr(0, one.tag.find('='));
        const TagList tags = TagList::parse(whole).value();
        for (const Tag& tag : tags.tags())
            if (tag.name != name) text.append(tag.name).append("=").append(tag.value).append("; ");
        const DkimSignature signature = read(text + std::string(one.tag));
        EXPECT_EQ(name_of(signature.problem), name_of(one.problem)) << one.tag;
        EXPECT_THAT(signature.reason, HasSubstr(std::string(one.reason))) << one.tag;
    }
}

TEST(DkimSignature, MissesEveryTagThatIsRequired) {
    const TagList tags = TagList::parse(whole).value();
    for (const Tag& missing : tags.tags()) {
        std::string text;
        for (const Tag& tag : tags.tags())
            if (tag.name != missing.name) text.append(tag.name).append("=").append(tag.value).append("; ");
        EXPECT_EQ(read(text).reason, "the tag " + std::string(missing.name) + "= is missing");
    }
}

TEST(DkimSignature, NeedsNoVersionForArc) {  // RFC 8617 §4.1.2
    const DkimSignature signature = DkimSignature::read("i=1;" + whole.substr(4), SignatureForm::arc_message);
    EXPECT_EQ(signature.problem, DkimResult::none) << signature.reason;
}

}  // namespace
}  // namespace relevo::mailauth
