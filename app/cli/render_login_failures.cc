#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {

using boost::json::value;

std::string render_login_failures(const value& result) {
    std::string page;
    for (const value& row : elements(result, "failures")) {
        if (!page.empty()) page += '\n';
        page += fmt::format("{}  {} at port {}, {} times since {}\n", time_text(row, "last_at"),
                            printable(text(row, "address")), text(row, "port"), text(row, "attempts"),
                            time_text(row, "first_at"));
        if (member(row, "login").is_string())
            page += fmt::format("  Login: {} ({})\n", printable(text(row, "login")),
                                printable(text(row, "tenant", "of nobody")));
        page += paragraph("  ", text(row, "meaning"));
        page += paragraph("  ", text(row, "advice"));
        if (member(row, "detail").is_string()) page += fmt::format("  ({})\n", printable(text(row, "detail")));
    }
    return page.empty() ? "No login failed in the last 30 days.\n" : page;
}

}  // namespace relevo::cli
