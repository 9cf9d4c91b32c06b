// What an endpoint can subscribe to, and which events of the log it is about.
#pragma once

#include "core/events/event.h"
#include "lib/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Positions in stored sets: never renumber, add at the end.
enum class WebhookEventType : std::uint8_t {
    accepted = 0,
    deferred = 1,
    delivered = 2,
    bounced = 3,  // refused at once, or reported by another server later
    complained = 4,
    opened = 5,
    clicked = 6,
    held = 7,
    released = 8,
    expired = 9,
    dropped = 10,
    suppressed = 11,
    unsubscribed = 12,
    auto_reply = 13,
    domain_status_changed = 14,
    source_drained = 15,
    source_resumed = 16,
    source_listed = 17,
    source_delisted = 18,
    source_warm_up_step = 19,
    tenant_warned = 20,
    tenant_slowed = 21,
    tenant_held = 22,
    tenant_released = 23,
    certificate_issued = 24,
    certificate_renewed = 25,
    certificate_failed = 26,
    certificate_expiring = 27,
    suppression_created = 28,
    suppression_deleted = 29,
    quota_reached = 30,
    test = 62,  // asked for by a person; nobody subscribes to it
};

// "message.delivered"
[[nodiscard]] std::string_view name_of(WebhookEventType type);
// Nothing: endpoints do not hear of such events.
[[nodiscard]] std::optional<WebhookEventType> webhook_type_of(EventKind kind);

class WebhookEventSet {
 public:
    constexpr WebhookEventSet() = default;
    [[nodiscard]] static WebhookEventSet all();
    [[nodiscard]] static constexpr WebhookEventSet from_bits(std::int64_t bits) {
        WebhookEventSet set;
        set.bits_ = bits;
        return set;
    }
    // Empty: all there are, those of later releases too. Errors: invalid – a word that is no type.
    [[nodiscard]] static Result<WebhookEventSet> parse(const std::vector<std::string>& names);

    [[nodiscard]] constexpr bool contains(WebhookEventType type) const {
        return (bits_ >> static_cast<unsigned>(type) & 1) != 0;
    }
    [[nodiscard]] constexpr std::int64_t bits() const { return bits_; }
    [[nodiscard]] std::vector<std::string> names() const;
    friend constexpr bool operator==(WebhookEventSet, WebhookEventSet) = default;

 private:
    std::int64_t bits_ = 0;
};

}  // namespace relevo
