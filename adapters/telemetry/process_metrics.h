// What the operating system tells of this process, as Prometheus names it.
#pragma once

#include <string>

namespace relevo::telemetry {

void render_process(std::string& out);

}  // namespace relevo::telemetry
