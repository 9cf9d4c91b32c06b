#include "core/setup/status_memory.h"

#include <algorithm>

namespace relevo::setup {

std::vector<StatusChange> StatusMemory::note(const std::string& domain, const std::vector<CheckItem>& items) {
    std::vector<StatusChange> changes;
    Statuses& known = domains_[domain];
    Statuses now;
    for (const CheckItem& item : items) {
        const auto before = known.find(item.key());
        const bool is_known = before != known.end();
        if (item.status == CheckStatus::skipped) {
            if (is_known) now.insert(*before);
            continue;
        }
        now.insert_or_assign(item.key(), item.status);
        if (is_known ? before->second != item.status : item.status != CheckStatus::ok)
            changes.push_back({item, is_known ? std::optional(before->second) : std::nullopt});
    }
    known = std::move(now);
    return changes;
}

void StatusMemory::keep_only(const std::vector<std::string>& domains) {
    std::erase_if(domains_,
                  [&](const auto& entry) { return std::ranges::find(domains, entry.first) == domains.end(); });
}

std::size_t StatusMemory::count(CheckStatus status) const {
    std::size_t sum = 0;
    for (const auto& [domain, statuses] : domains_)
        sum += static_cast<std::size_t>(
            std::ranges::count_if(statuses, [&](const auto& entry) { return entry.second == status; }));
    return sum;
}

}  // namespace relevo::setup
