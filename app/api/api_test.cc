// The description and what is made of it agree.
#include "app/api/api.h"

#include "app/api/login.h"
#include "app/api/sending.h"
#include "core/accounts/scope.h"
#include "lib/json/json.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using testing::HasSubstr;
using testing::IsEmpty;

std::string lower_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

TEST(ApiDescription, EveryOperationIsMadeOnceAndEveryMadeOneIsDescribed) {
    std::set<std::string> described;
    for (const openapi::Operation& operation : description().operations()) {
        EXPECT_TRUE(described.insert(operation.id).second) << operation.id << " is there twice";
        EXPECT_EQ((control_operation(operation.id) != nullptr ? 1 : 0) + (is_sending(operation.id) ? 1 : 0) +
                      (is_about_login(operation.id) ? 1 : 0) + (operation.id == html_operation ? 1 : 0) +
                      (operation.id == stream_operation ? 1 : 0),
                  1)
            << operation.id;
    }
    for (const ControlOperation& operation : control_operations())
        EXPECT_TRUE(described.contains(std::string(operation.id))) << operation.id;
}

TEST(ApiDescription, EveryOperationNeedsAScopeThatThereIs) {
    for (const openapi::Operation& operation : description().operations())
        EXPECT_TRUE(parse_scope(operation.scope).has_value() || is_about_login(operation.id))
            << operation.id << ": " << operation.scope;
}

// A path parameter must have the name that the control request gives to what it names.
TEST(ApiDescription, WhatATenantMayNameIsAParameterOfItsPath) {
    for (const openapi::Operation& operation : description().operations()) {
        const ControlOperation* made = control_operation(operation.id);
        if (made == nullptr) continue;
        const std::string_view needed = made->bounds == Bounds::domain       ? "{domain}"
                                        : made->bounds == Bounds::credential ? "{credential}"
                                        : made->bounds == Bounds::message    ? "{id}"
                                                                             : "";
        EXPECT_THAT(operation.path, HasSubstr(std::string(needed))) << operation.id;
    }
}

TEST(ApiDescription, ExamplesOfBodiesAreValid) {
    std::size_t examples = 0;
    for (const openapi::Operation& operation : description().operations()) {
        if (operation.body == nullptr) continue;
        const json::value& body = description()
                                      .document()
                                      .at("paths")
                                      .at(operation.path)
                                      .at(lower_case(operation.method))
                                      .at("requestBody")
                                      .at("content")
                                      .at("application/json");
        const json::value* example = member(body, "example");
        ASSERT_NE(example, nullptr) << operation.id << " has no example";
        json::value value = *example;
        std::vector<openapi::Problem> problems;
        openapi::check_body(operation, value, problems);
        EXPECT_THAT(problems, IsEmpty()) << operation.id << ": " << problems.front().pointer << problems.front().detail;
        ++examples;
    }
    EXPECT_GT(examples, 20U);
}

TEST(ApiProblems, TellWhatToChange) {
    const HttpResponse response = response_of(
        invalid_request({{"/to/0", "format", "is no mail address"}, {"/x", "unknown", "is not known"}}), "req_1");
    EXPECT_EQ(response.status, 400U);
    EXPECT_EQ(response.content_type, "application/problem+json");
    const json::value problem = *relevo::json::parse(response.body);
    EXPECT_EQ(problem.at("detail").as_string(), "\"/to/0\" is no mail address, and 1 more");
    EXPECT_EQ(problem.at("type").as_string(), "urn:relevo:problem:invalid_request");
    EXPECT_EQ(problem.at("request_id").as_string(), "req_1");
    EXPECT_EQ(problem.at("errors").at(0).at("pointer").as_string(), "/to/0");
}

TEST(ApiProblems, FaultsOfOursTellNothingOfTheInside) {
    const Trouble told = trouble_of(Error{ErrorKind::io, "/var/lib/relevo/relevo.db: disk I/O error"});
    EXPECT_EQ(told.status, 500U);
    EXPECT_THAT(told.detail, testing::Not(HasSubstr("/var")));
}

TEST(ApiProblems, APolicySpeaksInTheLanguageOfWhoAsks) {
    const Decision decision =
        decide(ReplyKey::sender_domain_not_allowed, {{"domain", "bank.example"}, {"allowed", "a.example"}});
    const Trouble english = trouble_of(decision, "/from", mail::Language::english, WallClock::now());
    const Trouble spanish = trouble_of(decision, "/from", mail::Language::spanish, WallClock::now());
    EXPECT_EQ(english.status, 422U);
    EXPECT_NE(english.detail, spanish.detail);
    EXPECT_EQ(english.code, spanish.code);
    EXPECT_EQ(english.errors.at(0).pointer, "/from");
    EXPECT_TRUE(std::isalpha(static_cast<unsigned char>(english.detail.front()))) << english.detail;
}

TEST(ApiProblems, ARateTellsWhenThereIsRoom) {
    Decision decision = decide(ReplyKey::hourly_rate_reached, {{"limit", "2"}, {"time", "21:50"}});
    const auto now = WallClock::now();
    decision.retry_at = now + std::chrono::seconds(90);
    const Trouble told = trouble_of(decision, "", mail::Language::english, now);
    EXPECT_EQ(told.status, 429U);
    EXPECT_EQ(told.retry_after, std::chrono::seconds(90));
}

TEST(ApiProblems, ABoundThatStaysIsNotToBeTriedAgain) {
    const Trouble told = trouble_of(Error{ErrorKind::limit, "there are 1,000 plans: remove some first"});
    EXPECT_EQ(told.status, 422U);
    EXPECT_EQ(told.code, "limit");
    EXPECT_EQ(told.retry_after, std::chrono::seconds(0));
}

TEST(RequestLimiter, LetsABurstThroughAndThenTheRate) {
    RequestLimiter limiter(10, 5);
    auto now = Clock::now();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(limiter.take("a", now).is_allowed) << i;
    const auto refused = limiter.take("a", now);
    EXPECT_FALSE(refused.is_allowed);
    EXPECT_EQ(refused.retry_after, std::chrono::seconds(1));
    EXPECT_TRUE(limiter.take("b", now).is_allowed) << "another key has tokens of its own";
    now += std::chrono::milliseconds(100);
    EXPECT_TRUE(limiter.take("a", now).is_allowed);
    EXPECT_FALSE(limiter.take("a", now).is_allowed);
    now += std::chrono::minutes(5);
    EXPECT_EQ(limiter.take("a", now).remaining, 4U);
}

}  // namespace
}  // namespace relevo::api
