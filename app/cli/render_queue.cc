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

std::string render_summary(const value& result) {
    Table table({"DESTINATION", "READY", "WAITING", "ACTIVE", "CONNECTIONS", "NEXT CONNECTION", "LAST PROBLEM"});
    for (const value& site : elements(result, "sites")) {
        const bool suspended = text(site, "suspended") == "yes";
        table.add({text(site, "site"), text(site, "ready"), text(site, "waiting"), text(site, "active"),
                   text(site, "connections"), suspended ? "suspended" : time_text(site, "next_connection_at"),
                   suspended ? text(site, "suspension_reason") : text(site, "last_problem")});
    }
    std::string page = table.empty() ? "Nothing waits.\n" : table.text();
    page += fmt::format("\nIn all: {} waiting, {} active, {} held", number(result, "waiting"), number(result, "active"),
                        number(result, "held"));
    if (text(result, "oldest") != "-") page += fmt::format("; oldest of {}", printable(time_text(result, "oldest")));
    return page + "\n" + next_hint(result);
}

std::string render_why(const value& result) {
    std::string page;
    for (const value& answer : elements(result, "answers")) {
        page += fmt::format("{} {}: {}\n", printable(text(answer, "id")), printable(text(answer, "recipient")),
                            printable(text(answer, "sentence"), 2000));
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
    if (request == "queue.suspend" || request == "queue.resume")
        return fmt::format("{} is {}.\n", printable(text(result, "site")),
                           text(result, "suspended") == "yes" ? "suspended: its mail waits" : "delivered to again");
    return render_bulk(request, result);
}

}  // namespace relevo::cli
