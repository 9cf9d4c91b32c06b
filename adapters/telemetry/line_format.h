// One log line.
#pragma once

#include "core/ports/log.h"

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

namespace relevo::telemetry {

[[nodiscard]] std::string_view name_of(Level level);
// Appends the line, its newline included.
void append_line(std::string& out, std::chrono::system_clock::time_point now, Level level, std::string_view event,
                 std::initializer_list<Field> fields);

}  // namespace relevo::telemetry
