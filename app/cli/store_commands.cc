#include "app/cli/store_commands.h"

#include "app/cli/command_rows.h"
#include "app/cli/options.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using enum OptionKind;

}  // namespace

void add_store_commands(std::vector<CommandSpec>& table) {
    const OptionSpec folder{"FOLDER", "folder", text, "The folder of the backups, best on another disk", true};
    const OptionSpec name{"--backup", "backup", text, "One that `backup list` names (default: the newest)"};
    table.push_back(do_here(
        "backup create",
        "Copy the store, the configuration and the keys into a folder while the server goes on; what is there "
        "already is not copied again, and the copy is read back",
        {folder,
         {"--keep", "keep", number, "Then remove all but the newest N backups there (default: keep all)"},
         {"--full", "full", flag, "Copy everything anew, whatever the folder has"},
         {"--rate", "rate", number, "Read at most N MiB of the store in a second (default 128; 0: no limit)"}}));
    table.push_back(do_here("backup list", "List the backups in a folder", {folder}));
    table.push_back(do_here("backup verify", "Read a backup, every octet, and look whether the store in it is whole",
                            {folder, name}));
    table.push_back(do_here(
        "backup restore", "Make a store from a backup, in an empty folder; mail that waited is held",
        {folder,
         name,
         {"--data-dir", "data_dir", text, "Into this folder (default: server.data_dir)"},
         {"--send-queued", "send_queued", flag, "Deliver what waited, although it may have been delivered already"}}));
    table.push_back(do_here("doctor",
                            "Look whether the store is whole, with or without a running server: exit code 0 if it is "
                            "fine, 1 if something is damaged, 3 if that could not be found out"));
    table.push_back(do_here("export",
                            "Write everything of a tenant into files for others to read, while the server runs or not: "
                            "settings, waiting mail, events, figures, lists; no passwords and keys",
                            {{"FOLDER", "folder", text, "A folder that is not there yet, or empty", true},
                             {"--tenant", "tenant", text, "Whose", true}}));
    CommandSpec erase = ask_either(
        "erase person", "person.erase",
        "Take a person's address, and what is known of its owner, out of the history, the search and all lists but the "
        "suppression list; mail that still waits stays",
        {{"ADDRESS", "address", text, "Whose", true},
         of_tenant,
         {"--drop-queued", "drop_queued", flag, "Also drop, without a report, what still waits to or from the address"},
         {"--dry-run", "dry_run", flag, "Only count"},
         {"--yes", "yes", flag, "Do not ask"}});
    erase.confirmation = Confirmation::after_count;
    table.push_back(std::move(erase));
}

bool is_store_command(const CommandSpec& command) {
    return command.name == "doctor" || command.name == "export" || command.name.starts_with("backup ");
}

Result<StoreOptions> store_options(const CommandSpec& command, const boost::json::object& arguments) {
    constexpr std::int64_t usual_rate = 128, highest_rate = 1'000'000, most_kept = 100'000;
    StoreOptions options;
    options.command = command.name == "backup create"    ? StoreCommand::backup_create
                      : command.name == "backup list"    ? StoreCommand::backup_list
                      : command.name == "backup verify"  ? StoreCommand::backup_verify
                      : command.name == "backup restore" ? StoreCommand::backup_restore
                      : command.name == "export"         ? StoreCommand::export_tenant
                                                         : StoreCommand::doctor;
    options.folder = text_of(arguments, "folder");
    options.name = text_of(arguments, "backup");
    options.tenant = text_of(arguments, "tenant");
    options.data_dir = text_of(arguments, "data_dir");
    options.full = flag_of(arguments, "full");
    options.send_queued = flag_of(arguments, "send_queued");
    const auto* const rate = arguments.if_contains("rate");
    const auto* const keep = arguments.if_contains("keep");
    const std::int64_t mebibytes = rate != nullptr ? rate->as_int64() : usual_rate;
    const std::int64_t kept = keep != nullptr ? keep->as_int64() : 0;
    if (mebibytes < 0 || mebibytes > highest_rate)
        return failure(ErrorKind::invalid, fmt::format("--rate is 0 to {} MiB a second", highest_rate));
    if (keep != nullptr && (kept < 1 || kept > most_kept))
        return failure(ErrorKind::invalid, fmt::format("--keep is 1 to {} backups", most_kept));
    options.rate = static_cast<Octets>(mebibytes) * mebibyte;
    options.keep = static_cast<std::size_t>(kept);
    return options;
}

}  // namespace relevo::cli
