#include "app/relevo/server.h"

#include "app/relevo/acme_options.h"
#include "app/relevo/options.h"
#include "app/relevo/privileges.h"
#include "app/relevo/sign_in_options.h"
#include "core/accounts/second_factor.h"
#include "core/signing/keys.h"
#include "core/tenancy/secret.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <pthread.h>

namespace relevo {
namespace {

Level level_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return Level::debug;
        case LogLevel::info: return Level::info;
        case LogLevel::warning: return Level::warning;
        case LogLevel::error: return Level::error;
    }
    return Level::info;
}

unsigned shard_count(const ServerSettings& settings) {
    if (settings.shards > 0) return std::min(settings.shards, 16U);
    return std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
}

}  // namespace

Server::Server(Configuration configuration, std::string configuration_path, ServiceManager& manager)
    : started_with_(std::make_shared<const Configuration>(std::move(configuration))),
      configuration_(started_with_),
      configuration_path_(std::move(configuration_path)),
      manager_(manager) {}

Server::~Server() {
    if (running_) stop();
    take_apart();
}

Result<void> Server::start() {
    RELEVO_CHECK(forbid_new_privileges());  // before the first thread: each has its own
    RELEVO_CHECK(open_log());
    RELEVO_CHECK(check_local_addresses(*started_with_));
    RELEVO_CHECK(raise_descriptor_limit());
    RELEVO_CHECK(prepare_folders(started_with_->server));
    make_shards();
    RELEVO_CHECK(open_tls());
    RELEVO_CHECK(open_listeners());
    RELEVO_CHECK(open_metrics());
    RELEVO_CHECK(open_web());
    RELEVO_CHECK(confine());
    RELEVO_CHECK(open_store());
    RELEVO_CHECK(load_access());
    RELEVO_CHECK(make_parts());
    RELEVO_CHECK(recover());
    RELEVO_CHECK(open_control());
    make_api();
    start_shards();
    log_->info("server.started", {{"version", RELEVO_VERSION},
                                  {"host_name", started_with_->server.host_name},
                                  {"shards", shards_.size()},
                                  {"listeners", listeners_.size()}});
    return {};
}

Result<void> Server::open_log() {
    const bool as_text = started_with_->log.format == LogFormat::text;
    RELEVO_TRY(log_, telemetry::LineLog::open(
                         {.file = started_with_->log.file,
                          .format = as_text ? telemetry::LineFormat::text : telemetry::LineFormat::json,
                          .minimum = level_of(started_with_->log.level),
                          .prefix = started_with_->log.file.empty() && ServiceManager::keeps_standard_error()
                                        ? telemetry::LinePrefix::priority
                                        : telemetry::LinePrefix::none,
                          .start = telemetry::WriterStart::by_start}));
    return {};
}

void Server::make_shards() {
    for (unsigned index = 0; index < shard_count(started_with_->server); ++index) {
        auto parts = std::make_unique<ShardParts>(index);
        parts->sockets = net::ShardSockets::make(parts->shard);
        shards_.push_back(std::move(parts));
    }
    reception_metrics_ = std::make_unique<ReceptionMetrics>(metrics_);
    delivery_metrics_ = std::make_unique<DeliveryMetrics>(metrics_);
}

const ListenerOptions* Server::keep(ListenerOptions options) {
    return kept_options_.emplace_back(std::make_unique<const ListenerOptions>(std::move(options))).get();
}

Result<void> Server::open_store() {
    RELEVO_TRY(store_, Store::open(*started_with_, *log_));
    live_events_ = std::make_unique<LiveEvents>(store_->committer());
    store_->on_commit([this] {
        live_events_->committed();
        if (webhooks_) webhooks_->committed();
    });
    const auto shards = static_cast<unsigned>(shards_.size());
    RELEVO_TRY(crash_guard_,
               CrashGuard::open(*started_with_, shards, {*store_, *log_, metrics_, shards_.front()->shard.executor()}));
    return {};
}

