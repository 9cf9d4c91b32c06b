// Recipients that may go now, in the order of their turns.
#pragma once

#include "core/queue/destination.h"

#include <deque>
#include <functional>

namespace relevo {

struct ReadyEntry {
    QueueEntry entry;
    Destination* destination = nullptr;
};

class ReadyQueue {
 public:
    void push(const ReadyEntry& entry) { entries_.push_back(entry); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    // The next whose turn it is and whom `accepts` lets pass; null if there is none. Valid until the next change.
    [[nodiscard]] const ReadyEntry* next(const std::function<bool(const ReadyEntry&)>& accepts) const {
        return !entries_.empty() && accepts(entries_.front()) ? &entries_.front() : nullptr;
    }
    void pop() { entries_.pop_front(); }
    template <class Chosen>
    std::size_t remove_if(Chosen chosen) {
        return std::erase_if(entries_, chosen);
    }

 private:
    std::deque<ReadyEntry> entries_;
};

}  // namespace relevo
