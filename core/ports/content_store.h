// Message octets: immutable once stored, shared by all recipients. Implemented by adapters/segments and
// adapters/memory.
#pragma once

#include "lib/base/identifier.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Where a content lies; kept in the message's row.
struct ContentLocation {
    std::uint32_t segment = 0;
    Octets offset = 0;
    Octets length = 0;  // of the content itself
    friend bool operator==(const ContentLocation&, const ContentLocation&) = default;
};

// Threads: append(), begin_sync(), sync(), drop(), compact() on the committer's thread; read() on any.
class ContentStore {
 public:
    virtual ~ContentStore() = default;
    // Adds to the open segment; neither durable nor readable before sync(). Errors: full – answer 452 4.3.1; nothing
    // was changed. io – answer 451 4.3.0; sync() will fail.
    virtual Result<ContentLocation> append(MessageId id, std::string_view content) = 0;
    // append() refuses when the disk would have less left. Threads: any.
    virtual void set_reserve(Octets octets) { static_cast<void>(octets); }
    // A hint that sync() follows, after other work: what was appended begins its way to the disk.
    virtual void begin_sync() {}
    // Everything appended survives a power cut afterwards. After an error everything appended since the last success is
    // void.
    virtual Result<void> sync() = 0;
    // Errors: not_found – no such record; damaged – it is (checksum, id or length differ): detail names segment and
    // offset.
    virtual Result<std::string> read(MessageId id, const ContentLocation& location) = 0;
    // The content is no longer needed; its room is won back by compact().
    virtual void drop(const ContentLocation& location) = 0;
    // Removes segments in which nothing lives. If the disk is more than 2 × live + 256 MiB, copies what still lives out
    // of the worst one and returns the moves, already durable; the caller writes them into the rows in one transaction,
    // then calls finish_compaction(). Before that the old segment stays; a compact() that is not finished is forgotten
    // by the next. Afterwards the old locations still work in read() and drop() until restart, for callers that hold
    // one. Call it with nothing appended since the last sync(). No moves and no error: nothing to do.
    // A row that names another place than `from` must be left alone: a void record may carry the same id.
    struct Move {
        MessageId id;
        ContentLocation from, to;
    };
    virtual Result<std::vector<Move>> compact(const std::function<bool(MessageId)>& is_live) = 0;
    virtual Result<void> finish_compaction() = 0;
    // At start: tells what the rows say is alive, so that the rest counts as free. Then segments without live content
    // are removed.
    virtual void mark_live(const ContentLocation& location) = 0;
    virtual Result<void> finish_recovery() = 0;
    struct Usage {
        Octets live = 0, on_disk = 0;
        std::uint32_t segments = 0;
    };
    [[nodiscard]] virtual Usage usage() const = 0;
};

}  // namespace relevo
