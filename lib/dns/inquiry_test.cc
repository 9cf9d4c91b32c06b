#include "lib/dns/inquiry.h"

#include <gtest/gtest.h>

namespace relevo::dns {
namespace {

Inquiry<std::size_t> count_texts(std::string name) {
    const auto answer = co_await ask(std::move(name), RecordType::txt);
    co_return answer.has_value() ? answer->texts.size() : 0;
}

Inquiry<std::size_t> count_texts_of_all(std::vector<std::string> names) {
    std::size_t sum = 0;
    for (const std::string& name : names) sum += co_await count_texts(name);
    co_return sum;
}

Inquiry<std::size_t> depth(std::size_t levels) {
    if (levels == 0) co_return 0;
    co_return 1 + co_await depth(levels - 1);
}

Answer with_texts(std::size_t count) {
    Answer answer;
    answer.texts.resize(count);
    return answer;
}

TEST(Inquiry, AsksOneQuestionAfterTheOther) {
    Inquiry<std::size_t> inquiry = count_texts_of_all({"a.example", "b.example"});
    ASSERT_NE(inquiry.next(), nullptr);
    EXPECT_EQ(*inquiry.next(), (Question{"a.example", RecordType::txt})) << "asking again changes nothing";
    inquiry.answer(with_texts(2));
    EXPECT_EQ(*inquiry.next(), (Question{"b.example", RecordType::txt}));
    inquiry.answer(failure(ErrorKind::temporary, "SERVFAIL"));
    EXPECT_EQ(inquiry.next(), nullptr);
    EXPECT_EQ(std::move(inquiry).take(), 2U);
}

TEST(Inquiry, MayBeMovedAndAbandonedInTheMiddle) {
    Inquiry<std::size_t> begun = count_texts_of_all({"a.example", "b.example"});
    ASSERT_NE(begun.next(), nullptr);
    Inquiry<std::size_t> moved = std::move(begun);
    moved.answer(with_texts(1));
    EXPECT_EQ(moved.next()->name, "b.example");
}

TEST(Inquiry, NestsWithoutUsingTheStack) {
    EXPECT_EQ(run(depth(2'000), [](const Question&) { return Answer(); }), 2'000U);
}

TEST(Inquiry, RunsWithAnswersAtHand) {
    const auto source = [](const Question& question) { return with_texts(question.name.size()); };
    EXPECT_EQ(run(count_texts_of_all({"a", "bb", "ccc"}), source), 6U);
}

}  // namespace
}  // namespace relevo::dns
