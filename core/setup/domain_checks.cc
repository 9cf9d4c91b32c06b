#include "core/setup/domain_checks.h"

#include "core/setup/domain_mail_checks.h"
#include "core/setup/parallel.h"
#include "lib/dns/name.h"

#include <fmt/format.h>

namespace relevo::setup {
namespace {

CheckStatus status_of(const PlannedRecord& record) {
    if (record.status == RecordStatus::found) return CheckStatus::ok;
    if (record.status == RecordStatus::unknown) return CheckStatus::skipped;
    switch (record.need) {
        case Need::required: return CheckStatus::fail;
        case Need::recommended: return CheckStatus::warn;
        case Need::optional: return CheckStatus::skipped;
    }
    return CheckStatus::fail;
}

Words found_of(const PlannedRecord& record) {
    Words text;
    switch (record.status) {
        case RecordStatus::found: text = {"published", "publicado"}; break;
        case RecordStatus::missing: text = {"not published", "no está publicado"}; break;
        case RecordStatus::differs: text = {"another record is there", "hay otro registro"}; break;
        case RecordStatus::unknown: break;
    }
    if (record.status == RecordStatus::missing && record.need == Need::optional) {
        text.english += "; it is optional";
        text.spanish += "; es opcional";
    }
    if (record.status == RecordStatus::differs)
        for (const std::string& found : record.found) {
            text.english += ": " + found;
            text.spanish += ": " + found;
        }
    if (!record.remark.empty()) {
        text.english += (text.english.empty() ? "" : "; ") + record.remark.english;
        text.spanish += (text.spanish.empty() ? "" : "; ") + record.remark.spanish;
    }
    return text;
}

CheckItem item_of_authority(const DnsView& view, const std::string& domain) {
    CheckItem item;
    item.id = "domain.name-servers";
    item.subject = domain;
    item.why = {"What the zone's own servers say counts; caches may be hours behind.",
                "Vale lo que dicen los servidores de la propia zona; las cachés pueden ir horas por detrás."};
    if (!view.why_not_authoritative().empty()) {
        item.status = CheckStatus::skipped;
        item.found = {"not asked: " + view.why_not_authoritative().english,
                      "sin preguntar: " + view.why_not_authoritative().spanish};
        return item;
    }
    std::string servers;
    for (const std::string& server : view.name_servers()) servers += (servers.empty() ? "" : ", ") + server;
    item.found = {fmt::format("{} is answered by {}", view.zone(), servers),
                  fmt::format("de {} responde {}", view.zone(), servers)};
    return item;
}

// By the MX records, which each sender asks for; that there are none is signed too (RFC 4035 §3.1.3).
Task<CheckItem> check_signatures(DnsView& view, std::string domain, bool validates) {
    const auto answer = co_await view.ask(domain, dns::RecordType::mx);
    if (!answer.has_value() && !dns::is_bogus(answer.error()))
        co_return unanswered_item("domain.dnssec", domain, answer.error());
    CheckItem item = make_item("domain.dnssec", CheckGroup::domain, domain,
                               {"Signed answers cannot be forged on their way, and DANE works with them alone.",
                                "Las respuestas firmadas no se pueden falsificar por el camino, y DANE solo funciona "
                                "con ellas."});
    if (!answer.has_value()) {
        item.status = CheckStatus::fail;
        item.found = {"bogus: " + answer.error().detail, "falso (bogus): " + answer.error().detail};
        item.action = {
            "Have the signatures mended, or the DS record in the zone above: servers that validate find nothing of "
            "this domain.",
            "Haga corregir las firmas, o el registro DS de la zona superior: los servidores que validan no encuentran "
            "nada de este dominio."};
    } else if (answer->security == dns::Security::secure) {
        item.found = {"secure: the answers are signed, and the signatures hold",
                      "seguro (secure): las respuestas están firmadas, y las firmas son válidas"};
    } else {
        item.status = CheckStatus::skipped;
        item.found = validates ? Words{"insecure: not signed; it is optional", "sin firmar (insecure); es opcional"}
                               : Words{"answers are not validated here, see `relevo check`",
                                       "aquí no se validan las respuestas, vea `relevo check`"};
    }
    co_return item;
}

CheckItem item_of_ownership(const DomainFacts& facts) {
    CheckItem item;
    item.id = "ownership.proof";
    item.subject = facts.domain;
    item.found = {"proven", "demostrada"};
    return item;
}

void append(std::vector<CheckItem>& items, std::vector<CheckItem> more) {
    items.insert(items.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<CheckItem> items_of(const DnsPlan& plan) {
    std::vector<CheckItem> items;
    for (const PlannedRecord& record : plan.records) {
        CheckItem item;
        item.id = fmt::format("{}.record", name_of(record.purpose));
        item.subject = fmt::format("{} {}", record.name, dns::name_of(record.type));
        item.status = status_of(record);
        item.found = found_of(record);
        if (record.status != RecordStatus::found) item.expected = record.value;
        item.why = record.why;
        item.action = record.action;
        if (record.zone == Zone::operator_zone && !item.action.empty())
            item.action = {"In the zone of this service: " + item.action.english,
                           "En la zona de este servicio: " + item.action.spanish};
        if (item.status == CheckStatus::skipped) item.action = {};
        items.push_back(std::move(item));
    }
    return items;
}

Task<DnsPlan> look_at_plan(Shard& shard, Resolver& resolver, ZoneServers* zone_servers, DomainFacts facts,
                           DnsViewOptions options) {
    DnsView view(shard, resolver, zone_servers, options);
    co_await view.find_zone(facts.domain);
    co_return co_await plan_against_dns(view, std::move(facts));
}

Task<DomainReport> check_domain(Shard& shard, Resolver& resolver, ZoneServers* zone_servers, DomainFacts facts,
                                DomainCheckOptions options) {
    DnsView view(shard, resolver, zone_servers, options.view);
    co_await view.find_zone(facts.domain);
    DomainReport report;
    report.plan = co_await plan_against_dns(view, facts);

    std::vector<std::string> listed_names = {facts.domain};
    if (!facts.tracking_host.empty()) listed_names.push_back(facts.tracking_host);
    std::vector<std::vector<CheckItem>> parts(5);
    CheckItem signatures;
    std::vector<Task<>> tasks;
    tasks.push_back(into(signatures, check_signatures(view, facts.domain, options.validates)));
    tasks.push_back(into(parts[0], check_spf(view, facts)));
    tasks.push_back(into(parts[1], check_dmarc(view, facts)));
    tasks.push_back(into(parts[2], check_incoming_mail(view, facts, options.certificates)));
    tasks.push_back(into(parts[3], check_transport_policy(view, facts, options.pages)));
    tasks.push_back(into(parts[4], check_domain_lists(shard, resolver, options.blocklists, std::move(listed_names),
                                                      options.view.deadline)));
    co_await run_together(shard, std::move(tasks));

    report.items.push_back(item_of_authority(view, facts.domain));
    report.items.push_back(std::move(signatures));
    if (facts.ownership_proven) report.items.push_back(item_of_ownership(facts));
    append(report.items, items_of(report.plan));
    for (std::vector<CheckItem>& part : parts) append(report.items, std::move(part));
    co_return report;
}

}  // namespace relevo::setup
