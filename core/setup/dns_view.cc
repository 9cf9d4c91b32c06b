#include "core/setup/dns_view.h"

#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t servers_asked = 4;  // of those that a zone names
constexpr std::size_t addresses_per_server = 2;
constexpr std::size_t zone_depth = 6;  // labels that may lie between a domain and its zone

}  // namespace

Task<Result<dns::Answer>> DnsView::ask(std::string name, dns::RecordType type) {
    return resolver_.query(std::move(name), type, question_deadline(options_.deadline));
}

Task<> DnsView::find_zone(std::string domain) {
    std::string name = domain;
    for (std::size_t depth = 0; depth < zone_depth && name.contains('.'); ++depth) {
        const auto answer = co_await ask(name, dns::RecordType::ns);
        if (!answer.has_value()) {
            why_not_ = same(answer.error().detail);
            co_return;
        }
        // Where a CNAME led, the servers are of its target's zone (RFC 2181 §10.1: no CNAME beside NS).
        const bool is_its_own = answer->canonical_name.empty() || answer->canonical_name == name;
        if (!answer->texts.empty() && is_its_own) {
            zone_ = name;
            name_servers_ = answer->texts;
            std::ranges::sort(name_servers_);
            break;
        }
        name.erase(0, name.find('.') + 1);
    }
    if (zone_.empty()) {
        why_not_ = {fmt::format("no name servers are known for {}", domain),
                    fmt::format("no se conocen servidores de nombres de {}", domain)};
        co_return;
    }
    if (zone_servers_ == nullptr) co_return;
    std::vector<dns::IpAddress> addresses = co_await server_addresses();
    if (addresses.empty()) {
        why_not_ = {fmt::format("the name servers of {} have no address that may be asked", zone_),
                    fmt::format("los servidores de nombres de {} no tienen direcciones a las que preguntar", zone_)};
        co_return;
    }
    auto direct = zone_servers_->ask_at(shard_, zone_, std::move(addresses));
    if (direct.has_value())
        direct_ = std::move(*direct);
    else
        why_not_ = same(direct.error().detail);
}

Task<std::vector<dns::IpAddress>> DnsView::addresses_of(std::string name_server) {
    std::vector<dns::IpAddress> addresses;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await ask(name_server, type);
        if (!answer.has_value()) continue;
        std::size_t taken = 0;
        for (const dns::IpAddress& address : answer->addresses) {
            if (taken == addresses_per_server) break;
            if (!may_connect_to(address)) continue;
            addresses.push_back(address);
            ++taken;
        }
    }
    co_return addresses;
}

Task<std::vector<dns::IpAddress>> DnsView::server_addresses() {
    std::vector<dns::IpAddress> addresses;
    for (std::size_t index = 0; index < std::min(servers_asked, name_servers_.size()); ++index)
        std::ranges::copy(co_await addresses_of(name_servers_[index]), std::back_inserter(addresses));
    co_return addresses;
}

Task<Observation> DnsView::see(std::string name, dns::RecordType type) {
    auto remembered = co_await ask(name, type);
    const bool is_ours_to_ask = direct_ != nullptr && mail::is_same_or_subdomain(name, zone_);
    if (!is_ours_to_ask) co_return Observation{remembered, remembered, false};
    auto published = co_await direct_->query(name, type, question_deadline(options_.deadline));
    if (!published.has_value()) co_return Observation{remembered, std::move(remembered), false};
    co_return Observation{std::move(published), std::move(remembered), true};
}

std::vector<std::string> texts_of(const dns::Answer& answer) {
    std::vector<std::string> texts = answer.texts;
    for (const dns::MailExchange& exchange : answer.exchanges)
        texts.push_back(fmt::format("{} {}", exchange.preference, exchange.exchange.empty() ? "." : exchange.exchange));
    for (const dns::IpAddress& address : answer.addresses) texts.push_back(address.text());
    std::ranges::sort(texts);
    return texts;
}

}  // namespace relevo::setup
