// What a submitter asks of us in the header of a message: fields "X-Relevo-…" and those of other services that give it
// labels, which are taken out before the message is signed and stored.
#pragma once

#include "core/policy/decision.h"
#include "core/reception/message_labels.h"
#include "core/reception/send_time.h"
#include "core/tenancy/model.h"
#include "lib/mail/message.h"
#include "lib/mail/message_stream.h"

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo {

inline constexpr std::string_view control_prefix = "X-Relevo-";

struct ControlHeaders {
    std::optional<mail::MessageStream> stream;  // X-Relevo-Stream: transactional or bulk
    std::optional<Tracked> tracked;             // X-Relevo-Track: opens, clicks, both with a comma, or none
    std::string pool;                           // X-Relevo-Pool: a pool of egress sources; empty: none is asked for
    MessageLabels labels;                       // message_labels.h
    // X-Relevo-Send-At, or send_at of X-SMTPAPI (send_time.h).
    std::optional<WallClock::time_point> send_at{};
    // Where these fields lie in the content, [begin, end), ascending; those whose names say nothing to us too.
    std::vector<std::pair<std::size_t, std::size_t>> places;
};

// `content`: what `header` was parsed from. `pools`: those that this sender may ask for, canonical.
// Names and values are compared without regard to case. A Decision refuses the message: a value that is none of those
// allowed (the text names them), or a field that is there twice.
[[nodiscard]] std::expected<ControlHeaders, Decision> control_headers(const mail::Header& header,
                                                                      std::string_view content,
                                                                      std::span<const std::string> pools);
// The message is made without them.
void remove_control_headers(mail::SubmissionFixes& fixes, const ControlHeaders& found);

}  // namespace relevo
