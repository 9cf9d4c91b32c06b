// The server's side doors: control socket, metrics, status.
#include "app/lookups/address_lookup.h"
#include "app/lookups/message_file.h"
#include "app/relevo/account_sender.h"
#include "app/relevo/domain_facts.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/options.h"
#include "app/relevo/path_metrics.h"
#include "app/relevo/public_face.h"
#include "app/relevo/server.h"
#include "app/relevo/state_metrics.h"
#include "core/tenancy/administration.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <unistd.h>

namespace relevo {
namespace {

constexpr std::chrono::seconds report_write_limit{5};  // at the end

Task<std::string> path_numbers(const Dispatcher& dispatcher) {
    std::vector<SiteStatus> sites;
    for (DeliveryEngine* engine : dispatcher.engines())
        std::ranges::move(
            co_await on_shard<std::vector<SiteStatus>>(engine->shard(), [engine] { return engine->sites(); }),
            std::back_inserter(sites));
    co_return path_metrics(std::move(sites), *dispatcher.egress());
}

}  // namespace

Task<std::string> Server::metrics_page() {
    StateNumbers numbers;
    if (auto queue = co_await store_->spool().numbers(); queue.has_value()) numbers.queue = *std::move(queue);
    if (const auto available = store_->available(); available.has_value()) numbers.disk_available = *available;
    numbers.disk_reserve = store_->reserve();
    numbers.damaged_pages = store_->damaged_pages();
    const auto directory = access_->directory.load();
    numbers.suspended_tenants =
        static_cast<std::size_t>(std::ranges::count_if(directory->tenants(), &Tenant::suspended));
    numbers.certificates = tls_server_->certificates();
    numbers.warnings = log_->count_of(Level::warning);
    numbers.errors = log_->count_of(Level::error);
    std::string page = metrics_.render() + state_metrics(numbers, WallClock::now());
    page += co_await path_numbers(dispatcher_);
    co_return page;
}

Task<HttpResponse> Server::answer_monitoring(HttpRequest request) {
    HttpResponse response;
    if (request.method != "GET" && request.method != "HEAD") {
        response.status = 405;
        response.body = "only GET is answered here\n";
    } else if (request.target == "/metrics") {
        response.content_type = telemetry::metrics_content_type;
        response.body = co_await metrics_page();
    } else if (request.target == "/healthz") {
        response.body = "ok\n";
    } else {
        response.status = 404;
        response.body = "here are /metrics and /healthz\n";
    }
    co_return response;
}

void Server::record_login(CredentialId credential, const dns::IpAddress& address, WallClock::time_point now) {
    CommitRequest request;
    request.rows = [credential, address, now](Transaction& transaction, const std::vector<ContentToStore>&) {
        return relevo::record_login(transaction, credential, address, now);
    };
    store_->committer().commit(
        std::move(request), Completer<Result<void>>(shards_.front()->shard.executor(), [this](Result<void> recorded) {
            if (!recorded.has_value()) log_->error("store.login_not_recorded", {{"problem", recorded.error().detail}});
        }));
}

Result<void> Server::open_metrics() {
    if (started_with_->metrics.address.empty()) return {};
    for (const Endpoint& endpoint : started_with_->metrics.address) {
        net::ListenerOptions options;
        options.endpoint = endpoint;
        options.refusal.clear();
        options.connection_limit = 100;
        options.log = log_.get();
        RELEVO_TRY(auto listener, open_listener("[metrics]", std::move(options), 1));
        metrics_listeners_.push_back(std::move(listener));
    }
    http_ = std::make_unique<net::HttpServer>(net::HttpServerOptions{
        .handler = [this](HttpRequest request) { return answer_monitoring(std::move(request)); }});
    return {};
}

Result<void> Server::open_control() {
    control_ = std::make_unique<Control>(
        ControlContext{.store = *store_,
                       .feedback = *feedback_,
                       .default_language = started_with_->server.language,
                       .directory = [this] { return access_->directory.load(); },
                       .refresh_directory = [this] { return refresh_directory(); },
                       .routes = [this] { return routes_.load(); },
                       .egress = [this] { return egress_.load(); },
                       .shaping = [this] { return dispatcher_.shaping(); },
                       .bounce_patterns = [this] { return bounce_patterns_.load(); },
                       .refresh_drains = [this] { return refresh_drains(); },
                       .log = log_.get(),
                       .dispatcher = &dispatcher_,
                       .passwords = passwords_.get(),
                       .reporting = reporting_.get(),
                       .lan = lan_.get(),
                       .failed_logins = failed_logins_.get(),
                       .accounts = &accounts_,
                       .account_mailer = account_mailer_.get(),
                       .webhooks = webhooks_.get(),
                       .certificates = certificates_.get(),
                       .statistics = statistics_.get(),
                       .webhook_options = [this] { return *webhooks_->options(); },
                       .lan_face = [this] { return lan_face(*configuration_.load()); },
                       .console_url = [this] { return console_url(*configuration_.load()); },
                       .submission = [this] { return submission_json(*configuration_.load()); },
                       .is_stopping = [this] { return draining_.load(); },
                       .status = [this] { return status(); },
                       .recent_problems = [this] { return log_->recent_problems(); },
                       .totals = [this] { return totals(); },
                       .reload = [this] { return reload(); },
                       .signing = {.vault = [this] -> Result<KeyVault*> { return &signing_->vault(); },
                                   .maker = &signing_->maker(),
                                   .keeper = keeper_.get(),
                                   .rotation = [this] { return keeper_->options().rotation; },
                                   .service_domain = service_domain(started_with_->signing)},
                       .inspection = inspection_.get(),
                       .domain_watch = domain_watch_.get(),
                       .listeners = [this] { return own_listeners(); },
                       .address_lists = [this] { return address_lists_.load(); }});
    RELEVO_TRY(control_listener_, net::ControlListener::open(
                                      shards_.front()->sockets,
                                      {.path = started_with_->control_socket(),
                                       .mode = 0660,
                                       .handler = [this](net::ControlPeer peer, std::string request) {
                                           return control_->perform(
                                               std::move(request), control_principal(fmt::format("uid {}", peer.user)));
                                       }}));
    return {};
}

void Server::make_reporting() {
    ShardParts& first = *shards_.front();
    // Every server chooses its own minute of the night.
    const std::size_t spread = std::hash<std::string>()(started_with_->server.host_name) % 3600;
    reporting_ = std::make_unique<Reporting>(
        Reporting::Ports{
            .shard = first.shard,
            .resolver = *first.resolver,
            .committer = store_->committer(),
            .spool = store_->spool(),
            .ids = first.ids,
            .log = *log_,
            .metrics = metrics_,
            .accepted = [this](std::shared_ptr<const Message> message) { dispatcher_.enqueue(std::move(message)); },
            .sign =
                [this](std::string content, std::string_view) {
                    return signing_->signer().sign_report(content, WallClock::now()).fields + content;
                },
            .is_ours =
                [this](std::string_view domain) {
                    return is_reported_domain(domain, *inspection_->configuration(), *access_->directory.load(),
                                              *routes_.load());
                },
            .delay_after_midnight = std::chrono::minutes(5) + std::chrono::seconds(spread),
            .counts = {},
            .received = {},
            .pages = pages_.get()},
        reporting_options(*started_with_));
}

void Server::make_account_mailer() {
    account_mailer_ = std::make_unique<AccountMailer>(AccountMailer::Ports{
        .spool = store_->spool(),
        .ids = shards_.front()->ids,
        .log = *log_,
        .accepted = [this](std::shared_ptr<const Message> message) { dispatcher_.enqueue(std::move(message)); },
        .from = [this] { return account_mail_from(*configuration_.load(), signing_->signer()); },
        .sign =
            [this](std::string content, std::string_view domain) {
                return signed_account_mail(signing_->signer(), *access_->directory.load(), std::move(content), domain,
                                           WallClock::now());
            },
        .host_name = [this] { return started_with_->server.host_name; },
        .now = [] { return WallClock::now(); }});
}

// What was counted since the last minute is written; longer than a few seconds nobody waits for that.
void Server::finish_reporting() {
    auto finished = std::make_shared<std::promise<void>>();  // shared with a coroutine that may take too long
    const auto finish = [](Server& server, std::shared_ptr<std::promise<void>> done) -> Task<> {
        co_await server.reporting_->finish();
        co_await server.keep_accounts(WallClock::now());
        done->set_value();
    };
    shards_.front()->shard.spawn(finish(*this, finished));
    if (finished->get_future().wait_for(report_write_limit) != std::future_status::ready)
        log_->error("reports.not_counted", {{"problem", "the store takes too long: the last minute is lost"}});
}

bool Server::is_responsive() {
    const bool all = std::ranges::all_of(shards_, [](const auto& parts) { return parts->has_answered.load(); });
    for (const auto& parts : shards_) {
        if (!parts->has_answered.exchange(false)) continue;
        parts->shard.post([pointer = parts.get()] { pointer->has_answered = true; });
    }
    return all;
}

void Server::make_webhooks() {
    webhook_pages_ = std::make_unique<https::BackgroundPages>(4 * Webhooks::at_once, Webhooks::at_once);
    ShardParts& first = *shards_.front();
    webhooks_ = std::make_unique<Webhooks>(Webhooks::Ports{.shard = first.shard,
                                                           .resolver = *first.resolver,
                                                           .pages = *webhook_pages_,
                                                           .committer = store_->committer(),
                                                           .vault = signing_->vault(),
                                                           .log = *log_,
                                                           .metrics = metrics_},
                                           webhook_options(started_with_->webhooks));
}

Task<> Server::keep_accounts(WallClock::time_point now) {
    CommitRequest request;
    request.rows = [uses = accounts_.uses().take(), now](Transaction& transaction,
                                                         const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(forget_failed_logins(transaction, now));
        return AccountBook::keep_house(transaction, uses, now);
    };
    if (const auto written = co_await failed_logins_->write(); !written.has_value())
        log_->error("smtp.login_failures_not_written", {{"problem", written.error().detail}});
    if (const auto kept = co_await commit(store_->committer(), std::move(request)); !kept.has_value())
        log_->error("store.housekeeping_failed", {{"problem", kept.error().detail}});
}

void Server::make_inspection() {
    ShardParts& home = *shards_.front();
    zone_servers_ = std::make_unique<resolver::UnboundZoneServers>(resolver_options(*started_with_),
                                                                   started_with_->dns.authority_port);
    inspection_ = std::make_unique<Inspection>(InspectionPorts{.shard = home.shard,
                                                               .resolver = *home.resolver,
                                                               .zone_servers = *zone_servers_,
                                                               .dialer = *home.dialer,
                                                               .pages = *pages_,
                                                               .validates = resolver_->validates()},
                                               started_with_);
    domain_watch_ = std::make_unique<DomainWatch>(DomainWatch::Ports{.shard = home.shard,
                                                                     .inspection = *inspection_,
                                                                     .domains = [this] { return all_domains(); },
                                                                     .committer = store_->committer(),
                                                                     .events = store_->spool().events(),
                                                                     .log = *log_,
                                                                     .metrics = metrics_});
}

Task<Result<std::vector<setup::DomainFacts>>> Server::all_domains() {
    const auto configuration = inspection_->configuration();
    std::vector<setup::DomainFacts> all;
    RELEVO_CO_CHECK(co_await read_rows(store_->committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::vector<Domain> domains, list_domains(reader));
        for (const Domain& domain : domains) {
            RELEVO_TRY(setup::DomainFacts facts, domain_facts(reader, domain, *configuration));
            all.push_back(std::move(facts));
        }
        return {};
    }));
    co_return all;
}

