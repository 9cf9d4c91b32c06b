// What a session says on its own account; what a policy says is in core/policy/replies.h.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/smtp/reply.h"

#include <string_view>

namespace relevo::replies {

[[nodiscard]] smtp::Reply too_many_connections();
[[nodiscard]] smtp::Reply too_many_connections_from_address(std::uint32_t limit);
[[nodiscard]] smtp::Reply timed_out(std::string_view what);
[[nodiscard]] smtp::Reply shutting_down();
[[nodiscard]] smtp::Reply mechanism_failed(std::string_view problem);  // malformed exchange, missing channel binding
[[nodiscard]] smtp::Reply send_content();  // the session turns it into 354 or takes the chunk
// `suppressed` of `recipients` get nothing.
[[nodiscard]] smtp::Reply queued(std::string_view id, std::size_t suppressed, std::size_t recipients);
[[nodiscard]] smtp::Reply feedback_taken(std::string_view id);
[[nodiscard]] smtp::Reply feedback_too_large(Octets limit);
[[nodiscard]] smtp::Reply header_too_large(std::string_view problem);
[[nodiscard]] smtp::Reply too_many_hops(std::size_t limit);
[[nodiscard]] smtp::Reply not_stored(ErrorKind kind);

}  // namespace relevo::replies
