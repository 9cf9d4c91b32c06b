// Results on their way back to the shards.
#pragma once

#include "core/ports/task.h"

#include <boost/asio/post.hpp>

#include <vector>

namespace relevo::committing {

// Collects what a group answered and posts one handler per shard: an event loop is woken once, not once per request.
class Completions {
 public:
    void add(Completer<Result<void>> done, Result<void> result) {
        const Executor executor = done.executor();
        batch_of(executor).push_back({done.release(), std::move(result)});
    }

    void post() {
        for (Batch& batch : batches_)
            boost::asio::post(batch.executor, [answers = std::move(batch.answers)]() mutable {
                for (Answer& answer : answers) answer.resume(std::move(answer.result));
            });
        batches_.clear();
    }

 private:
    struct Answer {
        std::move_only_function<void(Result<void>)> resume;
        Result<void> result;
    };
    struct Batch {
        Executor executor;
        std::vector<Answer> answers;
    };

    std::vector<Answer>& batch_of(const Executor& executor) {
        for (Batch& batch : batches_)
            if (batch.executor == executor) return batch.answers;
        return batches_.emplace_back(Batch{executor, {}}).answers;
    }

    std::vector<Batch> batches_;  // as many as there are shards
};

}  // namespace relevo::committing
