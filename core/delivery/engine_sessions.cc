// What became of TLS with the mail servers of a destination, for reports to its owner (RFC 8460).
#include "core/delivery/engine.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

namespace relevo {
namespace {

TlsResult result_of(TlsFault fault) {
    switch (fault) {
        case TlsFault::none: return TlsResult::success;
        case TlsFault::certificate_expired: return TlsResult::certificate_expired;
        case TlsFault::certificate_host_mismatch: return TlsResult::certificate_host_mismatch;
        case TlsFault::certificate_not_trusted: return TlsResult::certificate_not_trusted;
        case TlsFault::version_too_old:
        case TlsFault::certificate_refused:
        case TlsFault::other: return TlsResult::validation_failure;
    }
    return TlsResult::validation_failure;
}

// RFC 8460 §4.4: the policy as a list of its lines.
std::vector<std::string> lines_of(const tlspolicy::MtaStsPolicy& policy) {
    std::vector<std::string> lines{"version: STSv1", fmt::format("mode: {}", tlspolicy::name_of(policy.mode))};
    for (const std::string& pattern : policy.mx_patterns) lines.push_back("mx: " + pattern);
    lines.push_back(fmt::format("max_age: {}", policy.max_age.count()));
    return lines;
}

bool is_about_certificate(TlsResult result) {
    return result == TlsResult::certificate_expired || result == TlsResult::certificate_host_mismatch ||
           result == TlsResult::certificate_not_trusted;
}

void mark_failed(TlsSession& session, TlsResult result, std::string problem) {
    session.result = result;
    session.problem = std::move(problem);
}

}  // namespace

// Nothing is known of servers that ended the conversation before STARTTLS.
void DeliveryEngine::note_tls(Opened& opened, const Connection& connection, smtp::ClientTls tls) {
    if (connection.tls() != nullptr) {
        opened.tls = TlsResult::success;
    } else if (connection.tls_failed()) {
        opened.tls = result_of(connection.tls_fault());
        opened.tls_problem = connection.failure().detail;
    } else if (!connection.is_usable() && connection.failure().stage != smtp::ClientStage::starttls) {
        return;
    } else if (!connection.extensions().starttls) {
        opened.tls = TlsResult::starttls_not_supported;
        opened.tls_problem = "the server does not offer STARTTLS";
    } else if (tls != smtp::ClientTls::never) {
        opened.tls = TlsResult::validation_failure;
        opened.tls_problem = "the server refused STARTTLS";
    }
}

// Mail for which no policy counts is told to nobody: reports are such mail, and would make reports for ever (RFC 8460
// §3).
bool DeliveryEngine::is_told(const Destination& destination) const {
    const Route& route = destination.route();
    return ports_.tls_session && route.kind == RouteKind::mail_exchanger && route.tls != RouteTls::never &&
           destination.wish() != mail::TlsWish::optional && !destination.domain().starts_with('[');
}

void DeliveryEngine::tell_session(const Destination& destination, const Bearings& bearings, const PeerFacts& peer,
                                  const TlsStory& story, TlsFault fault) {
    if (!is_told(destination)) return;
    auto domain = mail::to_ascii_domain(destination.domain());
    if (!domain.has_value()) return;
    TlsSession session{.policy_domain = *std::move(domain),
                       .policy_strings = {},
                       .mx_patterns = {},
                       .result = story.result,
                       .host = peer.host,
                       .address = peer.endpoint.port == 0 ? std::string() : peer.endpoint.address.text(),
                       .source = peer.source,
                       .problem = story.problem};
    const bool has_tls = story.result == TlsResult::success;
    if (story.demand.is_dane()) {
        session.policy = TlsPolicyType::tlsa;
        for (const tlspolicy::TlsaRecord& record : story.demand.tlsa) session.policy_strings.push_back(record.text());
        if (has_tls && story.demand.level != TlsDemand::dane)
            mark_failed(session, TlsResult::tlsa_invalid, "no TLSA record can be used");
    } else if (bearings.mta_sts) {
        session.policy = TlsPolicyType::sts;
        session.policy_strings = lines_of(*bearings.mta_sts);
        session.mx_patterns = bearings.mta_sts->mx_patterns;
        if (has_tls && !tlspolicy::matches(*bearings.mta_sts, peer.host))
            mark_failed(session, TlsResult::validation_failure, std::string(unnamed_host));
        else if (has_tls && fault != TlsFault::none)
            mark_failed(session, result_of(fault), peer.tls);
    } else if (bearings.mta_sts_failure) {
        session.policy = TlsPolicyType::sts;
        if (has_tls) mark_failed(session, bearings.mta_sts_failure->result, bearings.mta_sts_failure->problem);
    } else if (is_about_certificate(story.result)) {
        return;  // it was we who asked for one; the owner has promised none
    }
    ports_.tls_session(std::move(session));
}

void DeliveryEngine::tell_opened(const Destination& destination, const Bearings& bearings,
                                 const TransportDemand& demand, const Opened& opened) {
    if (!opened.tls || !opened.peer || !is_told(destination)) return;
    const auto story = std::make_shared<const TlsStory>(
        TlsStory{.demand = demand, .result = *opened.tls, .problem = opened.tls_problem});
    const TlsFault fault = opened.connection ? opened.connection->tls_fault() : TlsFault::none;
    tell_session(destination, bearings, *opened.peer, *story, fault);
    if (opened.connection) opened.connection->set_story(story);
}

// Mail of several destinations goes over one connection: to the owner of each it is one session, held to a policy of
// its own.
void DeliveryEngine::begin_with(const Destination& destination, Connection& connection) {
    if (destination.wish() == mail::TlsWish::optional || !destination.bearings) return;
    if (!connection.begins_with(destination.key())) return;
    const Bearings& bearings = *destination.bearings;
    const bool is_tested = bearings.mta_sts && bearings.mta_sts->mode != tlspolicy::MtaStsMode::enforce;
    if (is_tested) count_tested_policy(destination, bearings, connection.facts(), connection.is_verified());
    if (connection.story())
        tell_session(destination, bearings, connection.facts(), *connection.story(), connection.tls_fault());
}

}  // namespace relevo
