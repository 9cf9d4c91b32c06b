// How each check of each domain stood at the last look, as rows: changes are told, and told once, whenever the server
// was started in between.
#pragma once

#include "core/events/event.h"
#include "core/ports/migration.h"
#include "core/ports/task.h"
#include "core/setup/check_item.h"
#include "core/setup/facts.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace relevo::setup {

[[nodiscard]] std::span<const Migration> setup_migrations();

struct StatusChange {
    CheckItem item;                     // as it is now
    std::optional<CheckStatus> before;  // nothing: seen for the first time
};
using CheckStatuses = std::map<std::string, CheckStatus>;  // by CheckItem::key()
struct StatusComparison {
    CheckStatuses now;
    std::vector<StatusChange> changes;  // at the first look, what is not well
};
// A check that was skipped is no news: what was known before stays.
[[nodiscard]] StatusComparison compare(const CheckStatuses& known, const std::vector<CheckItem>& items);

// Writes down a look at a domain, with one event of all that came out otherwise; a first look is none. A domain that is
// gone meanwhile leaves nothing.
[[nodiscard]] Result<StatusComparison> note_look(Transaction& transaction, EventWriter& events,
                                                 const DomainFacts& domain, const std::vector<CheckItem>& items,
                                                 WallClock::time_point now);
// Forgets domains that are not there any more.
[[nodiscard]] Result<void> forget_lost_domains(Transaction& transaction);
// Checks of all domains, by how they stand.
[[nodiscard]] Result<std::map<CheckStatus, std::int64_t>> count_statuses(Reader& reader);

}  // namespace relevo::setup
