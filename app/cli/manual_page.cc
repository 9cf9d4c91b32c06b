#include "app/cli/manual_page.h"

#include "app/cli/command_table.h"
#include "app/configuration/manual_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::cli {
namespace {

std::string_view value_word(OptionKind kind) {
    switch (kind) {
        case OptionKind::flag: return "";
        case OptionKind::number: return "NUMBER";
        case OptionKind::time: return "TIME";
        case OptionKind::files:
        case OptionKind::secret_file:
        case OptionKind::secret_text_file: return "FILE";
        case OptionKind::text:
        case OptionKind::list: break;
    }
    return "TEXT";
}

bool is_positional(const OptionSpec& option) { return !option.name.starts_with("--"); }

std::string synopsis_of(const CommandSpec& command) {
    std::string words = fmt::format("relevo {}", command.name);
    for (const OptionSpec& option : command.options)
        if (is_positional(option))
            words += option.required ? fmt::format(" {}", option.name) : fmt::format(" [{}]", option.name);
        else if (option.required)
            words += fmt::format(" {} {}", option.name, value_word(option.kind));
    if (std::ranges::any_of(command.options, [](const auto& one) { return !is_positional(one) && !one.required; }))
        words += " [OPTIONS]";
    return words;
}

void append_command(ManualText& page, const CommandSpec& command) {
    page.item(synopsis_of(command), "", fmt::format("{}.", command.summary));
    if (command.options.empty()) return;
    page.begin_indent();
    for (const OptionSpec& option : command.options)
        page.item(option.name, is_positional(option) ? "" : value_word(option.kind), option.meaning);
    page.end_indent();
}

// "queue list" is of "queue", "serve" of none.
std::string_view group_of(std::string_view command) {
    const std::size_t space = command.rfind(' ');
    return space == std::string_view::npos ? std::string_view() : command.substr(0, space);
}

void append_group(ManualText& page, std::string_view group) {
    for (const CommandSpec& command : command_table())
        if (group_of(command.name) == group) append_command(page, command);
}

}  // namespace

std::string manual_page() {
    ManualText page("relevo", "1", "mail relay: the server, and the commands to run it");
    page.heading("SYNOPSIS");
    page.paragraph("`relevo` [`--config` FILE] [`--json`] COMMAND [ARGUMENTS]");
    page.heading("DESCRIPTION");
    page.paragraph(
        "Relevo takes mail from programs and people, keeps it on disk before it says so, signs it, delivers it and "
        "tells "
        "what became of it. `relevo setup` makes a first configuration, `relevo serve` is the server, and the other "
        "commands ask the running server, or the store when none runs.");
    page.heading("OPTIONS");
    page.item("--config", "FILE", "Configuration file (default: /etc/relevo/relevo.toml)");
    page.item("--json", "", "Print the result as JSON");
    page.item("--help", "", "Explain a command");
    page.item("--version", "", "Print the version");
    page.heading("COMMANDS");
    append_group(page, "");
    for (const CommandGroup& group : command_groups()) {
        page.subheading(fmt::format("relevo {}: {}", group.name, group.summary));
        append_group(page, group.name);
    }
    // "check auth" stands below a command and not below a group of its own.
    for (const CommandSpec& command : command_table())
        if (const std::string_view group = group_of(command.name);
            !group.empty() && std::ranges::find(command_groups(), group, &CommandGroup::name) == command_groups().end())
            append_command(page, command);
    page.heading("EXIT STATUS");
    page.paragraph("0 done, 1 a problem was found, 2 wrong usage, 3 the server cannot be reached.");
    page.heading("ENVIRONMENT");
    page.item("RELEVO_SECTION__SETTING", "", "Overrides a setting of the configuration file");
    page.heading("FILES");
    page.item("/etc/relevo/relevo.toml", "", "The configuration, as `relevo setup` writes it");
    page.item("/etc/default/relevo", "", "Environment of the service");
    page.item("/var/lib/relevo", "", "The store: mail that waits, history, keys");
    page.item("/run/relevo/control.sock", "", "Where the running server answers commands");
    page.heading("SIGNALS");
    page.item("SIGHUP", "", "Reads the configuration again; a wrong one changes nothing");
    page.item("SIGTERM", "", "Ends what has begun, then stops");
    page.heading("SEE ALSO");
    page.paragraph("`relevo.toml`(5), `systemctl`(1), `journalctl`(1)");
    return page.take();
}

}  // namespace relevo::cli
