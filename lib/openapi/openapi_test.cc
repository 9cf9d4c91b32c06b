#include "lib/json/json.h"
#include "lib/openapi/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::openapi {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view description_text = R"({
  "openapi": "3.1.0",
  "paths": {
    "/api/v1/things": {
      "get": {"operationId": "listThings", "x-scope": "things:read", "parameters": [{"$ref": "#/components/parameters/limit"},
        {"name": "state", "in": "query", "schema": {"type": "string", "enum": ["new", "old"]}}]},
      "post": {"operationId": "makeThing", "requestBody": {"required": true, "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Thing"}}}}}
    },
    "/api/v1/things/{thing}": {"get": {"operationId": "getThing", "security": [],
      "parameters": [{"name": "thing", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 20}}]}},
    "/api/v1/things/check": {"get": {"operationId": "checkThings"}}
  },
  "components": {
    "parameters": {"limit": {"name": "limit", "in": "query",
      "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}}},
    "schemas": {
      "Thing": {"type": "object", "additionalProperties": false, "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "owner": {"type": "string", "format": "email", "maxLength": 320},
        "until": {"type": ["string", "null"], "format": "date-time", "maxLength": 30},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 3},
        "to": {"oneOf": [{"type": "string", "maxLength": 10},
                         {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 10}}]},
        "labels": {"type": "object", "maxProperties": 2, "propertyNames": {"maxLength": 4},
                   "additionalProperties": {"type": "string", "maxLength": 3}},
        "child": {"$ref": "#/components/schemas/Thing"}
      }}}
  }
})";

std::shared_ptr<const Description> description() {
    auto parsed = Description::parse(description_text);
    EXPECT_TRUE(parsed.has_value()) << parsed.error().detail;
    return *parsed;
}

// "pointer code" of each problem with a body.
std::vector<std::string> problems_with(std::string_view body) {
    const auto all = description();
    json::value value = *relevo::json::parse(body);
    std::vector<Problem> problems;
    check_body(*all->find("POST", "/api/v1/things").operation, value, problems);
    std::vector<std::string> told;
    for (const Problem& problem : problems) told.push_back(problem.pointer + " " + problem.code);
    return told;
}

TEST(OpenApi, AMethodAndATargetHaveOneOperation) {
    const auto all = description();
    EXPECT_EQ(all->find("GET", "/api/v1/things?limit=3").operation->id, "listThings");
    EXPECT_EQ(all->find("HEAD", "/api/v1/things").operation->id, "listThings");
    const Match one = all->find("GET", "/api/v1/things/a%2Fb%20c");
    EXPECT_EQ(one.operation->id, "getThing");
    EXPECT_EQ(one.path_parameters.at("thing").as_string(), "a/b c");
    EXPECT_TRUE(one.operation->is_open);
    EXPECT_EQ(all->find("GET", "/api/v1/things/check").operation->id, "checkThings");
}

TEST(OpenApi, WhatHasNoOperationSaysWhichMethodsThereAre) {
    const auto all = description();
    EXPECT_THAT(all->find("DELETE", "/api/v1/things").allowed, ElementsAre("GET", "POST"));
    for (const std::string_view target : {"/api/v1/thing", "/api/v1/things/", "/api/v1/things/%zz",
                                          "/api/v1/things/%00", "/api/v1/things/a/b", "", "/"})
        EXPECT_THAT(all->find("GET", target).allowed, IsEmpty()) << target;
}

TEST(OpenApi, ParametersHaveTheTypeOfTheirSchema) {
    const auto all = description();
    const Match match = all->find("GET", "/api/v1/things");
    std::vector<Problem> problems;
    EXPECT_EQ(check_parameters(*match.operation, {}, "/api/v1/things?limit=7&state=new", problems),
              (json::object{{"limit", 7}, {"state", "new"}}));
    EXPECT_EQ(check_parameters(*match.operation, {}, "/api/v1/things", problems), (json::object{{"limit", 100}}));
    EXPECT_THAT(problems, IsEmpty());
    static_cast<void>(
        check_parameters(*match.operation, {}, "/api/v1/things?limit=many&state=odd&page=2&state=new", problems));
    std::vector<std::string> codes;
    for (const Problem& problem : problems) codes.push_back(problem.pointer + " " + problem.code);
    EXPECT_THAT(codes, ElementsAre("limit type", "state not_allowed", "page unknown", "state repeated"));
    problems.clear();
    static_cast<void>(check_parameters(*match.operation, {}, "/api/v1/things?limit=%4", problems));
    EXPECT_EQ(problems.at(0).code, "malformed");
}

