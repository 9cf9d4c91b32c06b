#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <initializer_list>

namespace relevo::cli {
namespace {

using boost::json::value;

std::vector<std::string> cells_of(const value& counts) {
    const auto sum = [&](std::initializer_list<std::string_view> names) {
        std::int64_t all = 0;
        for (const std::string_view name : names) all += number(counts, name);
        return std::to_string(all);
    };
    return {sum({"accepted"}),
            sum({"recipients"}),
            sum({"delivered"}),
            sum({"deferred"}),
            sum({"bounced_hard", "bounced_soft", "bounced_block"}),
            sum({"expired"}),
            sum({"suppressed"}),
            sum({"complained"}),
            sum({"opened_human"}),
            sum({"clicked_human"}),
            text(counts, "median_seconds"),
            text(counts, "p95_seconds")};
}

Table table_with(std::string first) {
    return Table({std::move(first), "MESSAGES", "RECIPIENTS", "DELIVERED", "DEFERRED", "BOUNCED", "EXPIRED",
                  "SUPPRESSED", "COMPLAINED", "OPENED", "CLICKED", "MEDIAN S", "P95 S"});
}

void add(Table& table, std::string first, const value& counts) {
    std::vector<std::string> cells{std::move(first)};
    for (std::string& cell : cells_of(counts)) cells.push_back(std::move(cell));
    table.add(std::move(cells));
}

}  // namespace

std::string render_statistics(std::string_view request, const value& result) {
    const std::string period = fmt::format("From {} to {}, by {}\n", printable(text(result, "from")),
                                           printable(text(result, "to")), printable(text(result, "resolution")));
    if (request == "stats.totals") {
        std::string page = period;
        const value& totals = member(result, "totals");
        if (totals.is_object())
            for (const auto& given : totals.get_object())
                page += fmt::format("{:<16} {}\n", std::string_view(given.key()), printable(text(totals, given.key())));
        return page;
    }
    if (request == "stats.series") {
        Table table = table_with("TIME");
        for (const value& point : elements(result, "points")) add(table, time_text(point, "time"), point);
        return period + table.text();
    }
    Table table = table_with("NAME");
    for (const value& row : elements(result, "rows")) add(table, printable(text(row, "name")), row);
    std::string page = period + (table.empty() ? std::string("Nothing was counted.\n") : table.text());
    if (text(result, "cut", "") == "yes") page += "There was too much to add up: ask for less time.\n";
    return page;
}

std::string render_messages(const value& result) {
    Table table({"ACCEPTED", "MESSAGE", "TENANT", "FROM", "TO", "STATUS", "WHY", "SUBJECT"});
    for (const value& row : elements(result, "messages"))
        table.add({time_text(row, "accepted_at"), text(row, "message"), text(row, "tenant"), text(row, "sender"),
                   text(row, "recipient"), text(row, "status"), text(row, "class"),
                   printable(text(row, "subject"), 40)});
    const std::string next = text(result, "next", "");
    const std::string page = table.empty() ? std::string("Nothing was found.\n") : table.text();
    return next.empty() ? page : page + fmt::format("More: add --after {}\n", printable(next));
}

}  // namespace relevo::cli
