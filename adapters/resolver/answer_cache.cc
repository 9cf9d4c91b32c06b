#include "adapters/resolver/answer_cache.h"

#include <algorithm>

namespace relevo::resolver {
namespace {

bool is_empty(const dns::Answer& answer) {
    return answer.addresses.empty() && answer.exchanges.empty() && answer.texts.empty() && answer.data.empty();
}

}  // namespace

const dns::Answer* AnswerCache::find(const Question& question, Deadline now) {
    const auto found = entries_.find(question);
    if (found == entries_.end()) return nullptr;
    if (found->second.expires <= now) {
        drop(found);
        return nullptr;
    }
    recent_.splice(recent_.begin(), recent_, found->second.place);
    return &found->second.answer;
}

void AnswerCache::keep(const Question& question, const dns::Answer& answer, Deadline now) {
    const auto life = std::min(answer.ttl, is_empty(answer) ? longest_kept_empty : longest_kept);
    if (life <= std::chrono::seconds::zero() || limit_ == 0) return;
    if (const auto old = entries_.find(question); old != entries_.end()) drop(old);
    if (entries_.size() >= limit_) drop(entries_.find(*recent_.back()));
    const auto entry = entries_.emplace(question, Entry{answer, now + life, {}}).first;
    recent_.push_front(&entry->first);
    entry->second.place = recent_.begin();
}

void AnswerCache::drop(std::map<Question, Entry>::iterator entry) {
    recent_.erase(entry->second.place);
    entries_.erase(entry);
}

}  // namespace relevo::resolver
