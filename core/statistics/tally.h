// What a batch of events comes to: sums to add, and recipients that changed. Pure: no store, no clock.
#pragma once

#include "core/events/event.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/labels.h"
#include "core/statistics/recipient_log.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// Those that the event of an acceptance names.
[[nodiscard]] MailLabels labels_of(const Event& accepted);

class Tally {
 public:
    // `facts`: of its message; nothing: forgotten, so only tenant and total are counted. `waiting`: of an accepted
    // message, the recipients that still wait.
    void add(const Event& event, const std::optional<MessageFacts>& facts, const MailLabels& labels,
             std::span<const MessageFactsReader::Waiting> waiting);

    [[nodiscard]] const CounterSums& sums() const { return sums_; }
    [[nodiscard]] const std::vector<RecipientChange>& changes() const { return changes_; }

 private:
    struct Details;
    void count(const Event& event, const std::optional<MessageFacts>& facts, const MailLabels& labels,
               const Details& details, const Counts& counts);
    void note(const Event& event, const MessageFacts& facts, const MailLabels& labels, const Details& details,
              std::span<const MessageFactsReader::Waiting> waiting);
    void change(RecipientChange change);
    CounterSums sums_;
    std::vector<RecipientChange> changes_;
    // Where the last change of a recipient is, so that all that happens to it in a batch is one.
    std::unordered_map<std::int64_t, std::size_t> places_;
};

// What a server said, without what differs from mail to mail: addresses and words with digits in them that are no
// codes become "…".
[[nodiscard]] std::string common_reply(std::string_view reply);

}  // namespace relevo
