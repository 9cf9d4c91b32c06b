// Deliveries that begin later than their message was accepted, because it was scheduled or had to wait for a quota: how
// long they are tried counts from then, not from the acceptance. Rows; threads as of the Transaction or Reader.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"

namespace relevo {

// In the transaction that accepts the message, after its deliveries.
[[nodiscard]] Result<void> record_first_due(Transaction& transaction, MessageId message, WallClock::time_point time);

}  // namespace relevo
