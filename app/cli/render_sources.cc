#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"

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

}  // namespace

std::string render_sources(const value& result) {
    Table table({"SOURCE", "STATE", "ADDRESS", "NAME OF THE ADDRESS", "EHLO", "PROXY", "POOLS"});
    for (const value& source : elements(result, "sources")) {
        const auto add = [&](std::string address, std::string name) {
            table.add({text(source, "name"), text(source, "state"), std::move(address), std::move(name),
                       text(source, "ehlo_name"), proxy_text(source), pools_text(source)});
        };
        for (const value& address : elements(source, "addresses")) add(text(address, "address"), name_text(address));
        if (elements(source, "addresses").empty())
            add(member(source, "proxy").is_null() ? "the system's choice" : "the proxy's choice", "-");
    }
    return table.text() +
           fmt::format("\nMail that no other pool takes leaves from the pool {}.\n", text(result, "fallback_pool"));
}

}  // namespace relevo::cli
