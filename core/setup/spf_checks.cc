// SPF: part of domain_mail_checks.h.
#include "core/setup/domain_mail_checks.h"
#include "core/setup/inquiry_driver.h"
#include "lib/base/text.h"
#include "lib/mailauth/spf_check.h"
#include "lib/mailauth/spf_setup.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

Words why_covered() {
    return {"An address that SPF does not allow is refused or marked as spam, and DMARC rests on DKIM alone.",
            "Una dirección que SPF no permite se rechaza o se marca como basura, y DMARC depende solo de DKIM."};
}

// What a receiver says about mail from `address` with this domain in the envelope.
Task<CheckItem> covered_item(DnsView& view, std::string domain, dns::IpAddress address) {
    mailauth::SpfQuery query;
    query.client = address;
    query.mail_from = "postmaster@" + domain;
    const mailauth::SpfVerdict verdict = co_await answer_all(view, mailauth::check_spf(std::move(query)));
    CheckItem item;
    item.id = "spf.covers";
    item.subject = fmt::format("{} · {}", domain, address.text());
    item.why = why_covered();
    const std::string result(mailauth::name_of(verdict.result));
    item.found = same(verdict.mechanism.empty() ? result : fmt::format("{} ({})", result, verdict.mechanism));
    if (verdict.result == mailauth::SpfResult::pass) co_return item;
    if (!verdict.reason.empty()) {
        item.found.english += ": " + verdict.reason;
        item.found.spanish += ": " + verdict.reason;
    }
    item.status = verdict.result == mailauth::SpfResult::temperror ? CheckStatus::skipped : CheckStatus::fail;
    if (item.status == CheckStatus::fail)
        item.action = {"Publish the SPF record that `relevo domain dns` shows.",
                       "Publique el registro SPF que muestra `relevo domain dns`."};
    co_return item;
}

Task<CheckItem> lookups_item(DnsView& view, std::string domain, std::string record) {
    const mailauth::SpfCost cost = co_await answer_all(view, mailauth::spf_cost(domain, std::move(record)));
    CheckItem item;
    item.id = "spf.lookups";
    item.subject = std::move(domain);
    item.why = {fmt::format("Receivers stop after {} look-ups and then count the record as void (RFC 7208 §4.6.4).",
                            mailauth::spf_lookup_limit),
                fmt::format("Los receptores paran tras {} consultas y dan el registro por nulo (RFC 7208 §4.6.4).",
                            mailauth::spf_lookup_limit)};
    item.found = {fmt::format("{} of {}", cost.lookups, mailauth::spf_lookup_limit),
                  fmt::format("{} de {}", cost.lookups, mailauth::spf_lookup_limit)};
    if (!cost.is_whole) {
        item.found.english = "at least " + item.found.english;
        item.found.spanish = "al menos " + item.found.spanish;
    }
    if (!cost.problem.empty()) {
        item.found.english += "; " + cost.problem;
        item.found.spanish += "; " + cost.problem;
    }
    if (cost.lookups > mailauth::spf_lookup_limit) {
        item.status = CheckStatus::fail;
        item.action = {"Remove include: of services that you no longer use, or name their addresses.",
                       "Quite los include: de servicios que ya no use, o ponga sus direcciones."};
    } else if (!cost.problem.empty()) {
        item.status = CheckStatus::warn;
        item.action = {"Correct or remove that term.", "Corrija o quite ese término."};
    }
    co_return item;
}

Task<> check_record_at(DnsView& view, const DomainFacts& facts, std::string domain, std::vector<CheckItem>& items) {
    const Observation seen = co_await view.see(domain, dns::RecordType::txt);
    if (!seen.published.has_value()) co_return;  // the record's own item says so
    const auto record = std::ranges::find_if(
        seen.published->texts, [](const std::string& text) { return starts_with_ignoring_case(text, "v=spf1"); });
    if (record == seen.published->texts.end()) co_return;
    for (const dns::IpAddress& address : facts.egress) items.push_back(co_await covered_item(view, domain, address));
    items.push_back(co_await lookups_item(view, domain, *record));
}

}  // namespace

Task<std::vector<CheckItem>> check_spf(DnsView& view, const DomainFacts& facts) {
    std::vector<CheckItem> items;
    if (facts.egress.empty()) {
        CheckItem item;
        item.id = "spf.covers";
        item.subject = facts.domain;
        item.status = CheckStatus::skipped;
        item.why = why_covered();
        item.found = {"the addresses that mail leaves from are not known: set checks.egress_addresses",
                      "no se sabe desde qué direcciones sale el correo: indique checks.egress_addresses"};
        items.push_back(std::move(item));
    }
    co_await check_record_at(view, facts, facts.domain, items);
    if (!facts.return_path.empty()) co_await check_record_at(view, facts, facts.return_path, items);
    co_return items;
}

}  // namespace relevo::setup
