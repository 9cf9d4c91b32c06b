#include "adapters/memory/resolver.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using dns::RecordType;

Task<> ask_into(MemoryResolver& resolver, std::string name, RecordType type, std::optional<Result<dns::Answer>>& answer,
                Shard& shard, std::chrono::milliseconds time) {
    answer = co_await resolver.query(std::move(name), type, Clock::now() + time);
    shard.stop();
}

Result<dns::Answer> ask(MemoryResolver& resolver, std::string name, RecordType type,
                        std::chrono::milliseconds time = std::chrono::milliseconds(20)) {
    Shard shard(0);
    std::optional<Result<dns::Answer>> answer;
    shard.spawn(ask_into(resolver, std::move(name), type, answer, shard, time));
    shard.run();
    return std::move(*answer);
}

TEST(MemoryResolver, TellsNoSuchNameFromNoSuchRecord) {  // RFC 2308, RFC 8020
    MemoryResolver resolver;
    resolver.mx("a.example", 10, "mx.a.example").address("mx.a.example", "192.0.2.1");
    EXPECT_FALSE(ask(resolver, "b.example", RecordType::mx)->name_exists);
    EXPECT_TRUE(ask(resolver, "a.example", RecordType::txt)->name_exists);
    EXPECT_TRUE(ask(resolver, "example", RecordType::txt)->name_exists);
    EXPECT_EQ(ask(resolver, "A.Example.", RecordType::mx)->exchanges.at(0).exchange, "mx.a.example");
}

TEST(MemoryResolver, FollowsAliasesToTheEndAndNoFurther) {
    MemoryResolver resolver;
    resolver.cname("www.example", "host.example")
        .address("host.example", "2001:db8::1")
        .cname("loop.example", "loop.example");
    const auto answer = ask(resolver, "www.example", RecordType::aaaa);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->canonical_name, "host.example");
    EXPECT_EQ(answer->addresses.at(0).text(), "2001:db8::1");
    EXPECT_EQ(ask(resolver, "loop.example", RecordType::a).error().kind, ErrorKind::temporary);
}

TEST(MemoryResolver, NeverTurnsAFaultIntoAbsence) {
    MemoryResolver resolver;
    resolver.fault("s.example", MemoryResolver::Fault::servfail)
        .fault("b.example", RecordType::tlsa, MemoryResolver::Fault::bogus)
        .fault("t.example", MemoryResolver::Fault::timeout);
    EXPECT_EQ(ask(resolver, "s.example", RecordType::mx).error().kind, ErrorKind::temporary);
    EXPECT_EQ(ask(resolver, "b.example", RecordType::tlsa).error().kind, ErrorKind::temporary);
    EXPECT_EQ(ask(resolver, "t.example", RecordType::a).error().kind, ErrorKind::timeout);
}

TEST(MemoryResolver, AnswersNothingAfterTheDeadline) {
    MemoryResolver resolver;
    resolver.address("a.example", "192.0.2.1");
    EXPECT_EQ(ask(resolver, "a.example", RecordType::a, {}).error().kind, ErrorKind::timeout);
}

}  // namespace
}  // namespace relevo
