// For a committer of rows alone.
#pragma once

#include "core/ports/content_store.h"

namespace relevo {

// Takes nothing and has nothing. Threads: any.
class NoContents final : public ContentStore {
 public:
    Result<ContentLocation> append(MessageId, std::string_view) override { return refused(); }
    Result<void> sync() override { return {}; }
    Result<std::string> read(MessageId, const ContentLocation&) override { return refused(); }
    void drop(const ContentLocation&) override {}
    Result<std::vector<Move>> compact(const std::function<bool(MessageId)>&) override { return std::vector<Move>(); }
    Result<void> finish_compaction() override { return {}; }
    void mark_live(const ContentLocation&) override {}
    Result<void> finish_recovery() override { return {}; }
    [[nodiscard]] Usage usage() const override { return {}; }

 private:
    static std::unexpected<Error> refused() {
        return failure(ErrorKind::unsupported, "this store keeps no contents of messages");
    }
};

}  // namespace relevo
