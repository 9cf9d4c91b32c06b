// DMARC: part of domain_mail_checks.h.
#include "core/setup/domain_mail_checks.h"
#include "core/setup/inquiry_driver.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/dmarc_discovery.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t destinations_asked = 5;

Words why_policy_matters() {
    return {
        "Gmail, Yahoo and others demand DMARC of whoever sends much, and only a policy of quarantine or reject "
        "keeps others from using the name.",
        "Gmail, Yahoo y otros exigen DMARC a quien envía mucho, y solo una política quarantine o reject impide que "
        "otros usen el nombre."};
}

CheckItem policy_item(const mailauth::DmarcDiscovery& found, const std::string& domain) {
    CheckItem item;
    item.id = "dmarc.policy";
    item.subject = domain;
    item.why = why_policy_matters();
    if (!found.record) {
        item.status = found.fault.empty() ? CheckStatus::warn : CheckStatus::skipped;
        item.found = found.fault.empty()
                         ? Words{"no policy applies to this domain", "ninguna política se aplica a este dominio"}
                         : same(found.fault);
        if (found.fault.empty())
            item.action = {"Publish the DMARC record that `relevo domain dns` shows.",
                           "Publique el registro DMARC que muestra `relevo domain dns`."};
        return item;
    }
    const mailauth::DmarcPolicy policy =
        found.policy_domain == domain ? found.record->own_policy() : found.record->policy_of_subdomain();
    item.found = {fmt::format("{} (record of {})", name_of(policy), found.policy_domain),
                  fmt::format("{} (registro de {})", name_of(policy), found.policy_domain)};
    if (!found.record->is_applicable()) {
        item.status = CheckStatus::fail;
        item.action = {"Mend the value of p=: receivers ignore the record as it is.",
                       "Corrija el valor de p=: tal como está, los receptores ignoran el registro."};
    } else if (policy == mailauth::DmarcPolicy::none || found.record->is_testing) {
        item.status = CheckStatus::warn;
        item.action = {
            "This only watches. When the reports show that all your own mail passes, change p to quarantine, "
            "some weeks later to reject.",
            "Así solo se observa. Cuando los informes muestren que todo su correo pasa, cambie p a "
            "quarantine y, unas semanas después, a reject."};
    }
    return item;
}

void add_problems(std::vector<CheckItem>& items, const mailauth::DmarcDiscovery& found) {
    const auto add = [&](CheckStatus status, const std::string& text) {
        CheckItem item;
        item.id = "dmarc.syntax";
        item.subject = found.policy_domain.empty() ? found.domain : found.policy_domain;
        item.status = status;
        item.found = same(text);
        item.why = {"Receivers read a record with mistakes each in their own way.",
                    "Cada receptor interpreta a su manera un registro con errores."};
        item.action = {"Correct the record.", "Corrija el registro."};
        items.push_back(std::move(item));
    };
    for (const std::string& error : found.errors) add(CheckStatus::fail, error);
    if (!found.record) return;
    for (const mailauth::RecordProblem& problem : found.record->problems)
        if (problem.weight != mailauth::ProblemWeight::advice)
            add(problem.weight == mailauth::ProblemWeight::error ? CheckStatus::fail : CheckStatus::warn,
                problem.tag.empty() ? problem.text : problem.tag + ": " + problem.text);
}

// Reports to another organisation's address need its consent in the DNS.
Task<CheckItem> destination_item(DnsView& view, std::string policy_domain, mailauth::ReportUri uri) {
    CheckItem item;
    item.id = "dmarc.reports";
    item.subject = uri.address.empty() ? uri.text : uri.address;
    item.why = {"Only reports show who sends in the name of the domain.",
                "Solo los informes muestran quién envía en nombre del dominio."};
    const std::string name = fmt::format("{}._report._dmarc.{}", policy_domain, uri.host);
    const auto answer = co_await view.ask(name, dns::RecordType::txt);
    if (!answer.has_value()) {
        item.status = CheckStatus::skipped;
        item.found = same(answer.error().detail);
        co_return item;
    }
    const bool agrees = std::ranges::any_of(
        answer->texts, [](const std::string& text) { return trimmed(text).starts_with("v=DMARC1"); });
    if (agrees) {
        item.found = {uri.host + " agrees to get reports about this domain",
                      uri.host + " acepta recibir informes sobre este dominio"};
    } else {
        item.status = CheckStatus::warn;
        item.found = {uri.host + " has not agreed to get reports about this domain: none are sent",
                      uri.host + " no ha aceptado recibir informes sobre este dominio: no se envía ninguno"};
        item.expected = name + " TXT v=DMARC1";
        item.action = {"Publish that record there, or use an address of this domain in rua=.",
                       "Publique allí ese registro, o use en rua= una dirección de este dominio."};
    }
    co_return item;
}

CheckItem alignment_item(const mailauth::DmarcDiscovery& found, const DomainFacts& facts) {
    CheckItem item;
    item.id = "dmarc.alignment";
    item.subject = facts.domain;
    item.why = {"DMARC passes only if the domain of the signature or of the envelope agrees with the one in From.",
                "DMARC solo pasa si el dominio de la firma o el del sobre concuerda con el del From."};
    const bool strict = found.record && found.record->spf_alignment == mailauth::DmarcAlignment::strict;
    const std::string envelope = facts.return_path.empty() ? facts.domain : facts.domain + ", " + facts.return_path;
    item.found = {fmt::format("signature d={}, envelope {}", facts.domain, envelope),
                  fmt::format("firma d={}, sobre {}", facts.domain, envelope)};
    if (facts.keys.empty()) {
        item.status = CheckStatus::warn;
        item.found = {fmt::format("no signature, envelope {}", envelope), fmt::format("sin firma, sobre {}", envelope)};
        item.action = {"Without a signature DMARC fails wherever mail is forwarded: make a key for this domain.",
                       "Sin firma, DMARC falla en cuanto el correo se reenvía: cree una clave para este dominio."};
    } else if (strict && !facts.return_path.empty()) {
        item.status = CheckStatus::warn;
        item.action = {
            "aspf=s demands the very same name: mail of the sub-domain rests on its signature alone. Remove "
            "aspf=s.",
            "aspf=s exige exactamente el mismo nombre: el correo del subdominio depende solo de su firma. "
            "Quite aspf=s."};
    }
    return item;
}

}  // namespace

Task<std::vector<CheckItem>> check_dmarc(DnsView& view, const DomainFacts& facts) {
    const mailauth::DmarcDiscovery found = co_await answer_all(view, mailauth::discover_dmarc(facts.domain));
    std::vector<CheckItem> items;
    items.push_back(policy_item(found, facts.domain));
    add_problems(items, found);
    if (found.record) {
        std::size_t asked = 0;
        for (const mailauth::ReportUri& uri : found.record->aggregate_uris) {
            if (uri.host.empty() || mail::is_same_or_subdomain(uri.host, found.organizational_domain)) continue;
            if (asked++ == destinations_asked) break;
            items.push_back(co_await destination_item(view, found.policy_domain, uri));
        }
    }
    items.push_back(alignment_item(found, facts));
    co_return items;
}

}  // namespace relevo::setup
