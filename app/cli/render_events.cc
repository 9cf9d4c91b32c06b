#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {

using boost::json::value;

std::string render_events(const value& result) {
    Table table({"TIME", "KIND", "TENANT", "MESSAGE", "WHAT"});
    for (const value& row : elements(result, "events"))
        table.add(
            {time_text(row, "time"), text(row, "kind"), text(row, "tenant"), text(row, "message"), text(row, "text")});
    const std::string next = text(result, "next", "");
    std::string page = table.empty() ? "Nothing of that kind.\n" : table.text();
    if (!next.empty()) page += fmt::format("More: add --after {}\n", printable(next));
    return page;
}

}  // namespace relevo::cli
