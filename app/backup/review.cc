#include "app/backup/review.h"

#include "adapters/committer/group_committer.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/spool/spool.h"

namespace relevo::backup {

Result<std::int64_t> hold_for_review(Disk& disk, const std::string& database_name, const std::string& reason,
                                     const std::function<bool(DeliveryId)>& is_wanted) {
    RELEVO_TRY(const auto database, open_sqlite(disk, database_name));
    RELEVO_TRY(const auto contents, open_segments(disk, {.reserve_octets = 0}));
    GroupCommitter committer(*database, *contents);
    Spool spool(committer);
    RELEVO_CHECK(database->begin());
    auto held = spool.hold_for_review(database->transaction(), reason, is_wanted);
    if (!held.has_value()) {
        database->rollback();
        return held;
    }
    RELEVO_CHECK(database->commit());
    return held;
}

}  // namespace relevo::backup
