#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"

#include <fmt/format.h>

namespace relevo::cli {

std::string render_erasure(const boost::json::value& result) {
    const bool is_done = text(result, "changed") == "yes";
    std::string page = fmt::format(
        "{}: {} messages from the address, {} to it; {} events and entries of the audit log, {} rows of the search, {} "
        "rows "
        "of lists, {} dropped from the queue.\n",
        is_done ? "Erased" : "There are", number(result, "sent"), number(result, "received"), number(result, "events"),
        number(result, "searches"), number(result, "lists"), number(result, "dropped"));
    if (number(result, "waiting") > number(result, "dropped"))
        page += paragraph(
            "", fmt::format("{} recipients of mail to or from it still wait: nothing about them is erased. Run it "
                            "again when they are done, or with --drop-queued.",
                            number(result, "waiting") - number(result, "dropped")));
    page +=
        number(result, "suppressed") > 0
            ? paragraph("",
                        "The address stays on the suppression list, without what was said: else it would be written "
                        "to again. `relevo suppression remove` takes it off.")
            : paragraph("", "The address is on no suppression list: `relevo suppression add` keeps mail from it.");
    if (number(result, "accounts") > 0)
        page += paragraph(
            "",
            "A login, a user or a permitted sender has that name, and stays: `relevo credential remove`, `relevo "
            "user remove`, `relevo domain set`.");
    if (is_done)
        page +=
            paragraph("",
                      "Backups and the log of the system still have what they had, until they are as old as you keep "
                      "them.");
    return page;
}

}  // namespace relevo::cli