// Who may send, and what is remembered of logins and usage.
Result<void> Server::load_access() {
    RELEVO_CHECK(store_->read([this](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::int64_t sealed_keys, count_sealed_keys(reader));
        RELEVO_TRY(const std::int64_t sealed_totp, count_sealed_totp(reader));
        RELEVO_TRY(const std::int64_t sealed_webhooks, count_sealed_webhooks(reader));
        RELEVO_TRY(mailboxes_, MailboxTable::load(reader));
        RELEVO_TRY(auto vault, open_vault(*started_with_, sealed_keys + sealed_totp + sealed_webhooks));
        signing_ = std::make_unique<Signing>(std::move(vault), started_with_->signing, metrics_, *log_);
        return signing_->load(reader);
    }));
    RELEVO_TRY(bounce_patterns_, bounce_patterns(*started_with_));
    feedback_ = std::make_unique<Feedback>(*started_with_, *store_, *log_, metrics_);
    RELEVO_CHECK(feedback_->open(*started_with_, {.directory = [this] { return access_->directory.load(); },
                                                  .patterns = [this] { return bounce_patterns_.load(); },
                                                  .vault = signing_->vault()}));
    RELEVO_CHECK(make_tracker());
    make_statistics();
    guard_ = std::make_unique<LoginGuard>(system_random());
    RELEVO_TRY(passwords_, PasswordChecker::start(system_random()));
    failed_logins_ = std::make_unique<FailedLogins>(FailedLogins::Ports{
        .executor = shards_.front()->shard.executor(), .committer = store_->committer(), .log = *log_});
    lan_ = std::make_unique<LanBook>(LanBook::Ports{.executor = shards_.front()->shard.executor(),
                                                    .committer = store_->committer(),
                                                    .log = *log_,
                                                    .passwords = passwords_.get(),
                                                    .refresh = [this] { return refresh_directory(); }});
    access_.reset(new ReceptionShared{
        .directory = {},
        .guard = *guard_,
        .passwords = *passwords_,
        .rates = rates_,
        .quotas = quotas_,
        .ledger = {},
        .decoy_secret = store_->secret(),
        .is_inbound = [this](std::string_view domain) { return relevo::is_inbound(*routes_.load(), domain); },
        .pools_of = [this](TenantId tenant) { return dispatcher_.egress()->pools_on_request(tenant); },
        .signer = &signing_->signer(),
        .lan = lan_.get(),
        .suppressions = &feedback_->keeper(),
        .conduct = &feedback_->conduct(),
        .feedback = {.return_paths = feedback_->return_paths(), .intake = feedback_->intake()},
        .tracker = tracker_.get(),
        .failed_logins = failed_logins_.get(),
        .login_succeeded = [this](CredentialId credential, const dns::IpAddress& address,
                                  WallClock::time_point now) { record_login(credential, address, now); },
        .message_checked =
            [this](const Findings& findings, const dns::IpAddress& client, const mail::Envelope& envelope,
                   mailauth::DmarcPolicy applied) { reporting_->message_checked(findings, client, envelope, applied); },
        .message_accepted =
            [this](Shard& shard, const std::shared_ptr<const Message>& message) {
                reporting_->message_accepted(message);
                if (feedback_->intake()->is_wanted(*message)) shard.spawn(feedback_->intake()->look_into(message));
            }});
    return store_->read([this](Reader& reader) -> Result<void> {
        RELEVO_TRY(auto directory, Directory::load(reader));
        access_->directory = std::move(directory);
        RELEVO_TRY(auto drains, load_drains(reader));
        drains_ = std::make_shared<const Drains>(std::move(drains));
        RELEVO_TRY(auto offices, LanTable::load(reader));
        lan_->set_table(std::move(offices));
        refresh_routes();
        RELEVO_CHECK(feedback_->load(reader));
        RELEVO_CHECK(accounts_.load_keys(reader));
        RELEVO_CHECK(load_known_addresses(reader, *guard_));
        RELEVO_TRY(const auto failures, load_login_failures(reader));
        guard_->restore(failures);
        const auto now = WallClock::now();
        RELEVO_TRY(const auto usage, load_usage(reader, now));
        rates_.restore(usage, now);
        RELEVO_TRY(const auto quota_usage, load_quota_usage(reader));
        quotas_.restore(quota_usage);
        return {};
    });
}

