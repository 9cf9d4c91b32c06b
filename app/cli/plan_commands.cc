#include "app/cli/plan_commands.h"

#include "app/cli/command_rows.h"

namespace relevo::cli {

using enum OptionKind;

void add_plan_commands(std::vector<CommandSpec>& table) {
    const OptionSpec plan{"PLAN", "plan", text, "Its name or id", true};
    const OptionSpec note{"--note", "note", text, "What it is for, for people"};
    const OptionSpec quota{"--quota", "quotas", list,
                           "So many recipients of a tenant, such as month=50000:wait or hour=500:refuse; repeatable; "
                           "as `quota set` has them"};
    const OptionSpec domains{"--domains", "domains", number, "At most so many domains of a tenant (0: any number)"};
    const OptionSpec credentials{"--credentials", "credentials", number, "At most so many logins"};
    const OptionSpec users{"--users", "users", number, "At most so many people in the console"};
    table.push_back(ask_either("plan add", "plan.add", "Make a plan, which tenants get with `tenant set --plan`",
                               {{"NAME", "name", text, "Its name", true}, quota, domains, credentials, users, note}));
    table.push_back(ask_either("plan list", "plan.list", "List plans"));
    table.push_back(ask_either("plan show", "plan.show", "Show a plan", {plan}));
    table.push_back(
        ask_either("plan set", "plan.set", "Change what is named, for all its tenants at once; the quotas as a whole",
                   {plan, {"--name", "name", text, "Another name"}, quota, domains, credentials, users, note}));
    table.push_back(ask_either("plan remove", "plan.remove", "Remove a plan that no tenant has", {plan}));
    table.push_back(ask_either("plan use", "plan.use",
                               "Show what a tenant may have, what it has used, and where each limit comes from",
                               {{"TENANT", "tenant", text, "The tenant or its id", true}}));
}

}  // namespace relevo::cli
