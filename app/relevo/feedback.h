// What comes back, put together: the list of suppressed addresses and its rules.
#pragma once

#include "app/configuration/configuration.h"
#include "app/relevo/store.h"
#include "core/feedback/suppression_index.h"
#include "core/feedback/suppression_keeper.h"

namespace relevo {

// Threads: made before the shards start; its parts, what they say.
class Feedback {
 public:
    // Gives the store's spool its rules.
    Feedback(const Configuration& configuration, Store& store, Log& log, Metrics& metrics);
    Result<void> load(Reader& reader);
    void configure(const Configuration& configuration);

    [[nodiscard]] SuppressionIndex& index() { return index_; }
    [[nodiscard]] SuppressionKeeper& keeper() { return keeper_; }
    // Rows of the housekeeping, once a minute.
    Result<void> keep_house(Transaction& transaction, WallClock::time_point now);

 private:
    SuppressionIndex index_;
    SuppressionKeeper keeper_;
};

}  // namespace relevo
