// What a batch of events comes to: sums to add, and recipients that changed. Pure: no store, no clock.
#pragma once

#include "core/events/event.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/recipient_log.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

class Tally {
 public:
    // `facts`: of its message; nothing: forgotten, so only tenant and total are counted. `waiting`: of an accepted
    // message, the recipients that still wait.
    void add(const Event& event, const std::optional<MessageFacts>& facts,
             std::span<const MessageFactsReader::Waiting> waiting);

    [[nodiscard]] const CounterSums& sums() const { return sums_; }
    [[nodiscard]] const std::vector<RecipientChange>& changes() const { return changes_; }

 private:
    struct Details;
    void count(const Event& event, const std::optional<MessageFacts>& facts, const Details& details,
               const Counts& counts);
    void note(const Event& event, const MessageFacts& facts, const Details& details,
              std::span<const MessageFactsReader::Waiting> waiting);
    CounterSums sums_;
    std::vector<RecipientChange> changes_;
};

// What a server said, without what differs from mail to mail: addresses and words with digits in them that are no
// codes become "…".
[[nodiscard]] std::string common_reply(std::string_view reply);

}  // namespace relevo
