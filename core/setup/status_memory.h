// How each check of each domain stood at the last look, so that changes can be told.
#pragma once

#include "core/setup/check_item.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

struct StatusChange {
    CheckItem item;                     // as it is now
    std::optional<CheckStatus> before;  // nothing: seen for the first time
};

// Threads: one.
class StatusMemory {
 public:
    // Notes a look at `domain`. Gives what has changed; at the first look, what is not well. A check that was skipped
    // is no news: what was known before stays.
    [[nodiscard]] std::vector<StatusChange> note(const std::string& domain, const std::vector<CheckItem>& items);
    // Forgets every domain that is not in `domains`.
    void keep_only(const std::vector<std::string>& domains);
    // Checks of all domains that stand so.
    [[nodiscard]] std::size_t count(CheckStatus status) const;

 private:
    using Statuses = std::map<std::string, CheckStatus>;
    std::map<std::string, Statuses> domains_;
};

}  // namespace relevo::setup
