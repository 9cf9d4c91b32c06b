// Which domains want TLS reports: others' sessions need not be kept.
#pragma once

#include "core/ports/resolver.h"
#include "core/reporting/result_counts.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

// Threads: one shard's.
class TlsReportWishes {
 public:
    // `limit`: domains remembered, an hour each.
    TlsReportWishes(Shard& shard, Resolver& resolver, std::size_t limit = 100'000)
        : shard_(shard), resolver_(resolver), limit_(limit) {}

    // Those rows whose domains publish a TLS reporting record, or whose DNS did not answer: then the day's end will
    // tell. Asks for several domains at once; after `time_limit` the rest is kept too.
    [[nodiscard]] Task<std::vector<CountedRow>> wanted(std::vector<CountedRow> rows);

    static constexpr std::chrono::seconds time_limit{20};

 private:
    struct Wish {
        bool wants = false;
        Deadline until;
    };
    struct Round;
    Task<> ask(std::shared_ptr<Round> round);

    Shard& shard_;
    Resolver& resolver_;
    const std::size_t limit_;
    std::unordered_map<std::string, Wish> wishes_;
};

}  // namespace relevo
