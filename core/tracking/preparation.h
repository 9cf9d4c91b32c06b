// Whether a message is tracked, and the message with its links and its image.
#pragma once

#include "core/feedback/token.h"
#include "core/tenancy/directory.h"
#include "core/tracking/link_book.h"
#include "core/tracking/options.h"
#include "lib/mail/message_stream.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// `author`: the domain that speaks for the message; nullptr: none of the tenant's. `asked`: what the message says
// itself (X-Relevo-Track): it is tracked so, in any stream, but never more than a domain allows that has said what it
// wants.
[[nodiscard]] Tracked tracked_of(const TrackingOptions& options, const Domain* author, mail::MessageStream stream,
                                 std::optional<Tracked> asked);
// "https://t.customer.example": of a domain with a host of its own, else the service's.
[[nodiscard]] std::string tracking_base(const TrackingOptions& options, const Domain* author);

struct PreparationRequest {
    TenantId tenant;
    MessageId message;
    std::size_t recipients = 1;
    Tracked tracked;
    std::string base_url;
    std::function<bool(std::string_view domain)> signs_for;
};

struct PreparedMessage {
    std::string content;             // empty: nothing was changed
    std::vector<TrackedLink> links;  // to be written with the message
    std::string summary;             // a JSON object for the history: what was changed, or why nothing was
};
[[nodiscard]] PreparedMessage prepare_tracking(std::string_view content, const TokenKeys& keys,
                                               const PreparationRequest& request);

// The paths of images and links: "/o/TOKEN", "/c/TOKEN".
inline constexpr std::string_view open_path = "/o/";
inline constexpr std::string_view click_path = "/c/";

}  // namespace relevo
