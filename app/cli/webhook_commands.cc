#include "app/cli/webhook_commands.h"

#include "app/cli/command_rows.h"

#include <string_view>
#include <utility>

namespace relevo::cli {
namespace {

using enum OptionKind;

}  // namespace

void add_webhook_commands(std::vector<CommandSpec>& table) {
    const OptionSpec webhook{"WEBHOOK", "webhook", text, "Its id", true};
    const OptionSpec description{"--description", "description", text, "What it is for"};
    const OptionSpec events{"--event", "events", list,
                            "Only this type, such as message.bounced; repeatable (default: all)"};
    table.push_back(ask_either("webhook add", "webhook.add",
                               "Tell a program what happens to mail; its secret is shown once and never again",
                               {{"URL", "url", text, "https address that events are posted to", true},
                                {"--tenant", "tenant", text, "Of this tenant's mail (default: of all mail)"},
                                description,
                                events}));
    table.push_back(ask_either("webhook list", "webhook.list", "List webhooks",
                               {{"--tenant", "tenant", text, "Only of this tenant"}}));
    table.push_back(ask_either("webhook show", "webhook.show", "Show a webhook", {webhook}));
    table.push_back(ask_either("webhook set", "webhook.set", "Change a webhook",
                               {webhook, {"--url", "url", text, "Another address"}, description, events}));
    table.push_back(
        ask_either("webhook enable", "webhook.set", "Switch a webhook on again", {webhook}, R"({"enabled":true})"));
    table.push_back(
        ask_either("webhook disable", "webhook.set", "Switch a webhook off", {webhook}, R"({"enabled":false})"));
    table.push_back(ask_either("webhook remove", "webhook.remove",
                               "Remove a webhook, with all that waits for it and its log", {webhook}));
    table.push_back(ask_either("webhook rotate", "webhook.rotate",
                               "Make a new secret; both sign until the old one ends",
                               {webhook, {"--overlap-hours", "overlap_hours", number, "So long (default 24)"}}));
    table.push_back(ask_either("webhook test", "webhook.test", "Send an event webhook.test", {webhook}));
    table.push_back(ask_either("webhook log", "webhook.log", "Show attempts, newest first",
                               {webhook,
                                {"--delivery", "delivery", text, "Only of this one"},
                                {"--limit", "limit", number, "At most this many, up to 500 (default 50)"},
                                {"--after", "after", text, "Continue a list that was cut"}}));
    table.push_back(
        ask_either("webhook redeliver", "webhook.redeliver", "Deliver once more what was delivered or failed for good",
                   {webhook, {"--delivery", "delivery", text, "This one (default: all that failed for good)"}}));
}

}  // namespace relevo::cli
