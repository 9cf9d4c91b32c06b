// Asks the running server over its Unix socket; docs/control-protocol.md.
#pragma once

#include "lib/base/result.h"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <string>

namespace relevo::cli {

// One request, one answer; blocks until `timeout` at most. Returns the whole answer, {"ok":…}.
// Errors: closed – no server listens there. refused – we may not open the socket. timeout, io. invalid – the answer is
// not of the protocol.
[[nodiscard]] Result<boost::json::object> ask_server(const std::string& socket_path, const boost::json::object& request,
                                                     std::chrono::milliseconds timeout);

}  // namespace relevo::cli