std::vector<setup::OwnListener> Server::own_listeners() const {
    const auto configuration = inspection_->configuration();
    std::vector<setup::OwnListener> listeners;
    for (const auto& parts : listeners_) {
        const auto settings = std::ranges::find(configuration->listeners, parts->name, &ListenerSettings::name);
        if (settings == configuration->listeners.end()) continue;
        listeners.push_back({.name = parts->name,
                             .endpoint = parts->listener->endpoint(),
                             .is_implicit_tls = settings->tls == ListenerTls::implicit,
                             .takes_logins = settings->role == ListenerPurpose::submission,
                             .expects_proxy = !settings->proxy_networks.empty()});
    }
    return listeners;
}

Result<std::shared_ptr<const bounces::PatternTable>> Server::bounce_patterns(const Configuration& configuration) {
    const std::string& path = configuration.delivery.bounce_patterns;
    if (path.empty()) return std::make_shared<const bounces::PatternTable>(bounces::PatternTable::built_in());
    RELEVO_TRY(const std::string text, lookups::read_file(path, bounces::PatternTable::limit_octets));
    auto table = bounces::PatternTable::parse(text);
    if (!table) return failure(table.error().kind, fmt::format("{}: {}", path, table.error().detail));
    return std::make_shared<const bounces::PatternTable>(*std::move(table));
}

