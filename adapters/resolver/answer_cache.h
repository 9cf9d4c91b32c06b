// Answers by question, for as long as they may be believed.
#pragma once

#include "core/ports/task.h"
#include "lib/dns/record.h"

#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <utility>

namespace relevo::resolver {

// Name (lower case, no final dot) and type.
using Question = std::pair<std::string, dns::RecordType>;

inline constexpr std::chrono::seconds longest_kept{3600};
inline constexpr std::chrono::seconds longest_kept_empty{
    60};  // RFC 2308 §5 allows more; who publishes a record wants it found

// Threads: one shard's.
class AnswerCache {
 public:
    explicit AnswerCache(std::size_t limit) : limit_(limit) {}
    // nullptr: not known, or too old. The answer's TTL is what it had when it came. Valid until the next call.
    [[nodiscard]] const dns::Answer* find(const Question& question, Deadline now);
    void keep(const Question& question, const dns::Answer& answer, Deadline now);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
    struct Entry {
        dns::Answer answer;
        Deadline expires;
        std::list<const Question*>::iterator place;
    };
    void drop(std::map<Question, Entry>::iterator entry);

    std::size_t limit_;
    std::map<Question, Entry> entries_;
    std::list<const Question*> recent_;  // most recently used first
};

}  // namespace relevo::resolver
