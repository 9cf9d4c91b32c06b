// SpfEvaluation: does a mechanism match? (RFC 7208 §5)
#include "lib/base/text.h"
#include "lib/dns/name.h"
#include "lib/mail/address.h"
#include "lib/mailauth/spf_evaluation.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t expansion_limit_octets = 4'096;
constexpr std::size_t shown_addresses = 4;

std::string list_of(const std::vector<dns::IpAddress>& addresses) {
    std::string text;
    for (std::size_t index = 0; index < addresses.size() && index < shown_addresses; ++index)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", addresses[index].text());
    if (addresses.size() > shown_addresses) text += fmt::format(" and {} more", addresses.size() - shown_addresses);
    return text;
}

dns::RecordType address_type(const dns::IpAddress& client) {
    return client.is_v4() ? dns::RecordType::a : dns::RecordType::aaaa;
}

}  // namespace

SpfEvaluation::Match SpfEvaluation::match_of_fault(const Error& error, std::string_view name) const {
    if (error.kind == ErrorKind::invalid)
        return {Match::Kind::no, fmt::format("no match: {} cannot be asked for", name)};
    if (error.kind == ErrorKind::limit) return {Match::Kind::permerror, error.detail};
    return {Match::Kind::temperror, fmt::format("DNS fault: {}", error.detail)};
}

// A term whose question finds nothing (§4.6.4). "Exceeding the limit produces a "permerror" result."
std::optional<SpfEvaluation::Match> SpfEvaluation::count_void(const dns::Answer& answer, bool is_empty) {
    if (!is_empty && answer.name_exists) return std::nullopt;
    if (++verdict_.void_lookups <= spf_void_limit) return std::nullopt;
    return Match{Match::Kind::permerror,
                 fmt::format("more than {} look-ups that find nothing (RFC 7208 §4.6.4)", spf_void_limit)};
}

std::optional<std::string> SpfEvaluation::matching(const std::vector<dns::IpAddress>& addresses,
                                                   const SpfMechanism& mechanism) const {
    const unsigned bits = query_.client.is_v4() ? mechanism.prefix_v4 : mechanism.prefix_v6;
    for (const dns::IpAddress& address : addresses)
        if (shares_prefix(address, query_.client, bits)) return fmt::format("{}/{}", address.text(), bits);
    return std::nullopt;
}

dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::evaluate(const SpfMechanism& mechanism, std::string domain,
                                                           unsigned depth) {
    switch (mechanism.kind) {
        case SpfMechanismKind::all: co_return Match{Match::Kind::yes, "matches: it always does"};
        case SpfMechanismKind::ip4:
        case SpfMechanismKind::ip6:
            if (mechanism.network_contains(query_.client))
                co_return Match{Match::Kind::yes, "matches " + query_.client.text()};
            co_return Match{Match::Kind::no, "no match: " + query_.client.text() + " is not in it"};
        default: break;
    }
    if (!count_lookup())
        co_return Match{Match::Kind::permerror,
                        fmt::format("more than {} look-ups (RFC 7208 §4.6.4)", spf_lookup_limit)};
    std::string target = domain;
    if (!mechanism.domain.empty())
        target = co_await expand(mechanism.domain, std::move(domain), expansion_limit_octets);
    if (mechanism.kind == SpfMechanismKind::include) co_return co_await match_include(std::move(target), depth);
    const auto name = spf_target_name(target);
    if (!name)
        // Undefined by RFC 7208 (§4.8); no question can hold the name, so it is as one that does not exist.
        co_return Match{Match::Kind::no, fmt::format("no match: \"{}\" is not a domain name", printable(target, 120))};
    switch (mechanism.kind) {
        case SpfMechanismKind::a: co_return co_await match_addresses(mechanism, *name);
        case SpfMechanismKind::mx: co_return co_await match_exchanges(mechanism, *name);
        case SpfMechanismKind::ptr: co_return co_await match_client_name(*name);
        default: co_return co_await match_existence(*name);
    }
}

// The table of §5.2.
dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::match_include(std::string target, unsigned depth) {
    const SpfOutcome outcome = co_await check_host(std::move(target), depth + 1, std::nullopt);
    const std::string why = fmt::format("{}: {}", name_of(outcome.result), outcome.reason);
    switch (outcome.result) {
        case SpfResult::pass: co_return Match{Match::Kind::yes, "matches: " + outcome.reason};
        case SpfResult::fail:
        case SpfResult::softfail:
        case SpfResult::neutral: co_return Match{Match::Kind::no, "no match: " + why};
        case SpfResult::temperror: co_return Match{Match::Kind::temperror, outcome.reason};
        case SpfResult::none:
        case SpfResult::permerror: break;
    }
    co_return Match{Match::Kind::permerror, outcome.reason};
}

dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::match_addresses(const SpfMechanism& mechanism, std::string target) {
    const dns::RecordType type = address_type(query_.client);
    const auto answer = co_await look_up(target, type);
    if (!answer) co_return match_of_fault(answer.error(), target);
    if (auto over = count_void(*answer, answer->addresses.empty())) co_return *std::move(over);
    if (answer->addresses.empty())
        co_return Match{Match::Kind::no, fmt::format("no match: {} has no {} record", target, dns::name_of(type))};
    if (const auto found = matching(answer->addresses, mechanism))
        co_return Match{Match::Kind::yes, "matches " + *found};
    co_return Match{Match::Kind::no, fmt::format("no match: {} is {}", target, list_of(answer->addresses))};
}

dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::match_exchanges(const SpfMechanism& mechanism, std::string target) {
    auto answer = co_await look_up(target, dns::RecordType::mx);
    if (!answer) co_return match_of_fault(answer.error(), target);
    if (auto over = count_void(*answer, answer->exchanges.empty())) co_return *std::move(over);
    auto& exchanges = answer->exchanges;
    std::erase_if(exchanges, [](const dns::MailExchange& exchange) { return exchange.exchange.empty(); });  // null MX
    if (exchanges.empty()) co_return Match{Match::Kind::no, fmt::format("no match: {} has no mail server", target)};
    // "the evaluation of each "MX" record MUST NOT result in querying more than 10 address records (…). If this limit
    // is exceeded, the "mx" mechanism MUST produce a "permerror" result" (§4.6.4).
    if (exchanges.size() > spf_name_limit)
        co_return Match{Match::Kind::permerror, fmt::format("{} has {} mail servers; {} are allowed (RFC 7208 §4.6.4)",
                                                            target, exchanges.size(), spf_name_limit)};
    std::ranges::sort(exchanges, {}, [](const dns::MailExchange& exchange) {
        return std::pair(exchange.preference, std::string_view(exchange.exchange));
    });
    for (const dns::MailExchange& exchange : exchanges) {
        const auto addresses = co_await look_up(exchange.exchange, address_type(query_.client));
        if (!addresses) {
            Match fault = match_of_fault(addresses.error(), exchange.exchange);
            if (fault.kind != Match::Kind::no) co_return fault;
            continue;
        }
        if (const auto found = matching(addresses->addresses, mechanism))
            co_return Match{Match::Kind::yes, fmt::format("matches {} of {}", *found, exchange.exchange)};
    }
    co_return Match{Match::Kind::no, fmt::format("no match: none of the {} mail servers of {} has the address {}",
                                                 exchanges.size(), target, query_.client.text())};
}

dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::match_existence(std::string target) {
    const auto answer = co_await look_up(target, dns::RecordType::a);  // A also for IPv6 clients (§5.7)
    if (!answer) co_return match_of_fault(answer.error(), target);
    if (auto over = count_void(*answer, answer->addresses.empty())) co_return *std::move(over);
    if (answer->addresses.empty())
        co_return Match{Match::Kind::no, fmt::format("no match: {} has no A record", target)};
    co_return Match{Match::Kind::yes, fmt::format("matches: {} has an A record", target)};
}

dns::Inquiry<bool> SpfEvaluation::find_client_names() {
    if (client_names_) co_return client_names_problem_.empty();
    client_names_.emplace();
    const auto answer = co_await look_up(query_.client.reverse_name(), dns::RecordType::ptr);
    if (!answer) {
        client_names_problem_ = answer.error().detail;
        co_return false;
    }
    // "If more than 10 sending-domain_names are found, use at most 10" (§5.5).
    for (const std::string& name : answer->texts)
        if (client_names_->size() < spf_name_limit && !name.empty()) client_names_->push_back({name, std::nullopt});
    co_return true;
}

// "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped and the search continues" (§5.5).
dns::Inquiry<bool> SpfEvaluation::confirm(ClientName& candidate) {
    if (!candidate.is_confirmed) {
        const auto answer = co_await look_up(candidate.name, address_type(query_.client));
        candidate.is_confirmed =
            answer && std::ranges::find(answer->addresses, query_.client) != answer->addresses.end();
    }
    co_return *candidate.is_confirmed;
}

// Only names that could match are confirmed: the others would cost questions and change nothing.
dns::Inquiry<SpfEvaluation::Match> SpfEvaluation::match_client_name(std::string target) {
    // "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to match" (§5.5).
    const bool is_first = !client_names_.has_value();
    if (!co_await find_client_names()) co_return Match{Match::Kind::no, "no match: " + client_names_problem_};
    if (is_first) {
        if (auto over = count_void(dns::Answer(), client_names_->empty())) co_return *std::move(over);
    }
    for (ClientName& candidate : *client_names_)
        if (mail::is_same_or_subdomain(candidate.name, target) && co_await confirm(candidate))
            co_return Match{Match::Kind::yes, fmt::format("matches: {} is {}", query_.client.text(), candidate.name)};
    co_return Match{Match::Kind::no,
                    fmt::format("no match: no confirmed name of {} lies under {}", query_.client.text(), target)};
}

// %{p}: the domain itself, else a name below it, else any name (§7.3); "" if none is confirmed.
dns::Inquiry<std::string> SpfEvaluation::validated_name(std::string domain) {
    if (!co_await find_client_names()) co_return std::string();
    const std::string wanted = spf_target_name(domain).value_or(std::string());
    const auto rank = [&wanted](const ClientName& candidate) {
        if (candidate.name == wanted) return 0;
        return mail::is_same_or_subdomain(candidate.name, wanted) ? 1 : 2;
    };
    for (const int at : {0, 1, 2})
        for (ClientName& candidate : *client_names_)
            if (rank(candidate) == at && co_await confirm(candidate)) co_return candidate.name;
    co_return std::string();
}

}  // namespace relevo::mailauth
