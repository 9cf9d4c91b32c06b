// What the process remembers of runs that were cut off, and what follows from it (decision 0015): the messages that
// were under way are suspected, and the one that is left after three such runs is held.
#pragma once

#include "adapters/disk/shared_page.h"
#include "app/configuration/configuration.h"
#include "app/relevo/store.h"
#include "core/delivery/attempt_trace.h"
#include "core/delivery/suspects.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo {

// Threads: opened and asked before the shards start; its parts, what they say. Must outlive the shards.
class CrashGuard {
 public:
    struct Ports {
        Store& store;
        Log& log;
        Metrics& metrics;
        Executor executor;  // where commits of its own complete
    };
    // Counts the run before, if it was cut off, and begins this one. Errors: as SharedPage::open() and the store.
    [[nodiscard]] static Result<std::unique_ptr<CrashGuard>> open(const Configuration& configuration, unsigned shards,
                                                                  Ports ports);

    [[nodiscard]] AttemptTrace& trace(unsigned shard) { return traces_[shard]; }
    [[nodiscard]] Suspects& suspects() { return suspects_; }
    // At recovery: a recipient that is not to be attempted, but held.
    [[nodiscard]] bool takes(DeliveryId recipient);
    // Holds what it took.
    Task<> hold_taken();
    // The shards' threads have ended in order.
    void end_in_order();
    // What the engines are to call before each attempt: nothing, unless the environment asks for crashes.
    [[nodiscard]] std::function<void(const Message&)> test_hook() const;

 private:
    CrashGuard(Ports ports, std::unique_ptr<SharedPage> page) : ports_(std::move(ports)), page_(std::move(page)) {}
    void acquitted(MessageId message);

    Ports ports_;
    std::unique_ptr<SharedPage> page_;
    std::vector<AttemptTrace> traces_;
    Suspects suspects_;
    std::vector<DeliveryRow> taken_;
    std::string crash_text_;
};

}  // namespace relevo
