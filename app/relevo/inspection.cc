#include "app/relevo/inspection.h"

#include "app/relevo/acme_options.h"
#include "app/relevo/certificate_digests.h"
#include "app/relevo/egress.h"
#include "core/setup/parallel.h"

#include <algorithm>
#include <random>

namespace relevo {
namespace {

constexpr std::chrono::seconds connection_time{8};
// Half of what a command waits for its answer (docs/control-protocol.md): what was found must arrive even on a machine
// that is short of time. Two questions that nobody answers, one after the other, fit in.
constexpr std::chrono::seconds time_of_look{15};
constexpr std::chrono::seconds shortest_pause{1};

}  // namespace

setup::BlocklistOptions Inspection::blocklists() const {
    const auto configuration = this->configuration();  // held: a reload may let go of it meanwhile
    const CheckSettings& checks = configuration->checks;
    setup::BlocklistOptions options{.zones = checks.blocklists, .keys = {}};
    if (!checks.spamhaus_key.value.empty())
        for (const setup::Blocklist& list : setup::blocklist_table())
            if (!list.keyed_zone.empty()) options.keys.emplace(list.zone, checks.spamhaus_key.value);
    return options;
}

setup::DnsViewOptions Inspection::view_options(Deadline deadline) const {
    return {.allow_private_addresses = configuration()->delivery.allow_private_addresses, .deadline = deadline};
}

setup::ServerFacts Inspection::server_facts(Deadline deadline) const {
    const auto configuration = this->configuration();
    const DeliverySettings& delivery = configuration->delivery;
    setup::ServerFacts facts;
    facts.host_name = configuration->server.host_name;
    facts.sources = source_facts(*configuration);
    facts.validates = ports_.validates;
    facts.outbound_domains = configuration->checks.outbound_domains;
    facts.outbound_port = delivery.port;
    facts.allow_private_addresses = delivery.allow_private_addresses;
    facts.blocklists = blocklists();
    facts.deadline = deadline;
    return facts;
}

Task<setup::DomainFacts> Inspection::with_egress(setup::DomainFacts facts, Deadline deadline) {
    facts.egress = co_await setup::egress_addresses(ports_.resolver, server_facts(deadline));
    co_return facts;
}

Task<setup::DnsPlan> Inspection::plan(setup::DomainFacts facts) {
    const Deadline deadline = Clock::now() + time_of_look;
    setup::DomainFacts complete = co_await with_egress(std::move(facts), deadline);
    co_return co_await setup::look_at_plan(ports_.shard, ports_.resolver, &ports_.zone_servers, std::move(complete),
                                           view_options(deadline));
}

Task<setup::DnsPlan> Inspection::bare_plan(setup::DomainFacts facts) {
    const setup::DomainFacts complete = co_await with_egress(std::move(facts), Clock::now() + std::chrono::seconds(5));
    co_return setup::make_plan(complete, {});
}

Task<setup::DomainReport> Inspection::check_domain(setup::DomainFacts facts) {
    const Deadline deadline = Clock::now() + time_of_look;
    TlsSettings tls = configuration()->tls;
    KeptCertificates kept = kept_certificates(*configuration());
    for (net::CertificateFiles& files : kept.usable)
        tls.more_certificates.push_back({std::move(files.certificate), std::move(files.key)});
    setup::DomainFacts complete = co_await with_egress(std::move(facts), deadline);
    setup::DomainCheckOptions options{.view = view_options(deadline),
                                      .blocklists = blocklists(),
                                      .certificates = certificate_digests(tls),
                                      .validates = ports_.validates,
                                      .pages = &ports_.pages};
    co_return co_await setup::check_domain(ports_.shard, ports_.resolver, &ports_.zone_servers, std::move(complete),
                                           std::move(options));
}

Task<std::vector<setup::CheckItem>> Inspection::check_server(std::vector<setup::OwnListener> listeners) {
    setup::ServerFacts facts = server_facts(Clock::now() + time_of_look);
    facts.listeners = std::move(listeners);
    co_return co_await setup::check_server(ports_.shard, ports_.resolver, ports_.dialer, std::move(facts));
}

Task<std::vector<setup::ConnectionFinding>> Inspection::try_connections(std::vector<setup::OwnListener> listeners) {
    using enum setup::ConnectionSecurity;
    std::erase_if(listeners, [](const setup::OwnListener& one) { return !one.takes_logins || one.expects_proxy; });
    const Deadline deadline = Clock::now() + connection_time;
    // At a port for TLS nobody speaks in plain text, and TLS at once is not tried elsewhere: it would be told as a
    // program's mistake. Why both fail is known.
    std::vector<std::pair<const setup::OwnListener*, setup::ConnectionSecurity>> ways;
    for (const setup::OwnListener& listener : listeners) {
        if (listener.is_implicit_tls) {
            ways.emplace_back(&listener, tls);
            continue;
        }
        ways.emplace_back(&listener, starttls);
        ways.emplace_back(&listener, none);
    }
    std::vector<setup::ConnectionFinding> found(ways.size());
    std::vector<Task<>> attempts;
    for (std::size_t index = 0; index < ways.size(); ++index) {
        const auto& [listener, security] = ways[index];
        attempts.push_back(
            setup::into(found[index], setup::try_connection(ports_.dialer, setup::reachable(listener->endpoint),
                                                            configuration()->server.host_name, security, deadline)));
    }
    co_await setup::run_together(ports_.shard, std::move(attempts));
    co_return found;
}

Task<std::map<std::string, addresscheck::DomainMail>> Inspection::mail_of(std::set<std::string> domains) {
    const auto private_addresses = configuration()->delivery.allow_private_addresses
                                       ? addresscheck::PrivateAddresses::allowed
                                       : addresscheck::PrivateAddresses::refused;
    const Deadline deadline = Clock::now() + time_of_look;
    std::map<std::string, addresscheck::DomainMail> found;
    for (const std::string& domain : domains) found.emplace(domain, addresscheck::DomainMail());
    std::vector<Task<>> questions;
    for (auto& [domain, mail] : found)
        questions.push_back(setup::into(
            mail, resolve(ports_.resolver, addresscheck::find_mail_servers(domain, private_addresses), deadline)));
    co_await setup::run_together(ports_.shard, std::move(questions));
    co_return found;
}

Task<std::vector<Result<setup::AddressNames>>> Inspection::names_of(std::vector<dns::IpAddress> addresses) {
    const Deadline deadline = Clock::now() + time_of_look;
    std::vector<Result<setup::AddressNames>> found(addresses.size());
    std::vector<Task<>> questions;
    for (std::size_t index = 0; index < addresses.size(); ++index)
        questions.push_back(
            setup::into(found[index], setup::names_of_address(ports_.resolver, addresses[index], deadline)));
    co_await setup::run_together(ports_.shard, std::move(questions));
    co_return found;
}

Task<ListingState> Inspection::listing_of(std::vector<dns::IpAddress> addresses, Deadline deadline) {
    const auto items = co_await setup::check_address_lists(ports_.shard, ports_.resolver, blocklists(),
                                                           std::move(addresses), deadline);
    ListingState state;
    for (const setup::CheckItem& item : items) {
        if (item.status == setup::CheckStatus::skipped) continue;
        if (state.kind == ListingState::Kind::unknown) state.kind = ListingState::Kind::clean;
        if (item.status != setup::CheckStatus::fail) continue;
        state.kind = ListingState::Kind::listed;
        state.where += (state.where.empty() ? "" : "; ") + item.subject + ": " + item.found.english;
    }
    co_return state;
}

Task<Routed<MailHosts>> Inspection::hosts_of(const Route& route, std::string domain) {
    const auto configuration = this->configuration();
    HostFinder finder(ports_.resolver,
                      {.host_name = configuration->server.host_name,
                       .use_ipv6 = configuration->delivery.ipv6,
                       .allow_private_addresses = configuration->delivery.allow_private_addresses},
                      std::random_device{}());
    co_return co_await finder.hosts_of(route, std::move(domain), Clock::now() + time_of_look);
}

DomainWatch::DomainWatch(Ports ports)
    : ports_(std::move(ports)),
      ok_(ports_.metrics.gauge("relevo_domain_checks", "Checks of domains by how they stand", {{"status", "ok"}})),
      warnings_(
          ports_.metrics.gauge("relevo_domain_checks", "Checks of domains by how they stand", {{"status", "warn"}})),
      failures_(
          ports_.metrics.gauge("relevo_domain_checks", "Checks of domains by how they stand", {{"status", "fail"}})),
      changes_(
          ports_.metrics.counter("relevo_domain_check_changes_total", "Checks of domains that came out otherwise")),
      changed_(ports_.shard) {}

Task<> DomainWatch::run() {
    while (!stopping_) {
        const std::chrono::seconds interval = ports_.inspection.configuration()->checks.interval;
        if (interval.count() == 0)
            co_await changed_.wait();
        else
            co_await round(interval);
    }
}

void DomainWatch::stop() {
    stopping_ = true;
    changed_.notify_all();
}

// The first domain at once, the others in equal distances, so that a thousand of them never ask at the same time.
Task<> DomainWatch::round(Clock::duration interval) {
    const Deadline next_round = Clock::now() + interval;
    // A change that comes while nothing waits wakes nobody.
    const auto is_outdated = [&] {
        return stopping_ || ports_.inspection.configuration()->checks.interval != interval;
    };
    const auto domains = co_await ports_.domains();
    if (!domains.has_value()) {
        ports_.log.error("domain.check_failed", {{"problem", domains.error().detail}});
    } else if (!domains->empty()) {
        const Clock::duration pause =
            std::max<Clock::duration>(interval / static_cast<int>(domains->size() + 1), shortest_pause);
        for (const setup::DomainFacts& facts : *domains) {
            setup::DomainReport report = co_await ports_.inspection.check_domain(facts);
            co_await note(facts, std::move(report.items));
            if (is_outdated() || co_await changed_.wait(Clock::now() + pause)) co_return;
        }
    }
    if (!is_outdated()) co_await changed_.wait(std::max(next_round, Clock::now() + shortest_pause));
}

Task<> DomainWatch::note(setup::DomainFacts domain, std::vector<setup::CheckItem> items) {
    setup::StatusComparison compared;
    std::map<setup::CheckStatus, std::int64_t> counts;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(setup::forget_lost_domains(transaction));
        RELEVO_TRY(compared, setup::note_look(transaction, ports_.events, domain, items, WallClock::now()));
        RELEVO_TRY(counts, setup::count_statuses(transaction));
        return {};
    };
    if (const auto noted = co_await commit(ports_.committer, std::move(request)); !noted.has_value()) {
        ports_.log.error("domain.check_failed", {{"domain", domain.domain}, {"problem", noted.error().detail}});
        co_return;
    }
    tell(domain.domain, compared.changes);
    ok_.set(counts[setup::CheckStatus::ok]);
    warnings_.set(counts[setup::CheckStatus::warn]);
    failures_.set(counts[setup::CheckStatus::fail]);
}

void DomainWatch::tell(const std::string& domain, const std::vector<setup::StatusChange>& changes) {
    for (const setup::StatusChange& change : changes) {
        if (change.before) changes_.add();
        const std::initializer_list<Field> fields = {
            {"domain", domain},
            {"check", change.item.id},
            {"subject", change.item.subject},
            {"before", change.before ? setup::name_of(*change.before) : std::string_view("unknown")},
            {"status", setup::name_of(change.item.status)},
            {"found", change.item.found.english},
            {"action", change.item.action.english}};
        ports_.log.write(change.item.status == setup::CheckStatus::ok ? Level::info : Level::warning,
                         "domain.check_changed", fields);
    }
}

}  // namespace relevo
