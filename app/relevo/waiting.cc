#include "app/relevo/waiting.h"

#include "core/routing/route.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

setup::Words both(std::string english, std::string spanish) { return {std::move(english), std::move(spanish)}; }

std::string capitalised(std::string text) {
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() -= 'a' - 'A';
    return text;
}

Waiting suspended(const Spool::Suspension& suspension) {
    const std::string_view key = suspension.site;
    const bool is_site = key.starts_with(site_prefix) || key.starts_with(provider_prefix);
    const std::string_view name = is_site ? key.substr(key.find(':') + 1) : key;
    const std::string_view command = is_site ? "site" : "queue";
    const bool has_reason = !suspension.reason.empty();
    return {.reason = is_site ? "site_suspended" : "suspended",
            .hindrance = {},
            .sentence =
                both(fmt::format("Delivery to {} was suspended by a person ({}); `relevo {} resume {}` lets it go on.",
                                 name, has_reason ? suspension.reason : "no reason given", command, name),
                     fmt::format("Una persona suspendió la entrega a {} ({}); `relevo {} resume {}` la reanuda.", name,
                                 has_reason ? suspension.reason : "sin dar razón", command, name)),
            .until = std::nullopt};
}

Waiting backing_off(std::string_view whom, std::string_view problem, WallClock::time_point until,
                    WallClock::time_point now) {
    const std::string when = shaping::clock_time(until, now);
    return {
        .reason = "backing_off",
        .hindrance = {},
        .sentence = both(
            fmt::format("{} could not be reached ({}); the next connection is tried at {}.", whom, problem, when),
            fmt::format("No se pudo llegar a {} ({}); la próxima conexión se intenta a las {}.", whom, problem, when)),
        .until = until};
}

Waiting limited(const Hindered& hindered, WallClock::time_point now) {
    const shaping::PathNames names{.destination = hindered.by, .source = hindered.source};
    const shaping::Permission& permission = hindered.permission;
    return {.reason = "limit",
            .hindrance = name_of(permission.hindrance),
            .sentence = both(capitalised(explain(permission, names, now, mail::Language::english)) + ".",
                             capitalised(explain(permission, names, now, mail::Language::spanish)) + "."),
            .until = permission.until == shaping::never ? std::nullopt : std::optional(permission.until)};
}

// The rules for one tenant, or its conduct.
Waiting limited_for_tenant(const Hindered& hindered, WallClock::time_point now) {
    Waiting waiting = limited({.by = hindered.by, .source = hindered.source, .permission = hindered.permission}, now);
    waiting.reason = "tenant_limit";
    waiting.sentence.english += fmt::format(
        " That is a limit of tenant {0} alone: `relevo tenant show {0}`, `relevo site explain`.", hindered.source);
    waiting.sentence.spanish += fmt::format(
        " Es un límite solo del cliente {0}: `relevo tenant show {0}`, `relevo site explain`.", hindered.source);
    return waiting;
}

Waiting turn(std::string_view site, const Standing& standing) {
    const std::size_t others = standing.ready - std::min(standing.ready, standing.before + 1);
    Waiting waiting{
        .reason = "due",
        .hindrance = {},
        .sentence =
            both(fmt::format("It waits for its turn at {} from {}: {} of its tenant are before it, {} others wait "
                             "there too.",
                             site, standing.source, standing.before, others),
                 fmt::format("Espera su turno en {} desde {}: {} de su cliente van antes y otros {} esperan allí.",
                             site, standing.source, standing.before, others)),
        .until = std::nullopt};
    if (standing.tenants > 1) {
        waiting.sentence.english +=
            fmt::format(" {} tenants take turns there; its own has {} in each round (tenant set --weight).",
                        standing.tenants, standing.weight);
        waiting.sentence.spanish +=
            fmt::format(" Allí se turnan {} clientes; al suyo le tocan {} en cada ronda (tenant set --weight).",
                        standing.tenants, standing.weight);
    }
    return waiting;
}

Waiting busy(std::string_view site, const Standing& standing) {
    if (standing.no_connection_left)
        return {.reason = "limit",
                .hindrance = "all_connections",
                .sentence = both("All connections of this server are in use (delivery.connection_limit).",
                                 "Todas las conexiones de este servidor están en uso (delivery.connection_limit)."),
                .until = std::nullopt};
    return {.reason = "limit",
            .hindrance = "connections",
            .sentence = both(
                fmt::format("All {} connections to {} from {} are busy; {} recipients of its tenant are before it.",
                            standing.connections, site, standing.source, standing.before),
                fmt::format("Las {} conexiones a {} desde {} están ocupadas; {} destinatarios de su cliente van antes.",
                            standing.connections, site, standing.source, standing.before)),
            .until = std::nullopt};
}

Waiting without_source() {
    return {.reason = "drained",
            .hindrance = {},
            .sentence =
                both("All sources that it could leave from are drained; `relevo source resume NAME` takes one back.",
                     "Todas las fuentes por las que podría salir están retiradas; `relevo source resume NOMBRE` "
                     "recupera una."),
            .until = std::nullopt};
}

// Where it is in a lane already.
Waiting of_standing(std::string_view site, const Standing& standing, WallClock::time_point now) {
    if (standing.next_connection && standing.connections == 0)
        return backing_off(fmt::format("{}", site), standing.last_problem, *standing.next_connection, now);
    if (standing.hindered) return limited(*standing.hindered, now);
    if (standing.of_tenant) return limited_for_tenant(*standing.of_tenant, now);
    if (standing.no_connection_left || standing.connections >= standing.connection_limit) return busy(site, standing);
    return turn(site, standing);
}

}  // namespace

const Spool::Suspension* suspension_of(std::string_view destination, const DestinationStatus* status,
                                       const std::vector<Spool::Suspension>& suspensions) {
    const auto find = [&](const std::string& key) -> const Spool::Suspension* {
        const auto found = std::ranges::find(suspensions, key, &Spool::Suspension::site);
        return found != suspensions.end() ? &*found : nullptr;
    };
    if (const auto* found = find(std::string(usual_destination(destination)))) return found;
    if (status == nullptr || status->site.empty()) return nullptr;
    if (const auto* found = find(std::string(site_prefix) + status->site)) return found;
    return status->provider.empty() ? nullptr : find(std::string(provider_prefix) + status->provider);
}

Waiting why_due_mail_waits(std::string_view destination, const DestinationStatus* status, const Standing* standing,
                           const std::vector<Spool::Suspension>& suspensions, WallClock::time_point now) {
    if (const auto* suspension = suspension_of(destination, status, suspensions)) return suspended(*suspension);
    if (status != nullptr && status->is_sought)
        return {.reason = "looking_up",
                .hindrance = {},
                .sentence = both(fmt::format("The mail servers of {} are being looked up in the DNS.", destination),
                                 fmt::format("Se buscan en el DNS los servidores de correo de {}.", destination)),
                .until = std::nullopt};
    if (standing != nullptr && status != nullptr) return of_standing(status->site, *standing, now);
    if (status != nullptr && status->next_connection && status->connections == 0)
        return backing_off(destination, status->last_problem, *status->next_connection, now);
    if (status != nullptr && status->lacks_source) return without_source();
    if (status != nullptr && status->hindered) return limited(*status->hindered, now);
    return {.reason = "due",
            .hindrance = {},
            .sentence = both(fmt::format("It is due and waits for its turn at {}.", destination),
                             fmt::format("Le toca y espera su turno en {}.", destination)),
            .until = std::nullopt};
}

}  // namespace relevo
