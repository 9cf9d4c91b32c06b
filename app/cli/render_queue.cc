#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string sender_text(const value& entry) { return text(entry, "sender", "<>"); }

std::string entries_table(const value& result) {
    Table table({"ID", "STATE", "TRIES", "NEXT TRY", "SENDER", "RECIPIENT", "LAST REPLY"});
    for (const value& entry : elements(result, "entries"))
        table.add({text(entry, "id"), text(entry, "state"), text(entry, "attempts"),
                   text(entry, "state") == "held" ? "-" : time_text(entry, "next_attempt_at"), sender_text(entry),
                   text(entry, "recipient"), text(entry, "last_reply")});
    return table.empty() ? "Nothing waits.\n" : table.text();
}

std::string next_hint(const value& result) {
    const std::string next = text(result, "next", "");
    return next.empty() ? "" : fmt::format("More: add --after {}\n", printable(next));
}

// Where it leads, if that tells something more.
std::string site_text(const value& entry) {
    const std::string provider = text(entry, "provider", "");
    return provider.empty() ? text(entry, "site") : provider;
}

std::string render_summary(const value& result) {
    Table table(
        {"DESTINATION", "SITE", "READY", "WAITING", "ACTIVE", "CONNECTIONS", "NEXT CONNECTION", "LAST PROBLEM"});
    for (const value& entry : elements(result, "destinations")) {
        const bool suspended = text(entry, "suspended") == "yes";
        table.add({text(entry, "destination"), site_text(entry), text(entry, "ready"), text(entry, "waiting"),
                   text(entry, "active"), text(entry, "connections"),
                   suspended ? "suspended" : time_text(entry, "next_connection_at"),
                   suspended ? text(entry, "suspension_reason") : text(entry, "last_problem")});
    }
    std::string page = table.empty() ? "Nothing waits.\n" : table.text();
    page += fmt::format("\nIn all: {} waiting, {} active, {} held, {} destinations", number(result, "waiting"),
                        number(result, "active"), number(result, "held"), number(result, "destination_count"));
    if (text(result, "oldest") != "-") page += fmt::format("; oldest of {}", printable(time_text(result, "oldest")));
    return page + "\n";
}

std::string render_top(const value& result) {
    std::string page;
    for (const value& entry : elements(result, "destinations")) {
        page += fmt::format("{} ({}): {} ready, {} waiting, {} active; oldest of {}\n",
                            printable(text(entry, "destination")), printable(site_text(entry)), number(entry, "ready"),
                            number(entry, "waiting"), number(entry, "active"), printable(time_text(entry, "oldest")));
        if (member(entry, "why").is_string()) page += paragraph("    ", text(entry, "why"));
        if (member(entry, "last_problem").is_string())
            page += paragraph("    last problem: ", text(entry, "last_problem"));
    }
    return page.empty() ? "Nothing waits.\n" : page;
}

std::string render_tenants(const value& result) {
    Table table({"TENANT", "STREAM", "READY", "WAITING", "OLDEST"});
    for (const value& tenant : elements(result, "tenants"))
        for (const value& stream : elements(tenant, "streams"))
            table.add({text(tenant, "tenant", "(reports)"), text(stream, "stream"), text(stream, "ready"),
                       text(stream, "waiting"), time_text(stream, "oldest")});
    return table.empty() ? "Nothing waits.\n" : table.text();
}

std::string render_why(const value& result) {
    std::string page;
    for (const value& answer : elements(result, "answers")) {
        page += fmt::format("{} {}: {}\n", printable(text(answer, "id")), printable(text(answer, "recipient")),
                            printable(text(answer, "sentence"), 2000));
        if (member(answer, "command").is_string()) page += paragraph("    ", text(answer, "command"));
        if (member(answer, "meaning").is_string()) page += paragraph("    ", text(answer, "meaning"));
        const value& facts = member(answer, "facts");
        if (!facts.is_object()) continue;
        for (const auto& [name, content] : facts.get_object())
            if (!content.is_null())
                page +=
                    fmt::format("    {}: {}\n", printable(std::string_view(name)), printable(text(facts, name), 1000));
    }
    return page.empty() ? "It is not in the queue: see `relevo message show`.\n" : page;
}

std::string_view done_words(std::string_view request) {
    if (request == "queue.hold") return "held";
    if (request == "queue.release") return "released";
    if (request == "queue.retry") return "tried again now";
    return "dropped";
}

std::string render_bulk(std::string_view request, const value& result) {
    const std::int64_t count = number(result, "count");
    const std::string_view recipients = count == 1 ? "recipient" : "recipients";
    if (text(result, "changed") == "yes") return fmt::format("{} {} {}.\n", count, recipients, done_words(request));
    std::string page = fmt::format("{} {} would be {}.\n", count, recipients, done_words(request));
    return count == 0 ? page : page + entries_table(result);
}

}  // namespace

std::string render_queue(std::string_view request, const value& result) {
    if (request == "queue.list" || request == "queue.show") return entries_table(result) + next_hint(result);
    if (request == "queue.summary") return render_summary(result);
    if (request == "queue.why") return render_why(result);
    if (request == "queue.top") return render_top(result);
    if (request == "queue.tenant") return render_tenants(result);
    if (request == "queue.suspend" || request == "queue.resume")
        return fmt::format("{} is {}.\n", printable(text(result, "destination")),
                           text(result, "suspended") == "yes" ? "suspended: its mail waits" : "delivered to again");
    return render_bulk(request, result);
}

}  // namespace relevo::cli
