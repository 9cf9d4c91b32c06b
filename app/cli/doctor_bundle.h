// `relevo doctor-bundle`: what somebody who helps from afar asks for first, as one text that can be read before it is
// handed on.
#pragma once

#include "app/cli/commands.h"
#include "app/configuration/configuration.h"
#include "lib/base/result.h"

#include <string>
#include <vector>

namespace relevo::cli {

// Version, machine, limits, configuration, checks, queue, sizes of the store's files, last problems. It holds no
// secret: settings that are secret are masked as `config show` does it, no file of the store is read, and whatever the
// configuration names as a secret is struck out wherever else it stands. Of mail addresses the domain alone is left.
// `configuration` as load_configuration() gave it: a failure is told in the bundle, and what needs it is left out.
// Errors: conflict – there is such a file. io.
[[nodiscard]] Result<void> write_doctor_bundle(const std::string& file, const std::string& configuration_path,
                                               const Result<Configuration>& configuration, Commands& commands);

// `text` with the part before the @ of every address replaced, and with each of `secrets` struck out.
[[nodiscard]] std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

}  // namespace relevo::cli
