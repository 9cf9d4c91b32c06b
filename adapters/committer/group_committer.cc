#include "adapters/committer/group_committer.h"

#include "adapters/committer/read_side.h"
#include "adapters/committer/writer.h"

namespace relevo {

GroupCommitter::GroupCommitter(Database& database, ContentStore& contents, CommitterOptions options)
    : writer_(std::make_unique<Writer>(database, contents, options)),
      reads_(std::make_unique<ReadSide>(database, contents, *writer_, options.waiting_reads)) {}

GroupCommitter::~GroupCommitter() { stop(); }

void GroupCommitter::start() {
    writer_->start();
    reads_->start();
}

void GroupCommitter::stop() {
    reads_->stop();
    writer_->stop();
}

bool GroupCommitter::run_once() {
    const bool wrote = writer_->run_once();
    return reads_->run_once() || wrote;
}

void GroupCommitter::tidy() { writer_->tidy(); }

void GroupCommitter::commit(CommitRequest request, Completer<Result<void>> done) {
    writer_->add(std::move(request), std::move(done));
}

void GroupCommitter::read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) {
    reads_->add(std::move(work), std::move(done));
}

void GroupCommitter::read_content(MessageId id, ContentLocation location, Completer<Result<std::string>> done) {
    reads_->add(id, location, std::move(done));
}

void GroupCommitter::drop_content(ContentLocation location) { writer_->drop(location); }

void GroupCommitter::hold(std::chrono::milliseconds lease, std::function<Result<void>()> at_that_moment,
                          Completer<Result<void>> done) {
    writer_->hold(lease, std::move(at_that_moment), std::move(done));
}

bool GroupCommitter::renew_hold(std::chrono::milliseconds lease, HeldFiles held) {
    return writer_->renew_hold(lease, held);
}

void GroupCommitter::end_hold() { writer_->end_hold(); }

CommitterMetrics GroupCommitter::metrics() const { return writer_->metrics(); }

}  // namespace relevo