Result<std::shared_ptr<const addresscheck::AddressLists>> Server::address_lists(const Configuration& configuration) {
    RELEVO_TRY(auto lists, lookups::read_address_lists(configuration.checks.address_lists));
    return std::make_shared<const addresscheck::AddressLists>(std::move(lists));
}

void Server::use_address_lists(std::shared_ptr<const addresscheck::AddressLists> lists,
                               const Configuration& configuration) {
    submission_lists_ = configuration.submission.check_recipients == RecipientChecks::off ? nullptr : lists;
    address_lists_ = std::move(lists);
}

boost::json::object Server::status() {
    boost::json::array listeners;
    for (const auto& parts : listeners_)
        listeners.emplace_back(boost::json::object{{"name", parts->name},
                                                   {"address", parts->listener->endpoint().text()},
                                                   {"connections", parts->listener->connections()}});
    return {{"version", RELEVO_VERSION},
            {"host_name", started_with_->server.host_name},
            {"started_at", json_time(started_at_)},
            {"process", ::getpid()},
            {"shards", shards_.size()},
            {"listeners", std::move(listeners)},
            {"draining", draining_.load()}};
}

QueuedRecipients Server::queued(const PendingDelivery& pending) const {
    return dispatcher_.queued(
        {.id = pending.id,
         .flow = {pending.tenant, pending.stream, std::string(pending.pool), pending.tls_optional},
         .domain = pending.recipient.substr(pending.recipient.rfind('@') + 1),
         .attempts = static_cast<std::uint16_t>(pending.attempts),
         .delay_reported = pending.delay_reported,
         .due = pending.due_at});
}

mail::Language Server::language_of(TenantId tenant) const {
    const auto directory = access_->directory.load();
    const Tenant* known = directory->tenant(tenant);
    return known != nullptr ? known->language : configuration_.load()->server.language;
}

std::uint32_t Server::weight_of(TenantId tenant) const {
    const auto directory = access_->directory.load();
    const Tenant* known = directory->tenant(tenant);
    return known != nullptr ? known->weight : 1;
}

mail::TlsWish Server::tls_of(TenantId tenant) const {
    const auto directory = access_->directory.load();
    const Tenant* known = directory->tenant(tenant);
    return known != nullptr ? known->tls : mail::TlsWish::usual;
}

std::string Server::name_of_tenant(TenantId tenant) const {
    const auto directory = access_->directory.load();
    const Tenant* known = directory->tenant(tenant);
    return known != nullptr ? known->name : std::string();
}

}  // namespace relevo
