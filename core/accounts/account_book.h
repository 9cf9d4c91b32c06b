// What a process keeps of this module while it runs: the key table in force, uses of keys, requests for
// links, the audit log.
#pragma once

#include "core/accounts/audit_log.h"
#include "core/accounts/key_table.h"
#include "core/accounts/link_requests.h"

#include <atomic>
#include <memory>
#include <vector>

namespace relevo {

// Threads: as each method says. Lives as long as the store: its statements are prepared there.
class AccountBook {
 public:
    // Threads: any.
    [[nodiscard]] std::shared_ptr<const KeyTable> keys() const { return keys_.load(); }
    // Loads the table anew: after each change to keys. Threads: the reader's.
    Result<void> load_keys(Reader& reader);
    // Threads: any.
    [[nodiscard]] KeyUses& uses() { return uses_; }
    // Threads: any.
    [[nodiscard]] LinkRequests& link_requests() { return link_requests_; }

    // Threads: the committer's.
    [[nodiscard]] AuditWriter& audit() { return audit_; }
    // Threads: the reader's.
    [[nodiscard]] AuditReader& audit_reader() { return audit_reader_; }

    // Saves `uses` (of uses().take()) and forgets what is over, a bounded amount each time: every minute and at the
    // end. Threads: the committer's.
    static Result<void> keep_house(Transaction& transaction, const std::vector<KeyUse>& uses,
                                   WallClock::time_point now);

 private:
    std::atomic<std::shared_ptr<const KeyTable>> keys_{std::make_shared<const KeyTable>()};
    KeyUses uses_;
    LinkRequests link_requests_;
    AuditWriter audit_;
    AuditReader audit_reader_;
};

}  // namespace relevo
