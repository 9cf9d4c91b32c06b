#include "core/setup/publication.h"

#include "core/setup/parallel.h"

#include <fmt/format.h>

namespace relevo::setup {
namespace {

constexpr std::size_t most_aliases = 8;
constexpr std::size_t most_servers = 16;  // RFC 1034 §4.1 wants two; nobody has more than thirteen
constexpr std::chrono::milliseconds longest_pause{10'000};

// What one server says.
struct ServerFinding {
    enum class Kind : std::uint8_t { has_it, lacks_it, silent };
    Kind kind = Kind::silent;
    std::string problem;  // silent: why
};

Task<ServerFinding> ask_server(DnsView& view, ZoneServers& zone_servers, std::string server, TextRecord record) {
    std::vector<dns::IpAddress> addresses = co_await view.addresses_of(std::move(server));
    if (addresses.empty()) co_return ServerFinding{ServerFinding::Kind::silent, "it has no address that may be asked"};
    const auto direct = zone_servers.ask_at(view.shard(), view.zone(), std::move(addresses));
    if (!direct.has_value()) co_return ServerFinding{ServerFinding::Kind::silent, direct.error().detail};
    const auto answer =
        co_await (*direct)->query(record.name, dns::RecordType::txt, question_deadline(view.deadline()));
    if (!answer.has_value()) co_return ServerFinding{ServerFinding::Kind::silent, answer.error().detail};
    const bool has_it = std::ranges::find(answer->texts, record.value) != answer->texts.end();
    co_return ServerFinding{has_it ? ServerFinding::Kind::has_it : ServerFinding::Kind::lacks_it, {}};
}

Task<Publication> look(Shard& shard, Resolver& resolver, ZoneServers& zone_servers, TextRecord record,
                       bool allow_private_addresses) {
    const DnsViewOptions options{.allow_private_addresses = allow_private_addresses, .deadline = no_deadline};
    for (std::size_t aliases = 0; aliases <= most_aliases; ++aliases) {
        DnsView view(shard, resolver, &zone_servers, options);
        co_await view.find_zone(record.name);
        if (!view.why_not_authoritative().english.empty())
            co_return Publication{std::move(record.name), {}, {view.why_not_authoritative().english}};
        // An alias is there long before the record that it leads to: what any of the servers says will do.
        const Observation alias = co_await view.see(record.name, dns::RecordType::cname);
        if (alias.published.has_value() && !alias.published->texts.empty()) {
            record.name = alias.published->texts.front();
            continue;
        }
        std::vector<std::string> servers = view.name_servers();
        if (servers.size() > most_servers) servers.resize(most_servers);
        std::vector<ServerFinding> findings(servers.size());
        std::vector<Task<>> questions;
        for (std::size_t index = 0; index < servers.size(); ++index)
            questions.push_back(into(findings[index], ask_server(view, zone_servers, servers[index], record)));
        co_await run_together(shard, std::move(questions));
        Publication found{.name = record.name, .lacking = {}, .silent = {}};
        for (std::size_t index = 0; index < servers.size(); ++index) {
            if (findings[index].kind == ServerFinding::Kind::lacks_it) found.lacking.push_back(servers[index]);
            if (findings[index].kind == ServerFinding::Kind::silent)
                found.silent.push_back(fmt::format("{} ({})", servers[index], findings[index].problem));
        }
        co_return found;
    }
    co_return Publication{std::move(record.name), {}, {fmt::format("more than {} aliases follow", most_aliases)}};
}

}  // namespace

Task<Publication> wait_for_publication(Shard& shard, Resolver& resolver, ZoneServers& zone_servers, TextRecord record,
                                       PublicationOptions options) {
    auto pause = options.first_pause;
    for (;;) {
        Publication found = co_await look(shard, resolver, zone_servers, record, options.allow_private_addresses);
        if (found.is_complete() || Clock::now() >= options.deadline) co_return found;
        co_await sleep_until(std::min(Clock::now() + pause, options.deadline));
        pause = std::min(pause * 2, longest_pause);
    }
}

}  // namespace relevo::setup
