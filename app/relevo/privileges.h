// The operating system's side of a start: folders, users, descriptors.
#pragma once

#include "app/configuration/configuration.h"

#include <string>
#include <vector>

namespace relevo {

// Makes data_dir and run_dir (0700 and 0750) if they are missing; as root they are given to server.user. Errors: io,
// refused.
[[nodiscard]] Result<void> prepare_folders(const ServerSettings& server);
// As root: gives files to server.user. Else nothing.
[[nodiscard]] Result<void> give_to_user(const ServerSettings& server, const std::vector<std::string>& files);
// No set-uid program gains anything below this process (prctl(2), PR_SET_NO_NEW_PRIVS). Holds for the calling thread
// and those that it starts: call it before any other thread runs. Errors: refused.
[[nodiscard]] Result<void> forbid_new_privileges();
// As root with server.user set: becomes that user for good. Whoever it is then, no capability is left, nor one that
// could be regained. Capabilities are a thread's own: call it before any other thread runs. Errors: not_found – no
// such user; refused.
[[nodiscard]] Result<void> drop_privileges(const ServerSettings& server);
// As many descriptors as the hard limit allows, up to 1,048,576.
[[nodiscard]] Result<void> raise_descriptor_limit();

}  // namespace relevo
