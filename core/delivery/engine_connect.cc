// Finding and opening a connection: hosts in order, their addresses in order, TLS with a remembered fallback.
#include "core/delivery/engine.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::minutes search_limit{5};  // for all hosts of a destination together
constexpr std::chrono::hours remembered_without_tls{1};
constexpr std::size_t remembered_hosts_limit = 10'000;

}  // namespace

Task<DeliveryEngine::Opened> DeliveryEngine::open_connection(Site& site) {
    const Deadline deadline = Clock::now() + search_limit;
    auto hosts = co_await finder_.hosts_of(site.route(), std::string(site.domain()), deadline);
    if (!hosts.has_value())
        co_return Opened{
            .connection = nullptr, .problem = std::move(hosts.error()), .busy = false, .peer = {}, .transcript = {}};
    Opened failed = nothing_tried();
    for (std::string& host : hosts->names) {
        Opened tried = co_await open_host(site, std::move(host), deadline);
        if (tried.connection) {
            ports_.metrics.connections_opened.add();
            co_return tried;
        }
        if (outweighs(tried.problem, failed.problem)) failed = std::move(tried);
        if (Clock::now() >= deadline) break;
    }
    ports_.metrics.connections_failed.add();
    co_return failed;
}

// The destination is beyond hope only if each of its hosts and addresses is; else the last of the others tells why.
bool DeliveryEngine::outweighs(const RoutingProblem& problem, const RoutingProblem& other) {
    return !problem.permanent || other.permanent;
}

DeliveryEngine::Opened DeliveryEngine::nothing_tried() {
    Opened nothing;
    nothing.problem.permanent = true;
    return nothing;
}

Task<DeliveryEngine::Opened> DeliveryEngine::open_host(Site& site, std::string host, Deadline deadline) {
    auto addresses = co_await finder_.addresses_of(site.route(), host, deadline);
    if (!addresses.has_value())
        co_return Opened{.connection = nullptr,
                         .problem = std::move(addresses.error()),
                         .busy = false,
                         .peer = {},
                         .transcript = {}};
    Opened failed = nothing_tried();
    for (const dns::IpAddress& address : *addresses) {
        Opened tried = co_await open_address(site, host, address);
        if (tried.connection) co_return tried;
        if (outweighs(tried.problem, failed.problem)) failed = std::move(tried);
        if (Clock::now() >= deadline) break;
    }
    co_return failed;
}

smtp::ClientTls DeliveryEngine::tls_for(const Route& route, const std::string& host) {
    switch (route.tls) {
        case RouteTls::never: return smtp::ClientTls::never;
        case RouteTls::required: return smtp::ClientTls::required;
        case RouteTls::implicit: return smtp::ClientTls::active;
        case RouteTls::opportunistic: break;
    }
    // Credentials never travel in clear, so a login forbids the fallback (security row B2).
    if (!route.user.empty()) return smtp::ClientTls::required;
    const auto known = without_tls_.find(host);
    return known != without_tls_.end() && known->second > Clock::now() ? smtp::ClientTls::never
                                                                       : smtp::ClientTls::opportunistic;
}

Task<DeliveryEngine::Opened> DeliveryEngine::open_address(Site& site, std::string host, dns::IpAddress address) {
    const smtp::ClientTls tls = tls_for(site.route(), host);
    Opened opened = co_await open_address(site, host, address, tls);
    const bool fall_back = tls == smtp::ClientTls::opportunistic && !opened.connection && opened.peer &&
                           opened.peer->tls.starts_with("none (TLS");
    if (!fall_back) co_return opened;
    if (without_tls_.size() >= remembered_hosts_limit) without_tls_.clear();
    without_tls_[host] = Clock::now() + remembered_without_tls;
    ports_.log.warning("delivery.tls_fallback",
                       {{"host", host}, {"address", address.text()}, {"problem", opened.problem.text}});
    co_return co_await open_address(site, std::move(host), address, smtp::ClientTls::never);
}

Task<DeliveryEngine::Opened> DeliveryEngine::open_address(Site& site, std::string host, dns::IpAddress address,
                                                          smtp::ClientTls tls) {
    const Route& route = site.route();
    Opened opened;
    const Endpoint target{.address = address, .port = route.port};
    auto stream =
        co_await ports_.dialer.connect({.target = target,
                                        .source = options_.source,
                                        .has_source = options_.has_source && options_.source.is_v4() == address.is_v4(),
                                        .deadline = Clock::now() + options_.timeouts.connect});
    opened.peer = PeerFacts{.host = host, .endpoint = target, .source = {}, .tls = "none"};
    if (!stream.has_value()) {
        opened.problem = {.permanent = false,
                          .status = {4, 4, 1},
                          .text = fmt::format("{} [{}]: {}", host, address.text(), stream.error().detail)};
        co_return opened;
    }
    if (is_own(**stream)) {
        opened.problem = {
            .permanent = true,
            .status = {5, 4, 6},
            .text = fmt::format("mail loops: {} [{}] port {} is this server itself", host, address.text(), route.port)};
        co_return opened;
    }
    if (tls == smtp::ClientTls::active) {
        const auto info = co_await (*stream)->start_tls_client(
            {.server_name = host, .verify = route.verify_certificate}, Clock::now() + options_.timeouts.greeting);
        if (!info.has_value()) {
            opened.problem = {
                .permanent = false,
                .status = {4, 7, 5},
                .text = fmt::format("{} [{}]: TLS handshake failed: {}", host, address.text(), info.error().detail)};
            co_return opened;
        }
    }
    smtp::ClientOptions session;
    session.protocol = route.kind == RouteKind::lmtp ? smtp::Protocol::lmtp : smtp::Protocol::smtp;
    session.client_name = options_.client_name;
    session.tls = tls;
    session.authenticate = !route.user.empty();
    auto connection =
        std::make_unique<Connection>(std::move(*stream), std::move(session), route, options_.timeouts, host);
    const bool ready = co_await connection->open();
    opened.peer = connection->facts();
    if (ready) {
        opened.connection = std::move(connection);
        co_return opened;
    }
    opened.problem = problem_of(connection->failure(), connection->facts());
    opened.busy =
        connection->failure().stage == smtp::ClientStage::greeting && connection->failure().reply.is_transient();
    opened.transcript = connection->take_transcript();
    co_return opened;
}

// A connection to one of our own listeners would loop.
bool DeliveryEngine::is_own(const Stream& stream) const {
    const Endpoint peer = stream.peer();
    if (peer.address != stream.local().address) return false;
    return std::ranges::any_of(options_.own_endpoints, [&](const Endpoint& own) { return own.port == peer.port; });
}

}  // namespace relevo
