// What comes back, put together: return paths, what arrives at them, the list of suppressed addresses and its rules.
#pragma once

#include "app/configuration/configuration.h"
#include "app/relevo/store.h"
#include "core/delivery/outcome.h"
#include "core/feedback/conduct.h"
#include "core/feedback/intake.h"
#include "core/feedback/return_paths.h"
#include "core/feedback/suppression_index.h"
#include "core/feedback/suppression_keeper.h"
#include "core/ports/key_vault.h"

#include <functional>
#include <memory>

namespace relevo {

// What needs a running server.
struct FeedbackPorts {
    ReturnPaths::DirectorySource directory;
    MailReader::Patterns patterns;
    KeyVault& vault;
};

// Threads: made, opened and loaded before the shards start; its parts, what they say.
class Feedback {
 public:
    // Gives the store's spool its rules.
    Feedback(const Configuration& configuration, Store& store, Log& log, Metrics& metrics);
    // Makes return paths, too, and takes what comes back to them. Before the store's start(): writes a first key.
    Result<void> open(const Configuration& configuration, FeedbackPorts ports);
    Result<void> load(Reader& reader);
    void configure(const Configuration& configuration);

    [[nodiscard]] SuppressionIndex& index() { return index_; }
    [[nodiscard]] SuppressionKeeper& keeper() { return keeper_; }
    [[nodiscard]] ConductLedger& conduct() { return conduct_; }
    // What became of a recipient of a tenant's mail is written.
    void concluded(const Message& message, const AttemptResult& result);
    // After open():
    [[nodiscard]] ReturnPaths* return_paths() { return return_paths_.get(); }
    [[nodiscard]] FeedbackIntake* intake() { return intake_.get(); }
    // Ends what waits to be read; before the shards go.
    void close() { intake_.reset(); }

    // Rows of the housekeeping, once a minute; and that they are written.
    Result<void> keep_house(Transaction& transaction, WallClock::time_point now);
    void house_kept() { conduct_.saved(); }
    // Makes the next key of return paths when the last one is old.
    Task<> keep_keys(WallClock::time_point now);

 private:
    Result<void> load_keys(Reader& reader);

    Store& store_;
    Log& log_;
    Metrics& metrics_;
    SuppressionIndex index_;
    SuppressionKeeper keeper_;
    ConductLedger conduct_;
    KeyVault* vault_ = nullptr;
    std::unique_ptr<ReturnPaths> return_paths_;
    std::unique_ptr<FeedbackIntake> intake_;
};

}  // namespace relevo
