// `relevo top`: what the server does, live in the terminal, or once.
#pragma once

#include "app/cli/command_line.h"
#include "app/cli/performer.h"

#include <chrono>
#include <cstdint>

namespace relevo::cli {

struct TopOptions {
    std::chrono::seconds interval{2};  // between two looks: rates are those of that time
    bool once = false;                 // one page (with json: one object) after one interval
    bool json = false;
    std::int64_t limit = 10;  // sites and tenants that are shown
};

// Until q, Ctrl-C or a signal that ends programs; the terminal is left as it was. Needs one unless once or json.
ExitCode show_top(RequestPerformer& performer, const TopOptions& options);

}  // namespace relevo::cli
