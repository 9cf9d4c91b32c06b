// From argv to a command and its arguments. The one source file that compiles CLI11 stands behind this.
#pragma once

#include "app/cli/command_table.h"

#include <boost/json/object.hpp>

#include <expected>
#include <string>
#include <vector>

namespace relevo::cli {

// What the process returns (docs/commands.md).
enum class ExitCode : int { ok = 0, problem = 1, usage = 2, unreachable = 3 };

struct ParsedCommand {
    const CommandSpec* command = nullptr;
    boost::json::object arguments;  // by OptionSpec::argument; only what was given
    std::string configuration_path;
    bool json = false;
};

// Nothing to perform: help was asked for (code ok, text for standard output), or the usage is wrong.
struct ParseEnd {
    ExitCode code;
    std::string text;
};

// `arguments` without the program's name.
[[nodiscard]] std::expected<ParsedCommand, ParseEnd> parse_command_line(const std::vector<std::string>& arguments);

// docs/commands.md: the help of every command, as it is printed.
[[nodiscard]] std::string command_reference();

}  // namespace relevo::cli
