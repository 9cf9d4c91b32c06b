// Recipients on their way through a queue: as they wait, and as they are handed out.
#pragma once

#include "core/ports/task.h"
#include "lib/base/identifier.h"
#include "lib/mail/message_stream.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace relevo {

class Destination;

// Whose mail it is and of what kind: takes turns with the others.
struct MailFlow {
    TenantId tenant;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string pool = {};      // of egress sources, that it asks for; empty: none
    bool tls_optional = false;  // rather in clear than not at all
    friend bool operator==(const MailFlow&, const MailFlow&) = default;
};

// One waiting recipient: 24 octets, since a million of them may wait.
struct QueueEntry {
    MessageId message;
    std::uint32_t ordinal = 0;
    std::uint16_t attempts = 0;
    bool delay_reported : 1 = false;  // its sender was told of the delay
    bool fresh : 1 = false;           // its row is as it was accepted: the message in memory may serve for it
    std::uint32_t flow = 0;           // index of its MailFlow in the queue
};

// Recipients of one message at one destination, handed out together. The holder must finish() each of them.
struct Lease {
    Destination* destination = nullptr;
    MessageId message;
    std::vector<std::uint32_t> ordinals;  // ascending
    std::vector<std::uint16_t> attempts;  // made before, by place
    std::vector<bool> delay_reported;     // by place
    std::uint32_t flow = 0;
    bool fresh = true;  // all of them are
};

// After connections that came to nothing: when the next one may be tried.
struct BackOff {
    std::uint32_t failures_in_a_row = 0;
    Deadline failed_at = Deadline::min();   // when the last one's pause began
    Deadline not_before = Deadline::min();  // no new connection before; those that are open go on
    std::string last_problem;               // empty after a success

    void end() {
        failures_in_a_row = 0;
        not_before = Deadline::min();
        last_problem.clear();
    }
    [[nodiscard]] bool is_over(Deadline now) const { return now >= not_before; }
};

}  // namespace relevo
