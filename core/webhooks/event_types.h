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
