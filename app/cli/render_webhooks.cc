#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string state_of(const value& row) {
    if (text(row, "enabled") == "no") return "off";
    return member(row, "failing_since").is_string() ? "failing" : "on";
}

std::string render_list(const value& result) {
    Table table({"ID", "OF", "URL", "STATE", "WAITING", "DELIVERED", "DEAD", "GIVEN UP", "LAST SUCCESS"});
    for (const value& row : elements(result, "webhooks"))
        table.add({text(row, "id"), text(row, "tenant", "the whole server"), text(row, "url"), state_of(row),
                   text(row, "pending"), text(row, "delivered"), text(row, "dead"), text(row, "given_up"),
                   time_text(row, "last_success_at")});
    return table.empty() ? "No webhooks. Make one with `relevo webhook add URL --tenant TENANT`.\n" : table.text();
}

std::string render_log(const value& result) {
    Table table({"AT", "DELIVERY", "TYPE", "ATTEMPT", "STATUS", "TOOK", "PROBLEM", "ANSWER"});
    for (const value& row : elements(result, "attempts"))
        table.add({time_text(row, "at"), text(row, "delivery"), text(row, "type"), text(row, "attempt"),
                   text(row, "status"), text(row, "milliseconds") + " ms", text(row, "problem"),
                   text(row, "answer").substr(0, 80)});
    if (table.empty()) return "Nothing was sent yet.\n";
    const std::string next = text(result, "next", "");
    return next.empty() ? table.text() : table.text() + fmt::format("More: add --after {}\n", printable(next));
}

std::string render_one(const value& row) {
    std::string page = fmt::format(
        "Webhook:      {}\nAddress:      {}\nOf:           {}\nDescription:  {}\nEvents:       {}\nState:        {}\n"
        "Waiting:      {}\nDelivered:    {}\nDead:         {}\nGiven up:     {}\nLast success: {}\n",
        printable(text(row, "id")), printable(text(row, "url"), 2000),
        printable(text(row, "tenant", "the whole server")), printable(text(row, "description")),
        printable(text(row, "events"), 1000), state_of(row), text(row, "pending"), text(row, "delivered"),
        text(row, "dead"), text(row, "given_up"), time_text(row, "last_success_at"));
    if (member(row, "reason").is_string()) page += fmt::format("Reason:       {}\n", printable(text(row, "reason")));
    if (member(row, "former_secret_until").is_string())
        page += fmt::format("Former secret signs until {}\n", time_text(row, "former_secret_until"));
    if (member(row, "secret").is_string())
        page += fmt::format("\nSecret:  {}\nIt is shown this once: keep it now.\n", printable(text(row, "secret")));
    return page;
}

}  // namespace

std::string render_webhooks(std::string_view request, const value& result) {
    if (request == "webhook.list") return render_list(result);
    if (request == "webhook.log") return render_log(result);
    if (request == "webhook.test") return fmt::format("Sent as {}\n", printable(text(result, "delivery")));
    if (request == "webhook.redeliver") return fmt::format("Redelivered: {}\n", text(result, "redelivered"));
    return render_one(result);
}

}  // namespace relevo::cli
