// When a message asks to be delivered.
#pragma once

#include "core/ports/task.h"
#include "lib/base/result.h"
#include "lib/mail/message.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace relevo {

// So far ahead at most. Not further: until then the message is ours to keep, and nobody corrects it any more.
inline constexpr std::chrono::hours longest_schedule{72};

// "2026-11-27T10:00:00Z", with a fraction or another offset if need be (RFC 3339 §5.6), or whole seconds since 1970.
// Errors: invalid – neither, or before 1970 or after 2199.
[[nodiscard]] Result<WallClock::time_point> parse_send_time(std::string_view text);

// The member "send_at" of X-SMTPAPI, in seconds since 1970; nothing if the field is another one or does not say.
// Errors: invalid – it is no JSON, or no such number.
[[nodiscard]] Result<std::optional<WallClock::time_point>> send_time_of_smtpapi(const mail::Field& field);

// "2026-11-27T10:00:00Z", to the second.
[[nodiscard]] std::string send_time_text(WallClock::time_point time);

// How what the queue list shows of a scheduled message begins.
inline constexpr std::string_view waits_for_schedule = "Scheduled for ";

}  // namespace relevo
