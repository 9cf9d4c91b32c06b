// `GET /events/stream`: what happens to mail, as it happens (Server-Sent Events).
#pragma once

#include "app/api/api.h"

namespace relevo::api {

inline constexpr std::size_t streams_of_one_limit = 6;
inline constexpr std::size_t streams_limit = 200;

// Whether who asked may still read: asked at each heartbeat, so that a stream ends with its session or key.
using StillMay = std::function<Task<bool>()>;

// Errors: 429 – too many streams, of this one or of all.
Task<std::expected<HttpResponse, Trouble>> stream_events(Ports& ports, OpenStreams& streams, const Call& call,
                                                         StillMay still_may);

}  // namespace relevo::api
