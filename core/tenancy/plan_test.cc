// Plans: what many tenants share, and what is set for one alone.
#include "core/tenancy/plan.h"

#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/store_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const WallClock::time_point now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 26} + std::chrono::hours(10)};

class Plans : public testing::Test {
 protected:
    template <class Work>
    std::string outcome(Work work) {
        const Result<void> done = store.write([&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(work(transaction));
            return {};
        });
        return done.has_value() ? "done" : std::string(name_of(done.error().kind)) + ": " + done.error().detail;
    }
    TenantId tenant(const std::string& name) {
        return store
            .write([&](Transaction& transaction) {
                return create_tenant(transaction, name, mail::Language::english, now);
            })
            .value();
    }
    PlanId add(const Plan& plan) {
        const auto made = store.write([&](Transaction& transaction) { return create_plan(transaction, plan, now); });
        EXPECT_TRUE(made.has_value()) << made.error().detail;
        return made.value_or(PlanId{});
    }
    void give(TenantId to, std::optional<PlanId> plan) {
        EXPECT_EQ(outcome([&](Transaction& transaction) { return set_tenant_plan(transaction, to, plan); }), "done");
    }
    // The quotas of a tenant as "month 100 wait plan".
    std::vector<std::string> quotas(TenantId of) {
        std::vector<std::string> lines;
        const auto all = store.read([](Reader& reader) { return list_quotas(reader); }).value();
        const auto followers = store.read([](Reader& reader) { return quotas_from_plans(reader); }).value();
        for (const Quota& quota : all)
            if (quota.scope == QuotaScope::tenant && quota.subject == of.value)
                lines.push_back(std::string(name_of(quota.period)) + " " + std::to_string(quota.recipients) + " " +
                                std::string(name_of(quota.beyond)) +
                                (std::ranges::find(followers, quota.id) != followers.end() ? " plan" : " own"));
        return lines;
    }
    std::uint64_t used(TenantId of) {
        const auto all = store.read([](Reader& reader) { return list_quotas(reader); }).value();
        for (const auto& row : store.read([](Reader& reader) { return load_quota_usage(reader); }).value())
            for (const Quota& quota : all)
                if (quota.id == row.quota && quota.subject == of.value) return row.count.used;
        return 0;
    }
    void use(TenantId by, std::uint32_t recipients) {
        EXPECT_EQ(outcome([&](Transaction& transaction) -> Result<void> {
                      RELEVO_TRY(auto all, list_quotas(transaction));
                      std::erase_if(all, [&](const Quota& quota) { return quota.subject != by.value; });
                      RELEVO_CHECK(record_quota_usage(transaction, all, recipients, now));
                      return {};
                  }),
                  "done");
    }
    static Plan basic() {
        Plan plan{.id = {}, .name = "Basic", .note = "for a start", .quotas = {{QuotaPeriod::month, 100}}};
        plan.set_count(LimitedThing::domains, 2);
        return plan;
    }

    Store store;
};

TEST_F(Plans, TenantGetsTheQuotasOfItsPlanAndLosesThemWithIt) {
    const TenantId acme = tenant("acme");
    const PlanId plan = add(basic());
    give(acme, plan);
    EXPECT_THAT(quotas(acme), ElementsAre("month 100 wait plan"));
    const PlanId larger = add({.id = {},
                               .name = "Larger",
                               .note = {},
                               .quotas = {{QuotaPeriod::hour, 50, BeyondQuota::refuse}, {QuotaPeriod::month, 1000}}});
    give(acme, larger);
    EXPECT_THAT(quotas(acme), ElementsAre("hour 50 refuse plan", "month 1000 wait plan"));
    give(acme, std::nullopt);
    EXPECT_THAT(quotas(acme), IsEmpty());
}

TEST_F(Plans, ChangeReachesAllTenantsAtOnceAndWhatWasUsedStillCounts) {
    const TenantId acme = tenant("acme"), other = tenant("other");
    const PlanId plan = add(basic());
    give(acme, plan);
    give(other, plan);
    use(acme, 80);
    Plan changed = store.read([&](Reader& reader) { return find_plan(reader, "basic"); }).value();
    EXPECT_EQ(changed.tenants, 2);
    changed.quotas = {{QuotaPeriod::month, 60, BeyondQuota::hold}};
    EXPECT_EQ(outcome([&](Transaction& transaction) { return change_plan(transaction, changed); }), "done");
    EXPECT_THAT(quotas(acme), ElementsAre("month 60 hold plan"));
    EXPECT_THAT(quotas(other), ElementsAre("month 60 hold plan"));
    EXPECT_EQ(used(acme), 60U) << "up to the new limit";
}

