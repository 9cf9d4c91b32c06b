#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string render_list(const value& result) {
    if (text(result, "enabled") != "yes")
        return "Certificates are not ordered here: set acme.enabled = true in the configuration.\n";
    Table table({"NAME", "STATE", "ISSUER", "EXPIRES", "NEXT ORDER", "FAILURES"});
    std::string suggestions, problems;
    for (const value& row : elements(result, "certificates")) {
        const bool is_now = text(row, "being_ordered") == "yes";
        table.add({text(row, "name"), text(row, "state"), text(row, "issuer"), time_text(row, "expires_at"),
                   is_now ? "now" : time_text(row, "due_at"), text(row, "failures")});
        if (const value& window = member(row, "suggested"); window.is_object())
            suggestions += fmt::format("\nThe authority suggests to renew {} between {} and {}{}\n", text(row, "name"),
                                       time_text(window, "start"), time_text(window, "end"),
                                       member(window, "explanation").is_string()
                                           ? ": see " + printable(text(window, "explanation"), 500)
                                           : ".");
        if (member(row, "problem").is_string())
            problems += fmt::format("\n{}\n", printable(text(row, "problem"), 2000));
    }
    if (table.empty()) return "No name is to get a certificate: see acme.names.\n";
    return fmt::format("From {} by {}\n\n{}{}{}", printable(text(result, "authority")), text(result, "challenge"),
                       table.text(), suggestions, problems);
}

std::string render_renewing(const value& result) {
    const std::string names = text(result, "renewing", "");
    if (names.empty()) return "Nothing can be ordered now: see `relevo certificate list`.\n";
    return fmt::format("Ordering: {}\n`relevo certificate list` shows what comes of it.\n", printable(names, 2000));
}

}  // namespace

std::string render_certificates(std::string_view request, const value& result) {
    return request == "certificate.list" ? render_list(result) : render_renewing(result);
}

}  // namespace relevo::cli
