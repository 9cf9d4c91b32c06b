// MTA-STS and TLS reporting: part of domain_mail_checks.h.
#include "core/setup/domain_mail_checks.h"
#include "lib/base/text.h"
#include "lib/tlspolicy/mta_sts.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::chrono::milliseconds fetch_time{5'000};
constexpr std::size_t hosts_named = 5;  // of those that a policy leaves out

Words why_policy() {
    return {
        "MTA-STS keeps others from reading mail to this domain on its way; a policy that does not name each MX stops "
        "mail to those it leaves out.",
        "MTA-STS impide que otros lean en tránsito el correo hacia este dominio; una política que no nombra todos "
        "los MX corta el correo a los que faltan."};
}

void mark(CheckItem& item, CheckStatus status, Words found, Words action) {
    item.status = status;
    item.found = std::move(found);
    item.action = std::move(action);
}

// The file, as a sender gets it. Errors: as WebPages::fetch(); invalid – another status than 200; temporary – of the
// DNS; cancelled – the look ends before a slow web server may answer.
Task<Result<Page>> fetch_policy(DnsView& view, WebPages& pages, std::string domain) {
    PageRequest request{.host = "mta-sts." + domain, .path = "/.well-known/mta-sts.txt", .addresses = {}};
    bool has_address = false;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await view.ask(request.host, type);
        if (!answer.has_value()) co_return failure(ErrorKind::temporary, answer.error().detail);
        has_address = has_address || !answer->addresses.empty();
        std::ranges::copy_if(answer->addresses, std::back_inserter(request.addresses),
                             [&](const dns::IpAddress& address) { return view.may_connect_to(address); });
    }
    if (request.addresses.empty())
        co_return failure(ErrorKind::not_found, fmt::format("{} has {}", request.host,
                                                            has_address ? "private addresses alone" : "no address"));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(view.deadline() - Clock::now());
    if (left < fetch_time) co_return failure(ErrorKind::cancelled, "the DNS took all the time");
    request.time_limit = fetch_time;
    RELEVO_CO_TRY(Page page, co_await pages.fetch(std::move(request)));
    if (page.status != 200)
        co_return failure(
            ErrorKind::invalid,
            fmt::format("status {}{}", page.status,
                        page.status >= 300 && page.status < 400 ? ", and redirects are not followed" : ""));
    co_return page;
}

// RFC 8461 §4.1: senders do not deliver to an MX that an enforced policy does not name.
void hold_against_mx(CheckItem& item, const tlspolicy::MtaStsPolicy& policy, const dns::Answer& answer) {
    std::string missing;
    std::size_t count = 0;
    for (const dns::MailExchange& exchange : answer.exchanges)
        if (!exchange.exchange.empty() && !tlspolicy::matches(policy, exchange.exchange) && count++ < hosts_named)
            missing += (missing.empty() ? "" : ", ") + exchange.exchange;
    const std::string_view mode = tlspolicy::name_of(policy.mode);
    if (missing.empty()) {
        const auto days = std::chrono::duration_cast<std::chrono::days>(policy.max_age).count();
        item.found = {fmt::format("mode {}, names each MX, remembered for {} days", mode, days),
                      fmt::format("modo {}, nombra todos los MX, se recuerda {} días", mode, days)};
        return;
    }
    const bool is_enforced = policy.mode == tlspolicy::MtaStsMode::enforce;
    mark(item, is_enforced ? CheckStatus::fail : CheckStatus::warn,
         {fmt::format("mode {}, but the policy does not name {}", mode, missing),
          fmt::format("modo {}, pero la política no nombra {}", mode, missing)},
         {"Add a line mx: for it to the policy, then give the record at _mta-sts a new id.",
          "Añada a la política una línea mx: con él y después ponga un id nuevo en el registro _mta-sts."});
}