TEST_F(Plans, QuotaOfATenantAloneComesBeforeItsPlan) {
    const TenantId acme = tenant("acme");
    const PlanId plan = add(basic());
    give(acme, plan);
    use(acme, 30);
    EXPECT_EQ(outcome([&](Transaction& transaction) {
                  return set_quota(transaction, {.id = {},
                                                 .scope = QuotaScope::tenant,
                                                 .subject = acme.value,
                                                 .period = QuotaPeriod::month,
                                                 .recipients = 500});
              }),
              "done");
    EXPECT_THAT(quotas(acme), ElementsAre("month 500 refuse own"));
    Plan changed = store.read([&](Reader& reader) { return find_plan(reader, plan.text()); }).value();
    changed.quotas.front().recipients = 200;
    EXPECT_EQ(outcome([&](Transaction& transaction) { return change_plan(transaction, changed); }), "done");
    EXPECT_THAT(quotas(acme), ElementsAre("month 500 refuse own"));
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return remove_tenant_quota(transaction, acme, QuotaPeriod::month); }),
        "done");
    EXPECT_THAT(quotas(acme), ElementsAre("month 200 wait plan"));
    EXPECT_EQ(used(acme), 30U);
    EXPECT_THAT(
        outcome([&](Transaction& transaction) { return remove_tenant_quota(transaction, acme, QuotaPeriod::month); }),
        HasSubstr("conflict: the quota per month is the plan's (Basic)"));
}

TEST_F(Plans, NumbersOfThingsAreHeldAndATenantMayHaveItsOwn) {
    const TenantId acme = tenant("acme");
    give(acme, add(basic()));
    const auto add_domain = [&](const std::string& name) {
        return outcome([&](Transaction& transaction) {
            return create_domain(transaction, {.tenant = acme, .name = name, .challenge = "x"}, now);
        });
    };
    EXPECT_EQ(add_domain("a.example"), "done");
    EXPECT_EQ(add_domain("b.example"), "done");
    EXPECT_THAT(add_domain("c.example"), HasSubstr("limit: the plan allows 2 domains, and there are 2"));
    const auto allow = [&](std::uint32_t most) {
        return outcome(
            [&](Transaction& transaction) { return set_tenant_count(transaction, acme, LimitedThing::domains, most); });
    };
    EXPECT_EQ(allow(3), "done");
    EXPECT_EQ(add_domain("c.example"), "done");
    EXPECT_THAT(add_domain("d.example"), HasSubstr("this tenant may have 3 domains"));
    EXPECT_EQ(allow(0), "done");
    const auto limits = store.read([&](Reader& reader) { return count_limits_of(reader, acme); }).value();
    EXPECT_EQ(limits[0].most, 2U);
    EXPECT_EQ(limits[0].source, LimitSource::plan);
    EXPECT_EQ(limits[1].source, LimitSource::none);
    EXPECT_THAT(allow(1'000'001), HasSubstr("invalid"));
}

TEST_F(Plans, PlanThatIsInUseStaysAndATenantTakesItsRowsAlong) {
    const TenantId acme = tenant("acme");
    const PlanId plan = add(basic());
    give(acme, plan);
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return set_tenant_count(transaction, acme, LimitedThing::users, 7); }),
        "done");
    EXPECT_THAT(outcome([&](Transaction& transaction) { return remove_plan(transaction, plan); }),
                HasSubstr("conflict: 1 tenants have this plan"));
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_tenant(transaction, acme); }), "done");
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_plan(transaction, plan); }), "done");
}

TEST_F(Plans, WhatCannotBeMeantIsRefused) {
    add(basic());
    struct Case {
        Plan plan;
        std::string_view problem;
    };
    Plan too_many = basic();
    too_many.name = "Many";
    too_many.set_count(LimitedThing::credentials, 1'000'001);
    const std::array cases{
        Case{{.id = {}, .name = "", .note = {}, .quotas = {}}, "has no name"},
        Case{{.id = {}, .name = "BASIC", .note = {}, .quotas = {}}, "conflict: there is a plan \"Basic\""},
        Case{{.id = {}, .name = PlanId{1}.text(), .note = {}, .quotas = {}}, "looks like the id"},
        Case{{.id = {}, .name = "a\nb", .note = {}, .quotas = {}}, "control character"},
        Case{{.id = {}, .name = "x", .note = {}, .quotas = {{QuotaPeriod::day, 0}}}, "1 to 1,000,000,000"},
        Case{{.id = {}, .name = "x", .note = {}, .quotas = {{QuotaPeriod::day, 1}, {QuotaPeriod::day, 2}}},
             "two quotas per day"},
        Case{too_many, "at most 1,000,000 credentials"}};
    for (const Case& one : cases)
        EXPECT_THAT(outcome([&](Transaction& transaction) { return create_plan(transaction, one.plan, now); }),
                    HasSubstr(std::string(one.problem)));
    EXPECT_THAT(store.read([](Reader& reader) { return find_plan(reader, "Basix"); }).error().detail,
                HasSubstr("did you mean \"Basic\"?"));
}

}  // namespace
}  // namespace relevo::test
