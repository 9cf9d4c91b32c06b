// From the arguments of commands that run in this process to their options.
#pragma once

#include "app/cli/commands.h"
#include "lib/base/result.h"

#include <boost/json/object.hpp>

namespace relevo::cli {

// Errors: invalid – detail names the option and what to write.
[[nodiscard]] Result<SinkOptions> sink_options(const boost::json::object& arguments);
// `configuration` is used where no server is named; nullptr: there is none.
[[nodiscard]] Result<SendTestOptions> send_test_options(const boost::json::object& arguments,
                                                        const Configuration* configuration);

// The text argument `name`, or `fallback`.
[[nodiscard]] std::string text_of(const boost::json::object& arguments, std::string_view name,
                                  std::string_view fallback = {});
[[nodiscard]] bool flag_of(const boost::json::object& arguments, std::string_view name);
[[nodiscard]] std::vector<std::string> list_of(const boost::json::object& arguments, std::string_view name);

}  // namespace relevo::cli
