#include "app/cli/statistics_commands.h"

#include "app/cli/command_rows.h"

namespace relevo::cli {

using enum OptionKind;

void add_statistics_commands(std::vector<CommandSpec>& table) {
    table.push_back(ask_either(
        "message list", "message.list",
        "Find mail, the newest first: to:ana@ from:shop@ domain:example.org subject:offer tag:welcome status:bounced "
        "after:2026-11-01 before:2026-12-01 id:msg_…",
        {{"QUERY", "query", text, "What to look for; without it all mail"},
         of_tenant,
         {"--limit", "limit", number, "At most this many recipients (default 50)"},
         {"--after", "after", text, "Continue a list that was cut"}}));
    table.push_back(ask_either(
        "events", "event.list", "List what happened, the newest first: to messages, and to what mail depends on",
        {{"--about", "about", text, "message, domain, source, tenant, certificate, suppression or quota"},
         {"--kind", "kind", text, "Of one kind alone, such as domain.status_changed or bounced"},
         {"--subject", "subject", text, "About one thing: domain:example.org, source:NAME, certificate:HOST, …"},
         {"--message", "message", text, "About one message"},
         of_tenant,
         {"--limit", "limit", number, "At most this many (default 50)"},
         {"--after", "after", text, "Continue a list that was cut"}}));
    const OptionSpec from{"--from", "from", time, "Day or time at which it begins (default: a day before the end)"};
    const OptionSpec to{"--to", "to", time, "Day or time at which it ends (default: now)"};
    const OptionSpec resolution{"--resolution", "resolution", text,
                                "minute, hour or day (default: as fine as suits the time)"};
    const OptionSpec by{
        "--by", "by", text,
        "Of one tenant, stream, credential, domain, tag, site, source, class or reply, named by --name"};
    const OptionSpec name{"--name", "name", text, "Which one"};
    table.push_back(ask_either("stats totals", "stats.totals", "Count what became of mail",
                               {of_tenant, by, name, from, to, resolution}));
    table.push_back(ask_either("stats series", "stats.series", "Count what became of mail, by minute, hour or day",
                               {of_tenant, by, name, from, to, resolution}));
    table.push_back(ask_either(
        "stats breakdown", "stats.breakdown", "Count what became of mail, by what it went through; the greatest first",
        {{"BY", "by", text, "tenant, stream, credential, domain, tag, site, source, class or reply", true},
         of_tenant,
         {"--site", "site", text, "With reply: only what the mail servers of this site said"},
         from,
         to,
         resolution,
         {"--limit", "limit", number, "So many (default 20)"}}));
}

}  // namespace relevo::cli
