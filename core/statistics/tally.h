// What a batch of events comes to: sums to add, and recipients that changed. Pure: no store, no clock.
#pragma once

#include "core/events/event.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/labels.h"
#include "core/statistics/recipient_log.h"

#include <boost/json/value.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// Those that the detail of an acceptance names.
[[nodiscard]] MailLabels labels_of(const boost::json::value& detail);

// What is known of the message that events are of.
struct CountedMail {
    std::optional<MessageFacts> facts;      // nothing: forgotten, so only tenant and total are counted
    std::shared_ptr<const FoundMail> mail;  // never none
    bool is_new = false;                    // accepted in the same batch
};

class Tally {
 public:
    Tally() = default;
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;
    Tally(Tally&&) = default;
    Tally& operator=(Tally&&) = default;
    ~Tally() = default;

    // `detail`: of the event, read; null if it is none. `waiting`: of an accepted message, the recipients that still
    // wait.
    void add(const Event& event, const boost::json::value& detail, const CountedMail& mail,
             std::span<const MessageFactsReader::Waiting> waiting);

    // `queue`: recipients that waited then.
    void add_look(std::int64_t queue, WallClock::time_point at);

    [[nodiscard]] const CounterSums& sums() const { return sums_; }
    [[nodiscard]] CounterSums take_sums();
    [[nodiscard]] const std::vector<RecipientChange>& changes() const { return changes_; }

 private:
    struct Details;
    using Rows = std::vector<Counts*>;
    void count(const Event& event, const CountedMail& mail, const Details& details, const CountsChange& change);
    // Where all that the key was made of is counted.
    Rows rows_of(const Event& event, const CountedMail& mail, const Details& details, std::string_view reply);
    void note(const Event& event, const CountedMail& mail, const Details& details,
              std::span<const MessageFactsReader::Waiting> waiting);
    void change(RecipientChange change);
    CounterSums sums_;
    // Most events are of the same few tenants, domains and sites: their rows are looked up once. Into sums_.
    std::unordered_map<std::string, Rows> rows_;
    std::string key_;
    std::vector<RecipientChange> changes_;
    // Where the last change of a recipient is, so that all that happens to it in a batch is one.
    std::unordered_map<std::int64_t, std::size_t> places_;
};

// What a server said, without what differs from mail to mail: addresses and words with digits in them that are no
// codes become "…".
[[nodiscard]] std::string common_reply(std::string_view reply);

}  // namespace relevo
