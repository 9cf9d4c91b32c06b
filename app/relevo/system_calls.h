// Which system calls this process may make from now on.
#pragma once

#include "lib/base/result.h"

#include <cstdint>

namespace relevo {

enum class ChildPrograms : std::uint8_t {
    forbidden,
    allowed,  // a hook of the configuration is run, under the same filter
};

// A seccomp filter for all threads, those that run and those to come; it cannot be taken off. What a mail relay and its
// libraries have need of is allowed; the rest does not exist (ENOSYS), so that a newer C library falls back as it does
// on an older kernel. Calls that only an intruder makes (to run a program, trace, mount, load a module, …) end the
// process: whoever got so far may not go on trying. Call it after forbid_new_privileges(). Errors: refused.
[[nodiscard]] Result<void> filter_system_calls(ChildPrograms programs);

}  // namespace relevo
