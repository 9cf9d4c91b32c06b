#include "app/relevo/path_metrics.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

EgressTable one_source() {
    EgressSource source;
    source.drained = true;
    return EgressTable::of_one(source);
}

SiteStatus site(std::string key, std::size_t ready) {
    SiteStatus made;
    made.key = std::move(key);
    made.ready = ready;
    made.lanes.push_back({.source = "default", .ready = ready, .connections = 2});
    return made;
}

TEST(PathMetrics, HaveABoundWhateverTheNumberOfSites) {
    std::vector<SiteStatus> sites;
    for (std::size_t i = 0; i < 1000; ++i) sites.push_back(site("mx" + std::to_string(i) + ".example", i));
    const std::string page = path_metrics(std::move(sites), one_source());
    EXPECT_THAT(page, HasSubstr("relevo_site_recipients{site=\"mx999.example\",state=\"ready\"} 999\n"));
    EXPECT_THAT(page, Not(HasSubstr("mx979.example")));
    EXPECT_THAT(page, HasSubstr("relevo_site_connections{site=\"other\"} 1960\n"));
    EXPECT_THAT(page, HasSubstr("relevo_source_connections{source=\"default\"} 2000\n"));
    EXPECT_THAT(page, HasSubstr("relevo_source_drained{source=\"default\"} 1\n"));
    EXPECT_LT(std::ranges::count(page, '\n'), 200);
}

TEST(PathMetrics, TellSitesThatRefuseApartFromThoseThatAreSlow) {
    std::vector<SiteStatus> sites{site("mx1.example", 1), site("mx2.example", 1), site("mx3.example", 1)};
    const auto hinder = [&](std::size_t index, shaping::Hindrance by) {
        sites[index].lanes.front().hindered = Hindered{.by = {}, .source = {}, .permission = {.hindrance = by}};
    };
    hinder(0, shaping::Hindrance::block);
    hinder(1, shaping::Hindrance::learned_rate);
    const std::string page = path_metrics(std::move(sites), one_source());
    EXPECT_THAT(page, HasSubstr("relevo_source_hindered_sites{source=\"default\"} 2\n"));
    EXPECT_THAT(page, HasSubstr("relevo_source_refused_sites{source=\"default\"} 1\n"));
}

TEST(PathMetrics, NamesFromTheDnsBreakNothing) {
    const std::string page = path_metrics({site("a\"} 1\nevil\\", 1)}, one_source());
    EXPECT_THAT(page, HasSubstr("relevo_site_connections{site=\"a\\\"} 1 evil\\\\\"} 2\n"));
}

}  // namespace
}  // namespace relevo
