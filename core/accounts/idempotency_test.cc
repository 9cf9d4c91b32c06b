#include "core/accounts/idempotency.h"

#include "core/accounts/store_fixture.h"

namespace relevo {
namespace {

using namespace std::chrono_literals;
using test::AccountStore;

class Idempotency : public testing::Test {
 protected:
    static IdempotentRequest request(std::string_view key, std::string_view body = "{}", std::int64_t principal = 1) {
        return idempotent_request({.kind = PrincipalKind::key, .id = principal}, key,
                                  request_hash("POST", "/api/v1/messages", body))
            .value();
    }
    Result<void> keep(const IdempotentRequest& of, std::string body, WallClock::time_point now) {
        return store.write([&](Transaction& transaction) {
            return keep_answer(transaction, of, {.status = 202, .body = std::move(body)}, now);
        });
    }
    std::string found(const IdempotentRequest& of, WallClock::time_point now) {
        const auto answer = store.read([&](Reader& reader) { return find_answer(reader, of, now); });
        if (!answer.has_value()) return std::string(name_of(answer.error().kind));
        return *answer ? std::to_string((*answer)->status) + " " + (*answer)->body : "nothing";
    }
    bool forget(WallClock::time_point now, std::int64_t limit) {
        return store.write([&](Transaction& transaction) { return forget_answers(transaction, now, limit); }).value();
    }

    AccountStore store;
};

TEST_F(Idempotency, GivesTheSameAnswerToTheSameRequest) {
    EXPECT_EQ(found(request("a"), store.start), "nothing");
    EXPECT_TRUE(keep(request("a"), "msg_1", store.start).has_value());
    EXPECT_EQ(found(request("a"), store.start + 1h), "202 msg_1");
    EXPECT_EQ(found(request("b"), store.start + 1h), "nothing");
}

TEST_F(Idempotency, OtherRequestWithTheSameKeyIsAConflict) {
    EXPECT_TRUE(keep(request("a"), "msg_1", store.start).has_value());
    EXPECT_EQ(found(request("a", R"({"x":1})"), store.start), "conflict");
    IdempotentRequest other_path = request("a");
    other_path.request_hash = request_hash("POST", "/api/v1/domains", "{}");
    EXPECT_EQ(found(other_path, store.start), "conflict");
    EXPECT_EQ(keep(request("a"), "msg_2", store.start).error().kind, ErrorKind::conflict);
}

// security row E9
TEST_F(Idempotency, KeysOfOnePrincipalAreNothingToAnother) {
    EXPECT_TRUE(keep(request("a"), "msg_1", store.start).has_value());
    EXPECT_EQ(found(request("a", "{}", 2), store.start), "nothing");
    IdempotentRequest of_session = request("a");
    of_session.kind = PrincipalKind::session;
    EXPECT_EQ(found(of_session, store.start), "nothing");
}

TEST_F(Idempotency, AnswerIsForgottenAfterADay) {
    EXPECT_TRUE(keep(request("a"), "msg_1", store.start).has_value());
    EXPECT_EQ(found(request("a"), store.start + 24h), "202 msg_1");
    EXPECT_EQ(found(request("a"), store.start + 24h + 1ms), "nothing");
    EXPECT_TRUE(keep(request("a", "{1}"), "msg_2", store.start + 25h).has_value());
    EXPECT_EQ(found(request("a", "{1}"), store.start + 25h), "202 msg_2");
}

TEST_F(Idempotency, CleaningIsBoundedAndTakesOldAnswersOnly) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(keep(request("old" + std::to_string(i)), "x", store.start).has_value());
    EXPECT_TRUE(keep(request("new"), "y", store.start + 20h).has_value());
    EXPECT_FALSE(forget(store.start + 24h, 100));
    EXPECT_TRUE(forget(store.start + 25h, 3));
    EXPECT_FALSE(forget(store.start + 25h, 3));
    EXPECT_EQ(found(request("new"), store.start + 25h), "202 y");
}

// security row R13
TEST_F(Idempotency, ClockThatGoesBackAnHourMakesNothingHappenTwice) {
    EXPECT_TRUE(keep(request("a"), "msg_1", store.start).has_value());
    EXPECT_EQ(found(request("a"), store.start - 1h), "202 msg_1");
    EXPECT_FALSE(forget(store.start - 1h, 100));
    EXPECT_EQ(found(request("a"), store.start), "202 msg_1");
}

// The answer and the effect are one: neither is there without the other.
TEST_F(Idempotency, AnswerGoesWithARolledBackEffect) {
    const auto failed = store.write([&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(keep_answer(transaction, request("a"), {.status = 202, .body = "msg_1"}, store.start));
        return failure(ErrorKind::full, "the disk");
    });
    EXPECT_FALSE(failed.has_value());
    EXPECT_EQ(found(request("a"), store.start), "nothing");
}

TEST_F(Idempotency, KeysAndAnswersHaveBounds) {
    const auto takes = [](std::string_view key) {
        return idempotent_request({.kind = PrincipalKind::key, .id = 1}, key, {}).has_value();
    };
    EXPECT_TRUE(takes("8e03978e-40d5-43e8-bc93-6894a57f9324"));
    EXPECT_TRUE(takes(std::string(255, 'x')));
    for (const std::string& wrong :
         {std::string(), std::string(256, 'x'), std::string("a\nb"), std::string("\xc3\xa9")})
        EXPECT_FALSE(takes(wrong));
    EXPECT_EQ(keep(request("a"), std::string((1 << 20) + 1, 'x'), store.start).error().kind, ErrorKind::limit);
}

TEST(RequestHash, IsOfMethodPathAndBody) {
    EXPECT_NE(request_hash("POST", "/a", ""), request_hash("PUT", "/a", ""));
    EXPECT_NE(request_hash("POST", "/a", "b"), request_hash("POST", "/ab", ""));
    EXPECT_EQ(request_hash("POST", "/a", "b"), request_hash("POST", "/a", "b"));
}

}  // namespace
}  // namespace relevo
