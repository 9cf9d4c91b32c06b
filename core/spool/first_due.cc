#include "core/spool/first_due.h"

#include "core/spool/message.h"

namespace relevo {
namespace {
constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound
}

Result<void> record_first_due(Transaction& transaction, MessageId message, WallClock::time_point time) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
    RELEVO_CHECK(
        transaction.execute("UPDATE delivery SET first_due_at = $1 WHERE id >= $2 AND id <= $3 AND message_id = $4",
                            {milliseconds, message.value, message.value + last_ordinal, message.value}));
    return {};
}

}  // namespace relevo
