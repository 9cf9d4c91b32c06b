#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

// "shared 75 %, bulk 100 %".
std::string pools_text(const value& source) {
    std::string pools;
    for (const value& pool : elements(source, "pools")) {
        const value& share = member(pool, "share");
        const double part = share.is_double() ? share.get_double() : static_cast<double>(number(pool, "share"));
        pools += fmt::format("{}{} {:.0f} %", pools.empty() ? "" : ", ", text(pool, "name"), part * 100);
    }
    return pools.empty() ? "none" : pools;
}

std::string proxy_text(const value& source) {
    const value& proxy = member(source, "proxy");
    return proxy.is_null() ? "-" : fmt::format("{} {}", text(proxy, "protocol"), text(proxy, "address"));
}

// "mx1.example.com (confirmed)".
std::string name_text(const value& address) {
    const std::string status = text(address, "status");
    if (status == "confirmed") return fmt::format("{} (confirmed)", text(address, "confirmed"));
    if (status == "unconfirmed") return fmt::format("{} (does not lead back)", text(address, "names"));
    return status == "unknown" ? fmt::format("unknown: {}", text(address, "problem")) : status;
}

// "drained by a person: moved to another data centre".
std::string state_text(const value& source) {
    const value& drain = member(source, "drain");
    if (!drain.is_object()) return text(source, "state");
    std::string words = fmt::format("{} ({})", text(source, "state"), text(drain, "by"));
    if (member(drain, "reason").is_string()) words += ": " + text(drain, "reason");
    if (member(drain, "until").is_string()) words += ", until " + time_text(drain, "until");
    return words;
}

std::string render_list(const value& result) {
    Table table({"SOURCE", "STATE", "ADDRESS", "NAME OF THE ADDRESS", "EHLO", "PROXY", "POOLS"});
    for (const value& source : elements(result, "sources")) {
        const auto add = [&](std::string address, std::string name) {
            table.add({text(source, "name"), state_text(source), std::move(address), std::move(name),
                       text(source, "ehlo_name"), proxy_text(source), pools_text(source)});
        };
        for (const value& address : elements(source, "addresses")) add(text(address, "address"), name_text(address));
        if (elements(source, "addresses").empty())
            add(member(source, "proxy").is_null() ? "the system's choice" : "the proxy's choice", "-");
    }
    return table.text() +
           fmt::format("\nMail that no other pool takes leaves from the pool {}.\n", text(result, "fallback_pool"));
}

std::string render_drained(const value& result) {
    std::string page = fmt::format("{} {}.\n", printable(text(result, "source")),
                                   text(result, "drained") == "yes" ? "takes no new mail" : "is used again");
    for (const value& pool : elements(result, "pools_without_source"))
        if (pool.is_string())
            page += fmt::format("The pool {} has no source left: its mail waits.\n",
                                printable(std::string_view(pool.get_string())));
    return page;
}

std::string render_warm_up(const value& result) {
    std::string page;
    for (const value& rule : elements(result, "rules"))
        page += fmt::format("Rule for {}: begins with {} messages a day ({})\n", printable(text(rule, "for")),
                            printable(text(rule, "start")), printable(text(rule, "origin")));
    if (page.empty()) page = "No rule warms this source up: see docs/formats/shaping.md.\n";
    Table table({"AT", "TODAY", "SENT", "DELIVERED", "DEFERRED", "BOUNCED", "COMPLAINED", "GROWS BY", "UP TO"});
    for (const value& path : elements(result, "paths"))
        table.add({text(path, "shaping_key"), text(path, "ended") == "yes" ? "warm" : text(path, "target"),
                   text(path, "sent"), text(path, "delivered"), text(path, "deferred"), text(path, "bounced"),
                   text(path, "complained"), decimal(path, "factor"), text(path, "full", "no end")});
    return table.empty() ? page : page + "\n" + table.text();
}

}  // namespace

std::string render_sources(std::string_view request, const value& result) {
    if (request == "source.list") return render_list(result);
    return request == "source.warmup" ? render_warm_up(result) : render_drained(result);
}

}  // namespace relevo::cli
