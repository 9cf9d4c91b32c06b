#include "lib/tracking/html_tags.h"

#include "lib/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <gumbo.h>
#include <random>
#include <set>
#include <string>

namespace relevo::tracking {
namespace {

using Places = std::set<std::pair<std::size_t, std::size_t>>;  // of values of href

Places links_found(std::string_view html) {
    Places places;
    HtmlTagReader reader(html);
    for (HtmlTag tag; reader.next(tag);)
        if (!tag.is_end && (equals_ignoring_case(tag.name, "a") || equals_ignoring_case(tag.name, "area")))
            if (const HtmlAttribute* href = tag.find("href"); href != nullptr && href->value_end > href->value_begin)
                places.emplace(href->value_begin, href->value_end);
    return places;
}

void collect(const GumboNode* node, std::string_view html, Places& places) {
    if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) return;
    const GumboElement& element = node->v.element;
    const GumboAttribute* href = gumbo_get_attribute(&element.attributes, "href");
    if ((element.tag == GUMBO_TAG_A || element.tag == GUMBO_TAG_AREA) && href != nullptr && *href->value != '\0') {
        std::string_view value(href->original_value.data, href->original_value.length);
        if (value.front() == '"' || value.front() == '\'') value = value.substr(1, value.size() - 2);
        const auto begin = static_cast<std::size_t>(value.data() - html.data());
        places.emplace(begin, begin + value.size());
    }
    for (unsigned i = 0; i < element.children.length; ++i)
        collect(static_cast<const GumboNode*>(element.children.data[i]), html, places);
}

// The same by a parser of the whole standard.
Places links_of_a_browser(std::string_view html) {
    GumboOutput* output = gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size());
    Places places;
    collect(output->root, html, places);
    gumbo_destroy_output(&kGumboDefaultOptions, output);
    return places;
}

TEST(HtmlTagReader, FindsTheLinksThatABrowserFinds) {
    const std::vector<std::string_view> pieces{"<a href=\"u\">",
                                               "<a href='v'>",
                                               "<a href=w>",
                                               "<A HREF = x >",
                                               "<area href=\"y\"/>",
                                               "<a href=z/>",
                                               "<a x=1 href=\"1\" href=\"2\">",
                                               "<a =href=\"3\">",
                                               "<a href>",
                                               "<a href=\"\">",
                                               "<a title='<b>' href=4>",
                                               "</a>",
                                               "</a href=\"5\">",
                                               "<p>",
                                               "</p>",
                                               "<div>",
                                               "</div>",
                                               "<!-- ",
                                               " -->",
                                               "--!>",
                                               "<!-->",
                                               "<!--->",
                                               "<!doctype html>",
                                               "<!x <a href=6>",
                                               "<?php >",
                                               "</ >",
                                               "</>",
                                               "< a href=7>",
                                               "<style>",
                                               "</style>",
                                               "<title>",
                                               "</title >",
                                               "<xmp>",
                                               "</xmp/>",
                                               "<textarea>",
                                               "</textarea>",
                                               "</textareas>",
                                               "text",
                                               "\n",
                                               "&lt;",
                                               "<b",
                                               "\"",
                                               "'",
                                               "<img src=\"a>b\">",
                                               "<a\nhref\n=\n\"8\"\n>",
                                               "<a href=\"9\"title=\"t\">"};
    std::mt19937 random(11);
    for (int round = 0; round < 20'000; ++round) {
        std::string html = "<body>";
        for (std::size_t i = random() % 14; i > 0; --i) html += pieces[random() % pieces.size()];
        ASSERT_EQ(links_found(html), links_of_a_browser(html)) << html;
    }
    const std::string_view script = "<script>if (a<b) x = '<a href=1>';</scripts></SCRIPT ><a href=2>";
    EXPECT_EQ(links_found(script), links_of_a_browser(script));
}

TEST(HtmlTagReader, SaysWhetherTheTextEndsInText) {
    const auto ends = [](std::string_view html) {
        HtmlTagReader reader(html);
        for (HtmlTag tag; reader.next(tag);) continue;
        return reader.ends_in_text();
    };
    EXPECT_TRUE(ends("<p>x"));
    EXPECT_TRUE(ends("<!-- x -->"));
    EXPECT_FALSE(ends("<p>x<!-- y"));
    EXPECT_FALSE(ends("<p>x<a href=\"y"));
    EXPECT_FALSE(ends("<style>x"));
}

// Texts that make readers with a tree or with a second look slow.
TEST(HtmlTagReader, TakesTimeInProportionToHostileText) {
    constexpr std::size_t size = 4'000'000;
    for (const std::string_view piece :
         {"<!---", "<!--x-->", "<b>", "</", "<a href=\"", "<a x", "<!--", "<title></titl", "<"}) {
        std::string html;
        while (html.size() < size) html += piece;
        const auto began = std::chrono::steady_clock::now();
        HtmlTagReader reader(html);
        for (HtmlTag tag; reader.next(tag);) continue;
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << piece;
    }
}

}  // namespace
}  // namespace relevo::tracking
