// What a link or an image in a message says about itself: short texts that nobody else can make.
#pragma once

#include "core/events/event.h"
#include "core/feedback/token.h"
#include "lib/base/identifier.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo {

struct TrackedLinkTag {
    static constexpr std::string_view prefix = "lnk";
};
using TrackedLinkId = Identifier<TrackedLinkTag>;

// A token of one kind is none of the other.
enum class TrackedKind : char { open = 'o', click = 'c' };

struct TrackingToken {
    TenantId tenant;
    MessageId message;
    std::int64_t ordinal = whole_message;  // of the only recipient; all share the message if there are several
    std::uint16_t link = 0;                // its number in the message, from 0; of a click
    TrackedLinkId target;                  // where it leads; of a click
    friend bool operator==(const TrackingToken&, const TrackingToken&) = default;
};

// 34 (open) or 47 (click) characters of base64url (RFC 4648 §5): key id, message, tenant, ordinal, for clicks link and
// target, 80 bits of a keyed BLAKE2b with the keys of return paths. Empty: there is no key.
[[nodiscard]] std::string make_tracking_token(const TokenKeys& keys, TrackedKind kind, const TrackingToken& token);
// nullopt: not one of ours, whole and unchanged (security row E6). Costs a hash, whatever the text.
[[nodiscard]] std::optional<TrackingToken> read_tracking_token(const TokenKeys& keys, TrackedKind kind,
                                                               std::string_view text);

}  // namespace relevo
