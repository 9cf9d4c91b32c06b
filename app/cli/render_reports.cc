#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string day_text(const value& row, std::string_view name) { return time_text(row, name).substr(0, 10); }

std::string render_list(const value& result) {
    Table table({"DOMAIN", "KIND", "REPORTS", "FROM", "PASSED", "FAILED", "UP TO"});
    for (const value& row : elements(result, "domains"))
        table.add({text(row, "domain"), text(row, "kind"), text(row, "reports"),
                   fmt::format("{} organisations", number(row, "organizations")), text(row, "passed"),
                   text(row, "failed"), day_text(row, "until")});
    return table.empty() ? "No reports. Name your report addresses in reports.addresses of the configuration.\n"
                         : table.text();
}

std::string mark(const value& row, std::string_view name) { return text(row, name) == "yes" ? "pass" : "fail"; }

std::string render_show(const value& result) {
    Table table({"SOURCE", "COUNT", "DKIM", "SPF", "RESULT", "IN THE NAME OF", "DETAIL"});
    for (const value& row : elements(result, "sources")) {
        const bool is_tls = text(row, "kind") == "tls";
        table.add({text(row, "source"), text(row, "messages"), is_tls ? "tls" : mark(row, "dkim_aligned"),
                   is_tls ? "tls" : mark(row, "spf_aligned"), text(row, "result"), text(row, "author_domain"),
                   text(row, "detail")});
    }
    std::string page = table.empty() ? "No reports about this domain.\n" : table.text();
    Table reports({"REPORT OF", "KIND", "FROM", "TO", "POLICY", "PASSED", "FAILED", "ID"});
    for (const value& row : elements(result, "reports"))
        reports.add({text(row, "organization"), text(row, "kind"), time_text(row, "begin"), time_text(row, "end"),
                     text(row, "policy"), text(row, "passed"), text(row, "failed"), text(row, "report_id")});
    return reports.empty() ? page : page + "\n" + reports.text();
}

std::string render_sent(const value& result) {
    Table table({"DAY", "KIND", "DOMAIN", "COUNT", "ROWS", "STATE", "TO", "REASON"});
    for (const value& row : elements(result, "reports"))
        table.add({text(row, "day"), text(row, "kind"), text(row, "domain"), text(row, "messages"), text(row, "rows"),
                   text(row, "state"), text(row, "recipients"), text(row, "reason")});
    return table.empty() ? "No reports. They are collected once reports.send or reports.send_tls is true.\n"
                         : table.text();
}

}  // namespace

std::string render_reports(std::string_view request, const value& result) {
    if (request == "reports.list") return render_list(result);
    if (request == "reports.show") return render_show(result);
    if (request == "reports.sent") return render_sent(result);
    return fmt::format("{} reports of {} are being looked at; see `relevo reports sent`.\n", number(result, "waiting"),
                       printable(text(result, "day")));
}

}  // namespace relevo::cli