Result<void> Server::make_parts() {
    RELEVO_TRY(resolver_, resolver::UnboundResolver::make(shards_.front()->shard, resolver_options(*started_with_)));
    pages_ = std::make_unique<https::BackgroundPages>();
    RELEVO_CHECK(store_->read([this](Reader& reader) { return mta_sts_cache_.load(reader, WallClock::now()); }));
    const DeliveryOptions options = delivery_options(*started_with_);
    RELEVO_TRY(auto lists, address_lists(*started_with_));
    use_address_lists(std::move(lists), *started_with_);
    std::vector<DeliveryEngine*> engines;
    for (const auto& parts : shards_) {
        parts->resolver = resolver_->view(parts->shard);
        parts->dialer = std::make_unique<net::SocketDialer>(parts->sockets, tls_client_);
        if (started_with_->delivery.mta_sts)
            parts->mta_sts = std::make_unique<MtaStsFinder>(
                MtaStsFinder::Ports{.shard = parts->shard,
                                    .resolver = *parts->resolver,
                                    .pages = *pages_,
                                    .committer = store_->committer(),
                                    .log = *log_,
                                    .cache = mta_sts_cache_},
                MtaStsOptions{.allow_private_addresses = started_with_->delivery.allow_private_addresses});
        parts->engine = std::make_unique<DeliveryEngine>(
            DeliveryEngine::Ports{
                .shard = parts->shard,
                .spool = store_->spool(),
                .resolver = *parts->resolver,
                .dialer = *parts->dialer,
                .log = *log_,
                .metrics = *delivery_metrics_,
                .dispatcher = dispatcher_,
                .ids = parts->ids,
                .patterns = bounce_patterns_,
                .language_of = [this](TenantId id) { return language_of(id); },
                .source_closed = [this](const std::string& source,
                                        const std::string& shaping_key) { destination_closed(source, shaping_key); },
                .weight_of = [this](TenantId id) { return weight_of(id); },
                .tenant_name = [this](TenantId id) { return name_of_tenant(id); },
                .slow_rate_of = [this](TenantId id) { return feedback_->conduct().slow_rate_of(id); },
                .concluded = [this](const Message& message,
                                    const AttemptResult& result) { feedback_->concluded(message, result); },
                .mta_sts = parts->mta_sts.get(),
                .sign_report =
                    [this](std::string_view content, WallClock::time_point now) {
                        return signing_->signer().sign_report(content, now).fields;
                    },
                .trace = &crash_guard_->trace(parts->shard.index()),
                .suspects = &crash_guard_->suspects(),
                .before_attempt = crash_guard_->test_hook(),
                .tls_session = [this](TlsSession session) { reporting_->tls_session(session); }},
            options, static_cast<unsigned>(shards_.size()));
        parts->verifier =
            std::make_unique<Verifier>(parts->shard, *parts->resolver, verification_options(*started_with_));
        parts->recipients = std::make_unique<RecipientCheck>(
            *parts->resolver, submission_lists_, [this](std::string_view domain, TenantId tenant) {
                return routes_.load()->find(domain, tenant).kind == RouteKind::mail_exchanger;
            });
        parts->reception = std::make_unique<Reception>(Reception::Ports{
            .shard = parts->shard,
            .spool = store_->spool(),
            .log = *log_,
            .metrics = *reception_metrics_,
            .ids = parts->ids,
            .shared = *access_,
            .verifier = *parts->verifier,
            .recipients = *parts->recipients,
            .accepted = [this](std::shared_ptr<const Message> message) { dispatcher_.enqueue(std::move(message)); }});
        engines.push_back(parts->engine.get());
    }
    dispatcher_.set_engines(std::move(engines));
    feedback_->conduct().set_changed([this] { refresh_routes(); },
                                     [this] { shards_.front()->shard.post([this] { house_wakeup_->notify_all(); }); });
    dispatcher_.set_tls_of_tenants([this](TenantId id) { return tls_of(id); });
    make_keeper();
    make_inspection();
    make_reporting();
    make_account_mailer();
    make_webhooks();
    make_certificates();
    make_sign_in();
    return {};
}