Task<> look_at_policy(DnsView& view, WebPages& pages, std::string domain, CheckItem& item) {
    const std::string url = fmt::format("https://mta-sts.{}/.well-known/mta-sts.txt", domain);
    const auto page = co_await fetch_policy(view, pages, domain);
    if (!page.has_value()) {
        const bool is_ours = page.error().kind == ErrorKind::cancelled || page.error().kind == ErrorKind::full ||
                             page.error().kind == ErrorKind::temporary;
        mark(item, is_ours ? CheckStatus::skipped : CheckStatus::warn,
             {fmt::format("{} cannot be read: {}", url, page.error().detail),
              fmt::format("no se puede leer {}: {}", url, page.error().detail)},
             is_ours ? Words{}
                     : Words{"Senders go on as without a policy: mend the web server, or remove the record.",
                             "Los remitentes siguen como si no hubiera política: arregle el servidor web, o quite el "
                             "registro."});
        co_return;
    }
    const auto policy = tlspolicy::parse_mta_sts_policy(page->body);
    if (!policy.has_value()) {
        mark(item, CheckStatus::warn,
             {fmt::format("{} is no policy: {}", url, policy.error().detail),
              fmt::format("{} no es una política: {}", url, policy.error().detail)},
             {"Correct the file.", "Corrija el archivo."});
        co_return;
    }
    if (policy->mode == tlspolicy::MtaStsMode::none) {
        item.found = {"mode none: there is no policy any more", "modo none: ya no hay política"};
        co_return;
    }
    const auto exchanges = co_await view.ask(domain, dns::RecordType::mx);
    if (exchanges.has_value())
        hold_against_mx(item, *policy, *exchanges);
    else
        item = unanswered_item(item.id, item.subject, exchanges.error());
}

Task<CheckItem> policy_item(DnsView& view, std::string domain, WebPages* pages) {
    const std::string name = "_mta-sts." + domain;
    const Observation seen = co_await view.see(name, dns::RecordType::txt);
    if (!seen.published.has_value()) co_return unanswered_item("mta-sts.policy", name, seen.published.error());
    CheckItem item = make_item("mta-sts.policy", CheckGroup::domain, name, why_policy());
    const auto record = tlspolicy::choose_mta_sts_record(seen.published->texts);
    if (!record.has_value() && record.error().kind == ErrorKind::not_found) {
        mark(item, CheckStatus::skipped, {"not published; it is optional", "no está publicado; es opcional"}, {});
    } else if (!record.has_value()) {
        mark(item, CheckStatus::warn, same(record.error().detail), {"Correct the record.", "Corrija el registro."});
    } else if (pages == nullptr) {
        mark(item, CheckStatus::skipped, {"the policy was not fetched", "no se ha descargado la política"}, {});
    } else {
        co_await look_at_policy(view, *pages, std::move(domain), item);
    }
    co_return item;
}

// RFC 8460 §3: of several records none counts.
Task<CheckItem> reports_item(DnsView& view, std::string domain) {
    const std::string name = "_smtp._tls." + domain;
    const Observation seen = co_await view.see(name, dns::RecordType::txt);
    if (!seen.published.has_value()) co_return unanswered_item("tls-rpt.policy", name, seen.published.error());
    CheckItem item = make_item("tls-rpt.policy", CheckGroup::domain, name,
                               {"Senders tell where TLS to this domain fails.",
                                "Los remitentes avisan de dónde falla TLS hacia este dominio."});
    std::vector<std::string> records;
    std::ranges::copy_if(seen.published->texts, std::back_inserter(records),
                         [](const std::string& text) { return trimmed(text).starts_with("v=TLSRPTv1"); });
    if (records.empty())
        mark(item, CheckStatus::skipped, {"not published; it is optional", "no está publicado; es opcional"}, {});
    else if (records.size() > 1)
        mark(item, CheckStatus::warn,
             {"several records: senders heed none of them", "varios registros: los remitentes no hacen caso a ninguno"},
             {"Leave one alone.", "Deje uno solo."});
    else if (!records.front().contains("rua="))
        mark(item, CheckStatus::warn, {"rua= is missing: " + records.front(), "falta rua=: " + records.front()},
             {"Correct the record.", "Corrija el registro."});
    else
        item.found = same(records.front());
    co_return item;
}

}  // namespace

Task<std::vector<CheckItem>> check_transport_policy(DnsView& view, const DomainFacts& facts, WebPages* pages) {
    std::vector<CheckItem> items;
    items.push_back(co_await policy_item(view, facts.domain, pages));
    items.push_back(co_await reports_item(view, facts.domain));
    co_return items;
}

}  // namespace relevo::setup
