#include "app/cli/certificate_commands.h"

namespace relevo::cli {

void add_certificate_commands(std::vector<CommandSpec>& table) {
    table.push_back({.name = "certificate list",
                     .request = "certificate.list",
                     .performer = Performer::server,
                     .summary = "Show the certificates that come by themselves, and why one does not",
                     .options = {}});
    table.push_back({.name = "certificate renew",
                     .request = "certificate.renew",
                     .performer = Performer::server,
                     .summary = "Order certificates now instead of when they are due",
                     .options = {{"NAME", "name", OptionKind::text, "Of this host name (default: all)"}}});
}

}  // namespace relevo::cli
