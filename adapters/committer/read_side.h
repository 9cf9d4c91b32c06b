// The reading half of GroupCommitter.
#pragma once

#include "adapters/committer/group_committer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace relevo {

class GroupCommitter::ReadSide {
 public:
    ReadSide(Database& database, ContentStore& contents, std::size_t waiting_limit)
        : database_(database), contents_(contents), waiting_limit_(waiting_limit) {}

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

    Database& database_;
    ContentStore& contents_;
    const std::size_t waiting_limit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace relevo
