// What most rows of the command table are made of.
#pragma once

#include "app/cli/command_table.h"

#include <string_view>
#include <utility>
#include <vector>

namespace relevo::cli {

inline constexpr OptionSpec of_tenant{"--tenant", "tenant", OptionKind::text, "Only of this tenant"};
inline constexpr OptionSpec password_file{
    "--password-file", "password", OptionKind::secret_file,
    "Take the password from the first line of this file (- reads it from the input) instead of making one"};

// Answered by the running server, or from the store where none runs.
[[nodiscard]] inline CommandSpec ask_either(std::string_view name, std::string_view request, std::string_view summary,
                                            std::vector<OptionSpec> options = {},
                                            std::string_view fixed_arguments = {}) {
    return {.name = name,
            .request = request,
            .performer = Performer::server_or_store,
            .summary = summary,
            .options = std::move(options),
            .fixed_arguments = fixed_arguments};
}

// Done by this process.
[[nodiscard]] inline CommandSpec do_here(std::string_view name, std::string_view summary,
                                         std::vector<OptionSpec> options = {}) {
    return {.name = name,
            .request = {},
            .performer = Performer::process,
            .summary = summary,
            .options = std::move(options),
            .fixed_arguments = {}};
}

}  // namespace relevo::cli