TEST(OpenApi, EachProblemOfABodyIsNamedByItsPointer) {
    EXPECT_THAT(problems_with(R"({"name":"one"})"), IsEmpty());
    EXPECT_THAT(problems_with(R"({"nme":"x"})"), ElementsAre("/name required", "/nme unknown"));
    EXPECT_THAT(problems_with(R"({"name":""})"), ElementsAre("/name too_short"));
    EXPECT_THAT(problems_with(R"({"name":"ñandúes"})"), ElementsAre("/name too_long"));
    EXPECT_THAT(problems_with(R"({"name":"ñandú"})"), IsEmpty());  // five characters, seven octets
    EXPECT_THAT(problems_with(R"({"name":7,"count":10,"child":{"name":"x","owner":"nobody"}})"),
                ElementsAre("/name type", "/count too_large", "/child/owner format"));
    EXPECT_THAT(problems_with(R"({"name":"a","to":["x","01234567890"]})"), ElementsAre("/to/1 too_long"));
    EXPECT_THAT(problems_with(R"({"name":"a","to":5})"), ElementsAre("/to type"));
    EXPECT_THAT(problems_with(R"({"name":"a","to":["x","y","z"]})"), ElementsAre("/to too_many"));
    EXPECT_THAT(problems_with(R"({"name":"a","labels":{"a/~b":"long"}})"), ElementsAre("/labels/a~1~0b too_long"));
    EXPECT_THAT(problems_with(R"({"name":"a","labels":{"a":"","b":"","c":""}})"), ElementsAre("/labels too_many"));
    EXPECT_THAT(problems_with(R"([1])"), ElementsAre(" type"));
    EXPECT_THAT(problems_with(R"({"name":"a","until":null})"), IsEmpty());
    for (const std::string_view time : {"2027-01-31T12:00:00Z", "2027-01-31T12:00:00.123Z"})
        EXPECT_THAT(problems_with(R"({"name":"a","until":")" + std::string(time) + "\"}"), IsEmpty()) << time;
    for (const std::string_view time : {"2027-01-31", "2027-13-31T12:00:00Z", "2027-01-31T24:00:00Z",
                                        "2027-01-31 12:00:00Z", "2027-01-31T12:00:00+01:00", "2027-01-31T12:00:00.Z"})
        EXPECT_THAT(problems_with(R"({"name":"a","until":")" + std::string(time) + "\"}"), ElementsAre("/until format"))
            << time;
}

TEST(OpenApi, AnUnknownMemberIsToldWithTheNearestName) {
    const auto all = description();
    json::value value = json::object{{"name", "x"}, {"ownr", "a@example.com"}};
    std::vector<Problem> problems;
    check_body(*all->find("POST", "/api/v1/things").operation, value, problems);
    EXPECT_THAT(problems.at(0).detail, HasSubstr("did you mean \"owner\"?"));
}

TEST(OpenApi, AbsentMembersGetTheirDefaults) {
    const auto all = description();
    json::value value = json::object{{"name", "x"}, {"child", json::object{{"name", "y"}}}};
    std::vector<Problem> problems;
    check_body(*all->find("POST", "/api/v1/things").operation, value, problems);
    EXPECT_EQ(value.at("count"), json::value(3));
    EXPECT_EQ(value.at("child").at("count"), json::value(3));
}

TEST(OpenApi, NoMoreProblemsAreToldThanTheLimit) {
    std::string body = R"({"name":"a")";
    for (int i = 0; i < 200; ++i) body += fmt::format(",\"x{}\":1", i);
    EXPECT_EQ(problems_with(body + "}").size(), problem_limit);
}

// What a client may send has a bound, or the description does not load.
TEST(OpenApi, ADescriptionWithoutBoundsIsRefused) {
    const auto with_property = [](std::string_view schema) {
        return Description::parse(
            R"({"paths":{"/x":{"post":{"operationId":"x","requestBody":{"content":{"application/json":
            {"schema":{"type":"object","additionalProperties":false,"properties":{"p":)" +
            std::string(schema) + "}}}}}}}}}");
    };
    EXPECT_TRUE(with_property(R"({"type":"boolean"})").has_value());
    for (const std::string_view schema :
         {R"({"type":"string"})", R"({"type":"integer","minimum":0})", R"({"type":"array","maxItems":3})",
          R"({"type":"array","items":{"type":"boolean"}})", R"({"type":"object"})", R"({})",
          R"({"type":"object","additionalProperties":{"type":"boolean"}})", R"({"oneOf":[{"type":"string"}]})"})
        EXPECT_FALSE(with_property(schema).has_value()) << schema;
    EXPECT_THAT(with_property(R"({"type":"string"})").error().detail, HasSubstr("/p: a client may send this"));
}

TEST(OpenApi, ADescriptionMustNotSayWhatIsNotChecked) {
    const auto refused = [](std::string_view text) { return Description::parse(text).error().detail; };
    EXPECT_THAT(refused(R"({"paths":{"/x":{"get":{"operationId":"x","parameters":[{"name":"a","in":"query",
        "schema":{"type":"string","maxLength":3,"pattern":"^a$"}}]}}}})"),
                HasSubstr("pattern: this keyword is not checked here"));
    EXPECT_THAT(refused(R"({"paths":{"/x/{y}":{"get":{"operationId":"x"}}}})"), HasSubstr("does not describe {y}"));
    EXPECT_THAT(refused(R"({"paths":{"/x":{"get":{}}}})"), HasSubstr("no operationId"));
    EXPECT_THAT(
        refused(R"({"paths":{"/x":{"get":{"operationId":"x","parameters":[{"$ref":"#/components/parameters/no"}]}}}})"),
        HasSubstr("there is no parameter"));
    EXPECT_THAT(refused("[]"), HasSubstr("must be an object"));
}

}  // namespace
}  // namespace relevo::openapi