void Server::make_keeper() {
    const ShardParts& parts = *shards_.front();
    key_metrics_ = std::make_unique<KeyKeeperMetrics>(metrics_);
    key_check_interval_ = started_with_->signing.check_interval;
    keeper_ = std::make_unique<KeyKeeper>(KeyKeeper::Ports{.shard = shards_.front()->shard,
                                                           .committer = store_->committer(),
                                                           .resolver = *parts.resolver,
                                                           .vault = signing_->vault(),
                                                           .maker = signing_->maker(),
                                                           .log = *log_,
                                                           .metrics = *key_metrics_,
                                                           .changed = [this] { return refresh_directory(); }},
                                          key_keeper_options(*started_with_));
}

Result<void> Server::recover() {
    const Deadline began = Clock::now();
    const auto now = WallClock::now();
    RELEVO_TRY(const Spool::Recovery recovery, store_->recover([this, now](const PendingDelivery& pending) {
        if (pending.state == DeliveryState::held || crash_guard_->takes(pending.id)) return;
        QueuedRecipients recipients = queued(pending);
        // No pause is longer: the clock was ahead when that row was written.
        if (recipients.attempts > 0 && recipients.due > now + recipients.route->retry.longest_delay())
            recipients.due = now;
        dispatcher_.engine_of(recipients.destination).restore(recipients);
    }));
    for (const auto& parts : shards_) parts->ids.continue_after(recovery.last);
    for (const std::string& damage : recovery.damage) log_->error("store.damaged", {{"problem", damage}});
    log_->info("store.recovered",
               {{"messages", recovery.messages},
                {"recipients", recovery.deliveries},
                {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count()}});
    return restore_paths();
}

void Server::start_shards() {
    store_->start();
    house_wakeup_ = std::make_unique<Wakeup>(shards_.front()->shard);  // before anybody can ask for a reload
    keys_wakeup_ = std::make_unique<Wakeup>(shards_.front()->shard);
    sources_wakeup_ = std::make_unique<Wakeup>(shards_.front()->shard);
    for (const auto& parts : shards_) {
        parts->engine->start();
        parts->thread = std::thread([shard = &parts->shard] { shard->run(); });
        ::pthread_setname_np(parts->thread.native_handle(), fmt::format("shard-{}", parts->shard.index()).c_str());
    }
    for (const auto& listener : listeners_)
        listener->listener->start([this, listener = listener.get()](Shard& shard, std::unique_ptr<Stream> stream) {
            shards_[shard.index()]->reception->serve(*listener->options.load(), std::move(stream));
        });
    for (const auto& listener : metrics_listeners_)
        listener->start(
            [this](Shard& shard, std::unique_ptr<Stream> stream) { http_->serve(shard, std::move(stream)); });
    for (std::size_t i = 0; i < web_listeners_.size(); ++i)
        web_listeners_[i]->start([server = web_servers_[i].get()](Shard& shard, std::unique_ptr<Stream> stream) {
            server->serve(shard, std::move(stream));
        });
    control_listener_->start();
    shards_.front()->shard.spawn(crash_guard_->hold_taken());
    shards_.front()->shard.spawn(resume_erasures());
    shards_.front()->shard.spawn(keep_house());
    shards_.front()->shard.spawn(keep_keys());
    shards_.front()->shard.spawn(watch_sources());
    shards_.front()->shard.spawn(domain_watch_->run());
    shards_.front()->shard.spawn(webhooks_->run());
    shards_.front()->shard.spawn(certificates_->run());
    shards_.front()->shard.spawn(statistics_->run());
    running_ = true;
}

Task<Result<void>> Server::refresh_directory() {
    std::shared_ptr<const Directory> fresh;
    std::shared_ptr<const LanTable> offices;
    std::shared_ptr<const MailboxTable> mailboxes;
    RELEVO_CO_CHECK(co_await read_rows(store_->committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(fresh, Directory::load(reader));
        RELEVO_TRY(offices, LanTable::load(reader));
        RELEVO_TRY(mailboxes, MailboxTable::load(reader));
        return signing_->load(reader);
    }));
    access_->directory = std::move(fresh);
    mailboxes_ = std::move(mailboxes);
    lan_->set_table(std::move(offices));
    refresh_routes();
    // A domain may have another tracking host now.
    shards_.front()->shard.post([this] { certificates_->reconsider(); });
    co_return Result<void>();
}

