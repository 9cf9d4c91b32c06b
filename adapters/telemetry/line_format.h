// One log line.
#pragma once

#include "core/ports/log.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace relevo::telemetry {

[[nodiscard]] std::string_view name_of(Level level);
enum class LineFormat : std::uint8_t {
    json,
    text,  // for eyes: 2026-03-01T09:30:00.123456Z info smtp.accepted peer="192.0.2.1:40000" size=424
};

// Appends the line, its newline included.
void append_line(std::string& out, LineFormat format, std::chrono::system_clock::time_point now, Level level,
                 std::string_view event, std::initializer_list<Field> fields);

}  // namespace relevo::telemetry
