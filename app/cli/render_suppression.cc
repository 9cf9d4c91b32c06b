#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string expiry_text(const value& row) {
    const std::string time = time_text(row, "expires_at");
    return time == "-" ? "never" : time;
}

std::string table_of(const value& result) {
    Table table({"ADDRESS", "TENANT", "REASON", "SINCE", "EXPIRES", "MESSAGE", "TEXT"});
    for (const value& row : elements(result, "entries"))
        table.add({text(row, "address"), text(row, "tenant"), text(row, "reason"), time_text(row, "created_at"),
                   expiry_text(row), text(row, "message"), text(row, "text")});
    return table.empty() ? std::string() : table.text();
}

std::string render_import(const value& result) {
    std::string page;
    for (const value& one : elements(result, "problems"))
        page += fmt::format("line {}: {}\n", number(one, "line"), printable(text(one, "problem")));
    const auto told = static_cast<std::int64_t>(elements(result, "problems").size());
    if (number(result, "broken") > told) page += fmt::format("and {} more\n", number(result, "broken") - told);
    return page + fmt::format("{} added, {} replaced, {} there already, {} broken.\n", number(result, "added"),
                              number(result, "replaced"), number(result, "kept"), number(result, "broken"));
}

}  // namespace

std::string render_suppression(std::string_view request, const value& result) {
    if (request == "suppression.import") return render_import(result);
    if (request == "suppression.add")
        return fmt::format("{}: {} ({}), expires: {}\n", printable(text(result, "address")),
                           text(result, "change") == "kept" ? "suppressed already" : "suppressed",
                           printable(text(result, "reason")), printable(expiry_text(result)));
    std::string page = table_of(result);
    if (request == "suppression.list") {
        const std::string next = text(result, "next", "");
        if (page.empty()) return "No address is suppressed.\n";
        return next.empty() ? page : page + fmt::format("More: add --after {}\n", printable(next));
    }
    if (page.empty()) page = fmt::format("{} is not suppressed.\n", printable(text(result, "address")));
    for (const value& one : elements(result, "soft_bounces"))
        page += fmt::format("{} soft bounces of late for {}\n", number(one, "count"), printable(text(one, "tenant")));
    return page;
}

}  // namespace relevo::cli
