// A message in our keeping.
#pragma once

#include "core/ports/content_store.h"
#include "core/ports/task.h"
#include "lib/base/identifier.h"
#include "lib/mail/envelope.h"
#include "lib/mail/message_stream.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

// Message ids carry the time of acceptance: milliseconds since 1970 in the upper 41 bits, then 4 bits of shard and 18
// of sequence. A message of n recipients takes n ids in a row, so that `id + ordinal` is the key of each delivery, and
// both tables grow at their end.
inline constexpr int id_time_shift = 22;
inline constexpr int id_shard_shift = 18;
[[nodiscard]] inline WallClock::time_point time_of(MessageId id) {
    return WallClock::time_point(std::chrono::milliseconds(id.value >> id_time_shift));
}
[[nodiscard]] inline std::int64_t key_of(DeliveryId id) { return id.message.value + id.ordinal; }

// Threads: one per shard.
class MessageIdSource {
 public:
    explicit MessageIdSource(unsigned shard) : shard_(shard) {}
    // Ids never repeat or fall, even if the wall clock does. `recipients` is at least 1, at most 65,536.
    [[nodiscard]] MessageId next(WallClock::time_point now, std::size_t recipients);
    // Later ids are greater than `last`, which another run gave, even if the wall clock was set back since.
    void continue_after(MessageId last);

 private:
    std::int64_t shard_;
    std::int64_t last_millisecond_ = 0;
    std::int64_t used_ = 0;
};

// Immutable, shared by the deliveries of its recipients.
struct Message {
    MessageId id;
    TenantId tenant;
    CredentialId credential;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string pool;  // of egress sources, that the sender asked for; empty: none
    // What it leaves with. recipients: those still to be delivered when it was loaded.
    mail::Envelope envelope;
    std::optional<mail::ReversePath> submitted_by;  // if it leaves with a return path of ours instead
    std::vector<std::uint32_t> ordinals;            // ordinals[i] belongs to envelope.recipients[i]
    WallClock::time_point accepted_at;
    WallClock::time_point due_at;  // when delivery might begin; the epoch, or later than accepted_at
    ContentLocation location;
    std::shared_ptr<const std::string> content;  // fresh messages and loaded ones; never null when a delivery starts

    // Whom reports of ours go to, and people are shown.
    [[nodiscard]] const mail::ReversePath& sender() const {
        return submitted_by ? *submitted_by : envelope.reverse_path;
    }
};

enum class DeliveryState : std::uint8_t { waiting = 0, held = 1 };

// One row of the queue, as far as scheduling needs it.
struct PendingDelivery {
    DeliveryId id;
    TenantId tenant;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string_view pool;       // that it asks for; valid during the callback
    std::string_view recipient;  // address; valid during the callback
    WallClock::time_point due_at;
    std::uint32_t attempts = 0;
    DeliveryState state = DeliveryState::waiting;
    bool delay_reported = false;
    bool tls_optional = false;  // as in its envelope
};

}  // namespace relevo
