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

// RFC 7672 §3.1.1, as if TLSA records named the keys: neither the name nor the dates of the certificate matter.
TransportDemand pinned(std::span<const std::string> keys, std::string origin) {
    TransportDemand demand{
        .level = TlsDemand::dane, .origin = std::move(origin), .is_pinned = true, .tlsa = {}, .names = {}};
    for (const std::string& key : keys) demand.tlsa.push_back({.usage = 3, .selector = 1, .matching = 1, .data = key});
    return demand;
}

}  // namespace

Task<DeliveryEngine::Opened> DeliveryEngine::open_connection(Lane& lane, Destination& destination) {
    const Deadline deadline = Clock::now() + search_limit;
    const std::shared_ptr<const Bearings> bearings = destination.bearings;
    Opened failed = nothing_tried();
    // The shares of a route's servers are of connections, so each one draws anew.
    const std::vector<std::string> names = destination.route().kind == RouteKind::mail_exchanger
                                               ? bearings->hosts.names
                                               : destination.route().hosts_in_order(chance_);
    for (const std::string& host : names) {
        Opened tried = co_await open_host(lane, destination, bearings, host, deadline);
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

Task<DeliveryEngine::Opened> DeliveryEngine::open_host(Lane& lane, Destination& destination,
                                                       std::shared_ptr<const Bearings> bearings, std::string host,
                                                       Deadline deadline) {
    const std::shared_ptr<const Route> route = destination.shared_route();
    Opened failed = nothing_tried();
    const auto fail = [&](RoutingProblem problem) {
        failed.problem = std::move(problem);
        return std::move(failed);
    };
    auto found = co_await finder_.addresses_of(*route, host, deadline);
    if (!found.has_value()) co_return fail(std::move(found.error()));
    const std::vector<dns::IpAddress> addresses = found->addresses;
    const bool heeds_policies = destination.wish() != mail::TlsWish::optional;
    const bool is_dane_examined =
        heeds_policies && (!options_.use_dane || bearings->hosts.security == dns::Security::secure);
    TlsStory story;
    const auto demand = co_await demand_for(lane, destination, bearings, host, *std::move(found), deadline, story);
    if (!demand.has_value()) {
        failed.concerns_destination = true;
        tell_session(destination, *bearings, {.host = host, .endpoint = {}, .source = {}, .tls = {}}, story,
                     TlsFault::none);
        co_return fail(demand.error());
    }
    for (const dns::IpAddress& address : addresses) {
        if (!lane.source()->reaches(address)) continue;
        Opened tried = co_await open_address(lane, route, host, address, *demand);
        if (heeds_policies) count_demand(destination, *bearings, *demand, tried);
        tell_opened(destination, *bearings, *demand, tried);
        if (tried.connection) {
            static_cast<void>(tried.connection->begins_with(destination.key()));
            tried.connection->set_dane_examined(is_dane_examined);
            tried.connection->set_ignores_policies(!heeds_policies);
            co_return tried;
        }
        if (outweighs(tried.problem, failed.problem)) failed = std::move(tried);
        if (Clock::now() >= deadline) break;
    }
    co_return failed;
}

// What the operator and the tenant ask for, whatever the destination publishes.
TransportDemand DeliveryEngine::local_demand(Lane& lane, const Destination& destination) {
    const Route& route = destination.route();
    if (!route.pinned_key.empty()) return pinned({&route.pinned_key, 1}, "route " + route.name);
    const shaping::Limits& limits = lane.throttle->limits();
    if (limits.tls_keys) return pinned(limits.tls_keys->digests, "a shaping rule");
    TransportDemand demand;
    if (route.tls != RouteTls::opportunistic || !route.user.empty())
        demand = {.level = route.verify_certificate ? TlsDemand::verified : TlsDemand::encrypted,
                  .origin = "route " + route.name,
                  .tlsa = {},
                  .names = {}};
    const auto raise = [&](TlsDemand level, std::string_view origin) {
        if (demand.level < level) demand = {.level = level, .origin = std::string(origin), .tlsa = {}, .names = {}};
    };
    const auto shaped = limits.tls.value_or(shaping::TlsMode::opportunistic);
    if (shaped == shaping::TlsMode::required) raise(TlsDemand::encrypted, "a shaping rule");
    if (shaped == shaping::TlsMode::verified) raise(TlsDemand::verified, "a shaping rule");
    if (destination.wish() == mail::TlsWish::required) raise(TlsDemand::encrypted, "the tenant");
    if (destination.wish() == mail::TlsWish::verified) raise(TlsDemand::verified, "the tenant");
    return demand;
}

// The strictest of what the route, DANE and MTA-STS ask for; DANE goes before MTA-STS (RFC 8461 §2).
Task<Routed<TransportDemand>> DeliveryEngine::demand_for(Lane& lane, Destination& destination,
                                                         std::shared_ptr<const Bearings> bearings, std::string host,
                                                         HostAddresses addresses, Deadline deadline, TlsStory& failed) {
    const Route& route = destination.route();
    const bool is_mx = route.kind == RouteKind::mail_exchanger;
    const bool is_named = bearings->mta_sts && tlspolicy::matches(*bearings->mta_sts, host);
    if (route.tls == RouteTls::never) {
        if (destination.wish() == mail::TlsWish::usual || destination.wish() == mail::TlsWish::optional)
            co_return TransportDemand();
        co_return std::unexpected(
            RoutingProblem{.permanent = false,
                           .status = {4, 7, 5},
                           .text = fmt::format("the tenant demands TLS, but route {} forbids it", route.name)});
    }
    TransportDemand demand = local_demand(lane, destination);
    // RFC 8689 §5: what the destination publishes is ignored, what we are told here is not.
    const bool demands_dane = lane.throttle->limits().tls == shaping::TlsMode::dane;
    if (destination.wish() == mail::TlsWish::optional && !demands_dane) co_return demand;
    const bool is_vouched_for =
        addresses.security == dns::Security::secure && (!is_mx || bearings->hosts.security == dns::Security::secure);
    const bool is_open_to_dane = demand.level < TlsDemand::dane && !route.verify_certificate;
    if (options_.use_dane && is_vouched_for && is_open_to_dane) {
        auto dane = co_await find_dane(ports_.resolver,
                                       {.name = host,
                                        .canonical_name = addresses.canonical_name,
                                        .port = route.port_of(host),
                                        .destination = is_mx ? std::string(destination.domain()) : std::string()},
                                       deadline);
        // Whoever can make the DNS fail must not be able to switch DANE off (RFC 7672 §2.1).
        if (!dane.has_value()) {
            failed = {.demand = {.level = TlsDemand::dane, .origin = std::string(dane_origin), .tlsa = {}, .names = {}},
                      .result = TlsResult::dnssec_invalid,
                      .problem = dane.error().detail};
            co_return std::unexpected(RoutingProblem{
                .permanent = false,
                .status = {4, 7, 5},
                .text =
                    fmt::format("the DNS did not answer for the TLSA records of {}: {}", host, dane.error().detail)});
        }
        // Records that cannot be used prove nothing: what is demanded here stays.
        if (dane->has_value() && (*dane)->level >= demand.level) demand = *std::move(*dane);
    }
    if (demands_dane && demand.level < TlsDemand::dane) {
        const std::string problem =
            !options_.use_dane         ? "delivery.dane is off"
            : route.verify_certificate ? fmt::format("route {} goes by the trust store", route.name)
            : !is_vouched_for          ? fmt::format("DNSSEC does not vouch for {}", host)
            : !demand.is_dane()        ? fmt::format("{} publishes no TLSA records", host)
                                       : fmt::format("none of the TLSA records of {} can be used", host);
        failed = {.demand = {.level = TlsDemand::dane, .origin = std::string(dane_origin), .tlsa = {}, .names = {}},
                  .result = TlsResult::dane_required,
                  .problem = problem};
        co_return std::unexpected(
            RoutingProblem{.permanent = false,
                           .status = {4, 7, 5},
                           .text = fmt::format("a shaping rule demands DANE of {}, but {}", host, problem)});
    }
    const bool is_enforced = bearings->mta_sts && bearings->mta_sts->mode == tlspolicy::MtaStsMode::enforce;
    if (!is_enforced || demand.level == TlsDemand::dane) co_return demand;
    if (!is_named) {
        ports_.metrics.mta_sts_unmet.add();
        failed = {.demand = {}, .result = TlsResult::validation_failure, .problem = std::string(unnamed_host)};
        co_return std::unexpected(RoutingProblem{
            .permanent = false,
            .status = {4, 7, 5},
            .text =
                fmt::format("the MTA-STS policy of {} does not name its mail server {}", destination.domain(), host)});
    }
    co_return TransportDemand{.level = TlsDemand::verified,
                              .origin = fmt::format("MTA-STS of {}", destination.domain()),
                              .tlsa = {},
                              .names = {}};
}

// What a server that was reached showed.
void DeliveryEngine::count_demand(const Destination& destination, const Bearings& bearings,
                                  const TransportDemand& demand, const Opened& opened) {
    const bool is_answer = opened.connection || (opened.peer && opened.peer->tls != "none");
    if (!is_answer) return;
    const bool is_met = opened.connection != nullptr;
    if (demand.is_dane()) (is_met ? ports_.metrics.dane_met : ports_.metrics.dane_unmet).add();
    if (!bearings.mta_sts) return;
    if (bearings.mta_sts->mode != tlspolicy::MtaStsMode::enforce)
        return count_tested_policy(destination, bearings, *opened.peer, is_met && opened.connection->is_verified());
    if (demand.level == TlsDemand::verified) (is_met ? ports_.metrics.mta_sts_met : ports_.metrics.mta_sts_unmet).add();
}

// A policy that is only tested stops nothing, but its owner's operator wants to know (RFC 8461 §5).
void DeliveryEngine::count_tested_policy(const Destination& destination, const Bearings& bearings,
                                         const PeerFacts& peer, bool is_verified) {
    const bool is_named = tlspolicy::matches(*bearings.mta_sts, peer.host);
    if (is_named && is_verified) return ports_.metrics.mta_sts_met.add();
    ports_.metrics.mta_sts_unmet.add();
    ports_.log.warning("delivery.mta_sts_test_failed", {{"site", destination.key()},
                                                        {"host", peer.host},
                                                        {"problem", is_named ? peer.tls : std::string(unnamed_host)}});
}

smtp::ClientTls DeliveryEngine::tls_for(const Route& route, const std::string& host, const TransportDemand& demand) {
    if (route.tls == RouteTls::never) return smtp::ClientTls::never;
    if (route.tls == RouteTls::implicit) return smtp::ClientTls::active;
    // A login demands TLS too: credentials never travel in clear, so there is no fallback (security row B2).
    if (demand.level != TlsDemand::opportunistic) return smtp::ClientTls::required;
    const auto known = without_tls_.find(host);
    return known != without_tls_.end() && known->second.until > Clock::now() ? smtp::ClientTls::never
                                                                             : smtp::ClientTls::opportunistic;
}

Task<DeliveryEngine::Opened> DeliveryEngine::open_address(Lane& lane, std::shared_ptr<const Route> route,
                                                          std::string host, dns::IpAddress address,
                                                          TransportDemand demand) {
    const smtp::ClientTls tls = tls_for(*route, host, demand);
    Opened opened = co_await open_address(lane, route, host, address, demand, tls);
    const bool fall_back = tls == smtp::ClientTls::opportunistic && !opened.connection && opened.peer &&
                           opened.peer->tls.starts_with("none (TLS");
    if (!fall_back) {
        // It would still fail: that is what is known of it.
        if (const auto known = without_tls_.find(host); tls == smtp::ClientTls::never && known != without_tls_.end()) {
            opened.tls = known->second.result;
            opened.tls_problem = known->second.problem;
        }
        co_return opened;
    }
    if (without_tls_.size() >= remembered_hosts_limit) without_tls_.clear();
    without_tls_[host] = {
        .until = Clock::now() + remembered_without_tls, .result = opened.tls, .problem = opened.tls_problem};
    ports_.log.warning("delivery.tls_fallback",
                       {{"host", host}, {"address", address.text()}, {"problem", opened.problem.text}});
    const std::optional<TlsResult> result = opened.tls;
    const std::string problem = opened.tls_problem;
    opened = co_await open_address(lane, std::move(route), std::move(host), address, std::move(demand),
                                   smtp::ClientTls::never);
    opened.tls = result;
    opened.tls_problem = problem;
    co_return opened;
}

Task<DeliveryEngine::Opened> DeliveryEngine::open_address(Lane& lane, std::shared_ptr<const Route> route,
                                                          std::string host, dns::IpAddress address,
                                                          TransportDemand demand, smtp::ClientTls tls) {
    TlsClientOptions tls_options{.server_name = host,
                                 .verify = demand.level == TlsDemand::verified,
                                 .tlsa = std::move(demand.tlsa),
                                 .names = std::move(demand.names)};
    Opened opened;
    const Endpoint target{.address = address, .port = route->port_of(host)};
    const std::shared_ptr<const EgressSource> source = lane.source();
    const DeliveryTimeouts timeouts = timeouts_of(lane);
    auto stream = co_await ports_.dialer.connect(dial_options(*source, target, Clock::now() + timeouts.connect));
    opened.peer = PeerFacts{.host = host, .endpoint = target, .source = {}, .tls = "none"};
    if (!stream.has_value()) {
        opened.source_failed = is_source_error(stream.error());
        opened.problem = {.permanent = false,
                          .status = {4, 4, 1},
                          .text = fmt::format("{} [{}]: {}", host, address.text(), stream.error().detail)};
        co_return opened;
    }
    if (is_own(**stream)) {
        opened.problem = {.permanent = true,
                          .status = {5, 4, 6},
                          .text = fmt::format("mail loops: {} [{}] port {} is this server itself", host, address.text(),
                                              target.port)};
        co_return opened;
    }
    if (tls == smtp::ClientTls::active) {
        const auto info = co_await (*stream)->start_tls_client(tls_options, Clock::now() + timeouts.greeting);
        if (!info.has_value()) {
            opened.problem = {
                .permanent = false,
                .status = {4, 7, 5},
                .text = fmt::format("{} [{}]: TLS handshake failed: {}", host, address.text(), info.error().detail)};
            co_return opened;
        }
    }
    smtp::ClientOptions session;
    session.protocol = route->kind == RouteKind::lmtp ? smtp::Protocol::lmtp : smtp::Protocol::smtp;
    session.client_name = source->client_name.empty() ? options_.host_name : source->client_name;
    session.tls = tls;
    session.authenticate = !route->user.empty();
    auto connection =
        std::make_unique<Connection>(std::move(*stream), std::move(session), route, std::move(tls_options), timeouts,
                                     host, demand.is_pinned ? "the pinned key" : "");
    const bool ready = co_await connection->open();
    opened.peer = connection->facts();
    note_tls(opened, *connection, tls);
    if (ready) {
        opened.connection = std::move(connection);
        co_return opened;
    }
    opened.problem = problem_of(connection->failure(), connection->facts());
    const bool for_want_of_tls = connection->tls_failed() || connection->failure().stage == smtp::ClientStage::starttls;
    if (for_want_of_tls && !demand.origin.empty()) {
        opened.concerns_destination = true;
        opened.problem.status = {4, 7, 5};
        opened.problem.text += fmt::format(" (TLS is demanded by {})", demand.origin);
    }
    opened.replied = connection->failure().reply.code != 0;
    opened.busy =
        connection->failure().stage == smtp::ClientStage::greeting && connection->failure().reply.is_transient();
    opened.transcript = connection->take_transcript();
    co_return opened;
}

// RFC 8689 §4.2.1: that this is a mail server of the destination is certain by DNSSEC, by a policy of the destination's
// own, or by the route.
bool DeliveryEngine::is_certain(const Destination& destination, std::string_view host) {
    if (destination.route().kind != RouteKind::mail_exchanger) return true;
    if (!destination.bearings) return false;
    const Bearings& bearings = *destination.bearings;
    return bearings.hosts.security == dns::Security::secure ||
           (bearings.mta_sts && tlspolicy::matches(*bearings.mta_sts, host));
}

bool DeliveryEngine::meets(const Connection& connection, const Destination& destination) {
    if (destination.wish() == mail::TlsWish::required && connection.tls() == nullptr) return false;
    if (destination.wish() == mail::TlsWish::verified && !connection.is_verified()) return false;
    if (destination.wish() == mail::TlsWish::optional) return true;
    if (destination.route().kind != RouteKind::mail_exchanger) return !connection.ignores_policies();
    if (!destination.bearings) return false;
    const Bearings& bearings = *destination.bearings;
    if (bearings.hosts.security == dns::Security::secure && !connection.dane_examined()) return false;
    const bool is_enforced = bearings.mta_sts && bearings.mta_sts->mode == tlspolicy::MtaStsMode::enforce;
    return !is_enforced || (connection.is_verified() && tlspolicy::matches(*bearings.mta_sts, connection.facts().host));
}

// A connection to one of our own listeners would loop.
bool DeliveryEngine::is_own(const Stream& stream) const {
    const Endpoint peer = stream.peer();
    if (peer.address != stream.local().address) return false;
    return std::ranges::any_of(options_.own_endpoints, [&](const Endpoint& own) { return own.port == peer.port; });
}

}  // namespace relevo
