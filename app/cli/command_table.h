// Every command of `relevo` as data. The parser, the help, docs/commands.md and the requests over the control socket
// are all made from this table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace relevo::cli {

enum class OptionKind : std::uint8_t {
    text,
    list,    // may be repeated, or separated by commas
    files,   // may be repeated; commas are part of a name
    number,  // a whole number
    flag,
    time,              // "2027-01-31", or RFC 3339
    secret_file,       // a file, "-" for standard input, whose first line becomes the argument
    secret_text_file,  // the same, but all of it, at most 64 KiB
};

struct OptionSpec {
    std::string_view name;      // "--tenant"; without dashes: a positional argument, "DOMAIN"
    std::string_view argument;  // its name in the request
    OptionKind kind = OptionKind::text;
    std::string_view meaning;
    bool required = false;
};

// Who performs a command.
enum class Performer : std::uint8_t {
    process,          // the command itself, here
    server,           // the running server only
    server_or_store,  // the server; if none runs, the store is opened here
};

enum class Confirmation : bool { none, after_count };

struct CommandSpec {
    std::string_view name;     // "queue list"
    std::string_view request;  // "queue.list"; empty if performed here
    Performer performer = Performer::process;
    std::string_view summary;
    std::vector<OptionSpec> options;
    std::string_view fixed_arguments;  // JSON object, merged into the request; empty if none
    Confirmation confirmation = Confirmation::none;
};

[[nodiscard]] std::span<const CommandSpec> command_table();
// Groups such as "queue" and what they are about.
struct CommandGroup {
    std::string_view name;
    std::string_view summary;
};
[[nodiscard]] std::span<const CommandGroup> command_groups();
// nullptr if there is none.
[[nodiscard]] const CommandSpec* find_command(std::string_view name);

}  // namespace relevo::cli
