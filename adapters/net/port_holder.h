// Who listens on a port, for the text of an error.
#pragma once

#include "core/ports/stream.h"

#include <string>

namespace relevo::net {

// "nginx (process 812)", "a process of another user", or "" if /proc does not tell.
[[nodiscard]] std::string holder_of(const Endpoint& endpoint);

}  // namespace relevo::net
