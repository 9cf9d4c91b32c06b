// Where a recipient's mail goes next (RFC 5321 §5.1), as the operator's rules say.
#pragma once

#include "lib/base/identifier.h"
#include "lib/base/result.h"
#include "lib/mail/tls_wish.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

enum class RouteKind : std::uint8_t {
    mail_exchanger,  // by MX records of the recipient's domain
    smarthost,       // always this host
    lmtp,            // always this host, with LMTP (RFC 2033)
    bounce,          // refuse
    discard,         // take and forget
    hold,            // keep until a person decides
};
[[nodiscard]] std::string_view name_of(RouteKind kind);

enum class RouteTls : std::uint8_t { never, opportunistic, required, implicit };

// When to try again (RFC 5321 §4.5.4.1) and when to give up.
struct RetrySchedule {
    std::vector<std::chrono::seconds> delays;  // after the 1st, 2nd, … attempt; the last one repeats; never empty
    double jitter = 0.2;                       // each delay varies by ± this share
    std::chrono::seconds expire_after = std::chrono::days(4);
    std::chrono::seconds expire_reports_after = std::chrono::days(1);  // mail with the null reverse-path
    std::chrono::seconds delay_warning_after = std::chrono::hours(4);  // 0: no warnings

    // `attempts` ≥ 1 were made; `chance` is uniform in [0, 1).
    [[nodiscard]] std::chrono::milliseconds delay_after(std::uint32_t attempts, double chance) const;
    // No delay_after() is longer.
    [[nodiscard]] std::chrono::milliseconds longest_delay() const;
    // Default: 1, 5, 15, 30 min, 1, 2, 4 h and so on every 4 h.
    [[nodiscard]] static RetrySchedule standard();
};

// One of several servers that a route may use.
struct RouteHost {
    std::string host;  // as Route::host; each only once in a route
    std::uint16_t port = 25;
    std::uint32_t weight = 1;  // share of the connections; 0: only when all others fail
};

struct Route {
    std::string name;  // "default" for the built-in one
    RouteKind kind = RouteKind::mail_exchanger;
    std::vector<std::string> domains;  // canonical: "example.com", ".example.com" (below it), "*"
    std::vector<TenantId> tenants;     // empty: every tenant
    std::string host;                  // smarthost, lmtp: a name (its A/AAAA records, not MX) or an IP address
    std::uint16_t port = 25;
    std::vector<RouteHost> hosts;  // in place of host and port; empty: there is one alone
    RouteTls tls = RouteTls::opportunistic;
    bool verify_certificate = false;
    std::string pinned_key;  // 32 octets, SHA-256 of the public key that the host must show; empty: any
    bool allow_private_addresses = false;
    std::string user, password;  // smarthost; empty: no AUTH
    std::string text;            // bounce, hold: the reason, shown to people
    RetrySchedule retry = RetrySchedule::standard();
    std::uint32_t connection_limit = 20;  // per site
    std::string pool;  // mail leaves from this pool of sources (egress.h); "": by the pools' selectors

    // The port of that host, one of `hosts` or any other.
    [[nodiscard]] std::uint16_t port_of(std::string_view server) const;
    // Its servers in the order to try for one connection: each comes first with a chance in proportion to its weight,
    // and so on among the rest; those of weight 0 last, in random order.
    [[nodiscard]] std::vector<std::string> hosts_in_order(std::mt19937_64& chance) const;
};

// How exactly a pattern of a rule fits a domain: 0 not at all; "*" least, a longer ".suffix" more, the name itself
// most.
[[nodiscard]] std::size_t domain_fit(std::string_view pattern, std::string_view domain);

// Immutable once built; replaced whole on reload. Threads: any.
class RouteTable {
 public:
    // Rules in order of the file; the first one that fits wins, after those with the more exact domain: exact, then
    // longest ".suffix", then "*".
    RouteTable(std::vector<Route> rules, Route fallback);
    [[nodiscard]] const Route& find(std::string_view domain, TenantId tenant) const;
    [[nodiscard]] const std::vector<Route>& rules() const { return rules_; }

 private:
    std::vector<Route> rules_;
    Route fallback_;
};

// The destination that a recipient belongs to: the recipient's domain for MX routes, the route for all others
// ("route:office"). What is asked of TLS makes a destination of its own, so that mail that may go in clear does not
// wait behind mail that may not: "example.com#tls=optional".
[[nodiscard]] std::string destination_key(const Route& route, std::string_view domain,
                                          mail::TlsWish wish = mail::TlsWish::usual);
[[nodiscard]] std::string with_wish(std::string_view usual_destination, mail::TlsWish wish);
[[nodiscard]] mail::TlsWish tls_wish_of(std::string_view destination_key);
// The same destination with nothing more asked of TLS.
[[nodiscard]] std::string_view usual_destination(std::string_view destination_key);

}  // namespace relevo
