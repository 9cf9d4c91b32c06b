// Makes things durable: content first, then rows, one sync each for many requests at once (group commit, architecture
// D5, D8).
#pragma once

#include "core/ports/content_store.h"
#include "core/ports/database.h"
#include "core/ports/task.h"

#include <memory>
#include <string>
#include <vector>

namespace relevo {

// One content to store; its location is filled in before `rows` runs.
struct ContentToStore {
    MessageId id;
    std::shared_ptr<const std::string> content;
    ContentLocation location;
};

// What must become durable together. `rows` runs on the committer's thread inside a transaction that it shares with
// other requests; if it returns an error, or the shared transaction fails, it runs once more in a transaction of its
// own, so it must be repeatable.
struct CommitRequest {
    std::vector<ContentToStore> contents;
    std::move_only_function<Result<void>(Transaction&, const std::vector<ContentToStore>&)> rows;
};

// The write side of the store. Threads: commit() from any shard; the work is done by one thread of its own.
class Committer {
 public:
    virtual ~Committer() = default;
    // Completes when everything of the request is durable, or when it is certain that nothing of it will ever be.
    // Errors: full – answer 452 4.3.1. io, conflict, limit (too much is waiting: answer 451 4.3.2), closed (shutdown).
    virtual void commit(CommitRequest request, Completer<Result<void>> done) = 0;
    // Runs `work` on the reader's thread on a snapshot.
    virtual void read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) = 0;
    // Reads a content on the reader's thread.
    virtual void read_content(MessageId id, ContentLocation location, Completer<Result<std::string>> done) = 0;
    // The content is no longer needed (its rows are gone, durably). Threads: any.
    virtual void drop_content(ContentLocation location) = 0;
};

// The same for coroutines.
inline Task<Result<void>> commit(Committer& committer, CommitRequest request) {
    co_return co_await completion_of<Result<void>>(
        [&](Completer<Result<void>> done) { committer.commit(std::move(request), std::move(done)); });
}
inline Task<Result<void>> read_rows(Committer& committer, std::move_only_function<Result<void>(Reader&)> work) {
    co_return co_await completion_of<Result<void>>(
        [&](Completer<Result<void>> done) { committer.read(std::move(work), std::move(done)); });
}
inline Task<Result<std::string>> read_content(Committer& committer, MessageId id, ContentLocation location) {
    co_return co_await completion_of<Result<std::string>>(
        [&](Completer<Result<std::string>> done) { committer.read_content(id, location, std::move(done)); });
}

}  // namespace relevo
