// Sends a request to the running server, or performs it on the store when none runs.
#pragma once

#include "app/cli/command_line.h"
#include "app/cli/commands.h"

#include <boost/json/value.hpp>

#include <string>

namespace relevo::cli {

struct Performed {
    ExitCode code = ExitCode::ok;
    boost::json::value result;  // if code is ok
    std::string problem;        // else: what is wrong and what to do
    boost::json::value error;   // the answer's error object, if there was an answer
};

class RequestPerformer {
 public:
    RequestPerformer(const Configuration& configuration, Commands& commands)
        : configuration_(configuration), commands_(commands) {}
    [[nodiscard]] Performed perform(const CommandSpec& command, const boost::json::object& arguments);

 private:
    const Configuration& configuration_;
    Commands& commands_;
};

}  // namespace relevo::cli