void Server::refresh_routes() {
    const std::lock_guard lock(routes_mutex_);
    const auto configuration = configuration_.load();
    const auto directory = access_->directory.load();
    egress_ = egress_table(*configuration, *directory, *drains_.load());
    routes_ = route_table(*configuration, *directory);
    dispatcher_.set_routes(routes_.load());
    dispatcher_.set_egress(egress_.load(), configuration->shaping);
}

// What the file says, and this process cannot change any more: told at each reload until it is started anew.
std::vector<std::string> Server::needs_restart(const Configuration& fresh) const {
    const Configuration& running = *started_with_;
    std::vector<std::string> names;
    const auto changed = [&](bool differs, std::string name) {
        if (differs) names.push_back(std::move(name));
    };
    changed(fresh.server.data_dir != running.server.data_dir, "server.data_dir");
    changed(fresh.server.run_dir != running.server.run_dir, "server.run_dir");
    changed(fresh.server.host_name != running.server.host_name, "server.host_name");
    changed(fresh.server.shards != running.server.shards, "server.shards");
    changed(fresh.server.filter_system_calls != running.server.filter_system_calls, "server.filter_system_calls");
    changed(!fresh.acme.hook.empty() && !may_run_programs(), "acme.hook");
    changed(fresh.signing.service_domain != running.signing.service_domain, "signing.service_domain");
    changed(fresh.signing.master_key_file != running.signing.master_key_file, "signing.master_key_file");
    changed(fresh.metrics.address != running.metrics.address, "metrics.address");
    changed(fresh.http != running.http, "http");
    // What routes are made of, the patterns and what limits mail take effect at once.
    DeliverySettings with_new_routes = running.delivery;
    with_new_routes.bounce_patterns = fresh.delivery.bounce_patterns;
    with_new_routes.pool = fresh.delivery.pool;
    with_new_routes.shaping = fresh.delivery.shaping;
    with_new_routes.port = fresh.delivery.port;
    with_new_routes.connections_per_site = fresh.delivery.connections_per_site;
    with_new_routes.allow_private_addresses = fresh.delivery.allow_private_addresses;
    changed(fresh.delivery != with_new_routes, "delivery");
    for (const ListenerSettings& settings : fresh.listeners)
        changed(std::ranges::find(running.listeners, settings.name, &ListenerSettings::name) == running.listeners.end(),
                "listener " + settings.name);
    return names;
}

Result<std::vector<std::string>> Server::reload() {
    const std::lock_guard lock(reload_mutex_);
    auto loaded = load_configuration(configuration_path_, process_environment());
    if (!loaded.has_value()) {
        log_->error("server.reload_refused", {{"problem", loaded.error().detail}});
        return std::unexpected(std::move(loaded).error());
    }
    const auto fresh = std::make_shared<const Configuration>(std::move(*loaded));
    if (const auto local = check_local_addresses(*fresh); !local.has_value()) {
        log_->error("server.reload_refused", {{"problem", local.error().detail}});
        return std::unexpected(local.error());
    }
    auto patterns = bounce_patterns(*fresh);
    if (!patterns.has_value()) {
        log_->error("server.reload_refused", {{"problem", patterns.error().detail}});
        return std::unexpected(patterns.error());
    }
    auto lists = address_lists(*fresh);
    if (!lists.has_value()) {
        log_->error("server.reload_refused", {{"problem", lists.error().detail}});
        return std::unexpected(lists.error());
    }
    auto machines = machine_rules(*fresh);
    if (!machines.has_value()) {
        log_->error("server.reload_refused", {{"problem", machines.error().detail}});
        return std::unexpected(machines.error());
    }
    if (const auto tls = reload_tls(*fresh); !tls.has_value()) {
        log_->error("server.reload_refused", {{"problem", tls.error().detail}});
        return std::unexpected(tls.error());
    }
    if (const auto reserved = store_->set_reserve(*fresh); !reserved.has_value())
        log_->error("store.reserve_not_set", {{"problem", reserved.error().detail}});
    std::vector<std::string> after_restart = needs_restart(*fresh);
    for (const auto& parts : listeners_) {
        const auto settings = std::ranges::find(fresh->listeners, parts->name, &ListenerSettings::name);
        if (settings == fresh->listeners.end() ||
            std::ranges::find(settings->address, parts->listener->endpoint()) == settings->address.end())
            after_restart.push_back("listener " + parts->name);
        else
            parts->options = keep(listener_options(*fresh, *settings));
    }
    log_->set_minimum(level_of(fresh->log.level));
    log_->reopen();
    configuration_ = fresh;
    bounce_patterns_ = *std::move(patterns);
    use_address_lists(*std::move(lists), *fresh);
    inspection_->configure(fresh);
    for (const auto& parts : shards_) parts->verifier->set_options(verification_options(*fresh));
    reporting_->set_options(reporting_options(*fresh));
    feedback_->configure(*fresh);
    webhooks_->set_options(webhook_options(fresh->webhooks));
    tracker_->set_options(tracking_options(fresh->tracking, *std::move(machines)));
    refresh_routes();
    key_check_interval_ = fresh->signing.check_interval;
    signing_->signer().set_lifetime(fresh->signing.signature_lifetime);
    KeyKeeperOptions keeping = key_keeper_options(*fresh);
    keeping.service_domain = service_domain(started_with_->signing);
    shards_.front()->shard.post([this, keeping] {
        keeper_->set_options(keeping);
        keys_wakeup_->notify_all();
        sources_wakeup_->notify_all();
        domain_watch_->reconsider();
        certificates_->set_options(keeper_options(configuration_.load()->acme));
        sign_in_->set_providers(openid_providers(*configuration_.load()));
    });
    log_->info("server.reloaded", {{"needs_restart", fmt::format("{}", fmt::join(after_restart, ", "))}});
    return after_restart;
}

