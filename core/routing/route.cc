#include "core/routing/route.h"

#include <algorithm>
#include <cmath>

namespace relevo {
namespace {

constexpr std::string_view wish_mark = "#tls=";

bool serves(const Route& route, TenantId tenant) {
    return route.tenants.empty() || std::ranges::find(route.tenants, tenant) != route.tenants.end();
}

}  // namespace

std::string_view name_of(RouteKind kind) {
    switch (kind) {
        case RouteKind::mail_exchanger: return "mx";
        case RouteKind::smarthost: return "smarthost";
        case RouteKind::lmtp: return "lmtp";
        case RouteKind::bounce: return "bounce";
        case RouteKind::discard: return "discard";
        case RouteKind::hold: return "hold";
    }
    return "unknown";
}

std::uint16_t Route::port_of(std::string_view server) const {
    const auto found = std::ranges::find(hosts, server, &RouteHost::host);
    return found == hosts.end() ? port : found->port;
}

std::vector<std::string> Route::hosts_in_order(std::mt19937_64& chance) const {
    if (hosts.empty()) return {host};
    // Exponential times of arrival, by weight: who comes first is chosen in proportion to the weights.
    std::exponential_distribution<double> waiting;
    std::vector<std::pair<double, const RouteHost*>> arrivals;
    for (const RouteHost& server : hosts) {
        const double time = waiting(chance);
        arrivals.emplace_back(server.weight == 0 ? 1e30 + 1e30 * time : time / server.weight, &server);
    }
    std::ranges::sort(arrivals);
    std::vector<std::string> names;
    for (const auto& [time, server] : arrivals) names.push_back(server->host);
    return names;
}

std::chrono::milliseconds RetrySchedule::delay_after(std::uint32_t attempts, double chance) const {
    const std::size_t place = std::min<std::size_t>(attempts > 0 ? attempts - 1 : 0, delays.size() - 1);
    const double factor = 1.0 + jitter * (2.0 * chance - 1.0);
    const auto base = std::chrono::duration_cast<std::chrono::milliseconds>(delays[place]);
    return std::chrono::milliseconds(std::llround(static_cast<double>(base.count()) * factor));
}

std::chrono::milliseconds RetrySchedule::longest_delay() const {
    const double longest = static_cast<double>(std::chrono::milliseconds(std::ranges::max(delays)).count());
    return std::chrono::milliseconds(std::llround(longest * (1.0 + jitter)));
}

RetrySchedule RetrySchedule::standard() {
    using std::chrono::hours;
    using std::chrono::minutes;
    RetrySchedule schedule;
    schedule.delays = {minutes(1), minutes(5), minutes(15), minutes(30), hours(1), hours(2), hours(4)};
    return schedule;
}

std::size_t domain_fit(std::string_view pattern, std::string_view domain) {
    if (pattern == "*") return 1;
    if (pattern.starts_with('.')) return domain.ends_with(pattern) ? 1 + pattern.size() : 0;
    return pattern == domain ? 1'000 : 0;
}

RouteTable::RouteTable(std::vector<Route> rules, Route fallback)
    : rules_(std::move(rules)), fallback_(std::move(fallback)) {}

const Route& RouteTable::find(std::string_view domain, TenantId tenant) const {
    const Route* best = &fallback_;
    std::size_t best_fit = 0;
    for (const Route& route : rules_) {
        if (!serves(route, tenant)) continue;
        for (const std::string& pattern : route.domains) {
            const std::size_t fits = domain_fit(pattern, domain);
            if (fits <= best_fit) continue;
            best_fit = fits;
            best = &route;
        }
    }
    return *best;
}

std::string destination_key(const Route& route, std::string_view domain, mail::TlsWish wish) {
    const bool is_mx = route.kind == RouteKind::mail_exchanger;
    std::string key = is_mx ? std::string(domain) : "route:" + route.name;
    // A rule for certain tenants only is a destination of its own: its limits and TLS demands may differ.
    if (is_mx && !route.tenants.empty()) key += "#" + route.name;
    return with_wish(key, wish);
}

std::string with_wish(std::string_view usual_destination, mail::TlsWish wish) {
    std::string key(usual_destination);
    if (wish != mail::TlsWish::usual) (key += wish_mark) += mail::name_of(wish);
    return key;
}

mail::TlsWish tls_wish_of(std::string_view destination_key) {
    const std::size_t mark = destination_key.rfind(wish_mark);
    if (mark == std::string_view::npos) return mail::TlsWish::usual;
    return mail::parse_tls_wish(destination_key.substr(mark + wish_mark.size())).value_or(mail::TlsWish::usual);
}

std::string_view usual_destination(std::string_view destination_key) {
    if (tls_wish_of(destination_key) == mail::TlsWish::usual) return destination_key;
    return destination_key.substr(0, destination_key.rfind(wish_mark));
}

}  // namespace relevo
