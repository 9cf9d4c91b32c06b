// The reading half of GroupCommitter.
#pragma once

#include "adapters/committer/completions.h"
#include "adapters/committer/group_committer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace relevo {

class GroupCommitter::ReadSide {
 public:
    ReadSide(Database& database, ContentStore& contents, Writer& writer, std::size_t waiting_limit)
        : database_(database), contents_(contents), writer_(writer), waiting_limit_(waiting_limit) {}

    void add(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done);
    void add(MessageId id, ContentLocation location, Completer<Result<std::string>> done);
    void start();
    void stop();
    bool run_once();

 private:
    // Does the reading and completes; with an error, completes with that.
    using Job = std::move_only_function<void(const std::optional<Error>&)>;
    void push(Job job);
    void run();
    void answer();

    Database& database_;
    ContentStore& contents_;
    Writer& writer_;
    const std::size_t waiting_limit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> queue_;
    bool stopping_ = false;
    std::thread thread_;
    // The reading thread's own: answers that wait for what they saw to be safe.
    committing::Completions answers_;
    std::vector<std::pair<Completer<Result<void>>, Result<void>>> unsafe_;
};

}  // namespace relevo
