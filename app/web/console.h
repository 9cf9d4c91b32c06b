// Gives the web console out.
#pragma once

#include "app/web/console_files.h"
#include "core/ports/http.h"

namespace relevo {

// A file of the console, or index.html for the address of a screen: all but /assets/… and names with a full stop at the
// top. 304 if the browser has it, 404 for a file that is not there, 405 for anything but GET and HEAD. Every answer
// carries the rules for the browser: scripts, styles and connections of this server alone, no inline ones, in no frame.
[[nodiscard]] HttpResponse answer_console(const ConsoleFiles& files, const HttpRequest& request);

}  // namespace relevo