// What uses a shard or the resolver goes before them.
void Server::take_apart() {
    control_listener_.reset();
    listeners_.clear();
    metrics_listeners_.clear();
    web_listeners_.clear();
    if (feedback_) feedback_->close();
    // Work in the background uses what the keeper owns.
    commands_.cancel();
    certificate_thread_.reset();
    certificates_.reset();
    authority_pages_.reset();
    sign_in_.reset();
    provider_pages_.reset();
    webhooks_.reset();
    webhook_pages_.reset();
    reporting_.reset();
    domain_watch_.reset();
    inspection_.reset();
    pages_.reset();
    zone_servers_.reset();
    keeper_.reset();
    signing_.reset();
    for (const auto& parts : shards_) {
        parts->reception.reset();
        parts->engine.reset();
        parts->mta_sts.reset();
        parts->dialer.reset();
        parts->resolver.reset();
    }
    statistics_.reset();
    tracker_.reset();
    resolver_.reset();
}

void Server::stop() {
    running_ = false;
    draining_ = true;
    log_->info("server.stopping", {});
    for (const auto& listener : listeners_) listener->listener->stop();
    for (const auto& listener : metrics_listeners_) listener->stop();
    for (const auto& listener : web_listeners_) listener->stop();
    shards_.front()->shard.post([this] {
        house_wakeup_->notify_all();
        keys_wakeup_->notify_all();
        sources_wakeup_->notify_all();
        domain_watch_->stop();
        webhooks_->stop();
        certificates_->stop();
    });
    commands_.cancel();
    // Sessions end first: what they accept must still find a running engine; then the engines.
    const auto wait_for_all = [this](auto drain) {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t left = shards_.size();
        const Deadline deadline = Clock::now() + configuration_.load()->server.drain_time / 2;
        for (const auto& parts : shards_)
            drain(*parts, deadline, [&] {
                const std::lock_guard lock(mutex);
                --left;
                changed.notify_one();
            });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return left == 0; });
    };
    wait_for_all([](ShardParts& parts, Deadline deadline, std::function<void()> done) {
        parts.reception->drain(deadline, std::move(done));
    });
    wait_for_all([](ShardParts& parts, Deadline deadline, std::function<void()> done) {
        parts.engine->drain(deadline, std::move(done));
    });
    finish_paths();
    finish_tracking();
    finish_reporting();
    finish_statistics();
    for (const auto& parts : shards_) parts->shard.stop();
    for (const auto& parts : shards_) parts->thread.join();
    store_->stop();
    crash_guard_->end_in_order();
    take_apart();
    log_->info("server.stopped", {});
    log_->flush();
}

}  // namespace relevo
