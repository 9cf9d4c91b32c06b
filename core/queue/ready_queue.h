// Recipients that may go now, in the order of their turns.
#pragma once

#include "core/queue/entry.h"
#include "core/shaping/turns.h"

namespace relevo {

struct ReadyEntry {
    QueueEntry entry;
    Destination* destination = nullptr;
};

// Transactional mail before bulk, tenants by turns.
using ReadyQueue = shaping::Turns<TenantId, ReadyEntry>;

[[nodiscard]] inline shaping::Priority priority_of(mail::MessageStream stream) {
    return stream == mail::MessageStream::bulk ? shaping::Priority::bulk : shaping::Priority::transactional;
}

}  // namespace relevo
