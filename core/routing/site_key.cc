#include "core/routing/site_key.h"

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

// The longest common end of all hosts that begins with a dot.
std::string_view common_end(const std::vector<std::string>& hosts) {
    std::string_view end = hosts.front();
    for (const std::string& host : hosts) {
        const auto [mine, theirs] = std::ranges::mismatch(end | std::views::reverse, host | std::views::reverse);
        static_cast<void>(theirs);
        end = end.substr(static_cast<std::size_t>(end.rend() - mine));
    }
    const std::size_t dot = end.find('.');
    return dot == std::string_view::npos ? std::string_view() : end.substr(dot);
}

}  // namespace

std::string site_key(const Route& route, std::vector<std::string> hosts) {
    if (route.kind != RouteKind::mail_exchanger) return "route:" + route.name;
    std::ranges::sort(hosts);
    hosts.erase(std::ranges::unique(hosts).begin(), hosts.end());
    std::string key;
    if (hosts.size() == 1) {
        key = hosts.front();
    } else {
        const std::string_view end = common_end(hosts);
        for (const std::string& host : hosts) {
            key += key.empty() ? "(" : "|";
            key += std::string_view(host).substr(0, host.size() - end.size());
        }
        key += ")";
        key += end;
    }
    if (!route.domains.empty()) key += "#" + route.name;
    return key;
}

}  // namespace relevo
