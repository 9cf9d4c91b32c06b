// A scripted life of a store on a simulated disk, and what must hold after a crash at any call of it. For tests.
#pragma once

#include "adapters/committer/group_committer.h"
#include "adapters/segments/segment_store.h"
#include "adapters/simulation/simulated_disk.h"

#include <boost/asio/io_context.hpp>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace relevo::simulation {

// When things happened to one message, as numbers of calls recorded by then.
struct Life {
    std::size_t offered = 0;              // handed to the committer
    std::optional<std::size_t> accepted;  // acknowledged: it must survive from here on
    std::optional<std::size_t> ending;    // its outcome was handed over
    std::optional<std::size_t> ended;     // acknowledged: it must stay away from here on
    bool refused = false;                 // acknowledged with an error: it must never turn up
};

struct Recording {
    std::vector<Call> calls;
    std::map<std::int64_t, Life> lives;
    CommitterMetrics metrics;
};

// The content of message `id`, made from the id alone.
[[nodiscard]] std::string content_of(std::int64_t id);

// Everything that a server has open on a disk, with the recovery that it does at start.
class Store {
 public:
    // Errors: whatever stops a server from starting.
    static Result<std::unique_ptr<Store>> open(Disk& disk);
    ~Store();

    Database& database() { return *database_; }
    ContentStore& contents() { return *contents_; }
    GroupCommitter& committer() { return *committer_; }
    boost::asio::io_context& context() { return context_; }
    // Called before compaction asks about a message: by then every acknowledgement of the group is out.
    void deliver();

    struct Row {
        std::int64_t id = 0;
        ContentLocation location;
    };
    Result<std::vector<Row>> waiting();
    // Rows, locations, segments: two recoveries of the same disk must give the same.
    Result<std::string> fingerprint();

 private:
    Store() = default;
    Result<void> recover();

    std::unique_ptr<Database> database_;
    std::unique_ptr<ContentStore> contents_;
    std::unique_ptr<GroupCommitter> committer_;
    boost::asio::io_context context_;
};

// Runs the script: groups of messages, outcomes, refused duplicates, deferrals, checkpoints, compactions, restarts.
class Script {
 public:
    Script(SimulatedDisk& disk, std::uint64_t seed) : disk_(disk), chance_(seed) {}
    void run(int steps);
    // The same, but errors are expected and a broken store is opened again. Without `certain`, the disk fails for so
    // long that a refused message may come back after a restart: the cut of the log failed too.
    enum class Refusal : std::uint8_t { certain, doubtful };
    void run_with_faults(int steps, Refusal refusal) {
        faults_expected_ = true;
        refusal_ = refusal;
        run(steps);
    }
    [[nodiscard]] Recording recording() const;

 private:
    void step();
    void offer();
    void offer_duplicate();
    void end_some();
    void defer_some();
    void flush();
    void restart();

    SimulatedDisk& disk_;
    std::mt19937_64 chance_;
    std::unique_ptr<Store> store_;
    std::map<std::int64_t, Life> lives_;
    std::map<std::int64_t, ContentLocation> locations_;
    std::set<std::int64_t> living_;
    std::int64_t last_id_ = 1000;
    bool faults_expected_ = false;
    Refusal refusal_ = Refusal::certain;
    CommitterMetrics metrics_;
};

// Starts a server on what a crash after `position` calls left, and compares with what was acknowledged by then. Nothing
// if all is well, else what is wrong. The image is what the disk holds after the server ended.
struct Verdict {
    std::optional<std::string> problem;
    std::vector<Call> calls;  // what recovery and the orderly end did
};
[[nodiscard]] Verdict check(const DiskImage& image, const std::map<std::int64_t, Life>& lives, std::size_t position,
                            bool thorough);

}  // namespace relevo::simulation
