// The relay as a running process: everything wired, started, reloaded, drained. The only place that picks
// implementations.
#pragma once

#include "adapters/background/background_thread.h"
#include "adapters/background/command.h"
#include "adapters/https/background_pages.h"
#include "adapters/net/control_listener.h"
#include "adapters/net/dialer.h"
#include "adapters/net/http_server.h"
#include "adapters/net/listener.h"
#include "adapters/net/tls_challenges.h"
#include "adapters/resolver/zone_servers.h"
#include "adapters/telemetry/line_log.h"
#include "adapters/telemetry/metrics_registry.h"
#include "app/api/api.h"
#include "app/relevo/acme_publisher.h"
#include "app/relevo/control.h"
#include "app/relevo/crash_guard.h"
#include "app/relevo/egress.h"
#include "app/relevo/feedback.h"
#include "app/relevo/service_manager.h"
#include "app/relevo/signing.h"
#include "app/relevo/store.h"
#include "app/web/console_files.h"
#include "core/certificates/keeper.h"
#include "core/delivery/drained_sources.h"
#include "core/delivery/engine.h"
#include "core/reception/reception.h"
#include "core/reporting/reporting.h"
#include "core/sign_in/openid_sign_in.h"
#include "core/sign_in/passkey_sign_in.h"
#include "core/statistics/statistics.h"
#include "core/tenancy/mailboxes.h"
#include "core/tracking/tracker.h"
#include "core/webhooks/webhooks.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace relevo {

// Threads: start(), reload() and stop() on the main thread; the rest on the shards.
class Server {
 public:
    // `manager` must outlive start().
    Server(Configuration configuration, std::string configuration_path, ServiceManager& manager);
    ~Server();

    // Errors: with the text for who started it. Nothing keeps running after one.
    Result<void> start();
    // Reads the configuration file again. On an error everything stays as it was.
    Result<std::vector<std::string>> reload();
    // Orderly: idle clients hear 421, running transactions end, outcomes are written. At most server.drain_time.
    void stop();
    // Whether every shard has answered since the last call; for the service manager's watchdog.
    [[nodiscard]] bool is_responsive();

 private:
    // What one shard runs. Destroyed in reverse order, after its thread has ended.
    struct ShardParts {
        explicit ShardParts(unsigned index) : shard(index), ids(index) {}
        Shard shard;
        MessageIdSource ids;
        std::shared_ptr<net::ShardSockets> sockets;
        std::unique_ptr<Resolver> resolver;
        std::unique_ptr<net::SocketDialer> dialer;
        std::unique_ptr<MtaStsFinder> mta_sts;
        std::unique_ptr<DeliveryEngine> engine;
        std::unique_ptr<Verifier> verifier;
        std::unique_ptr<RecipientCheck> recipients;
        std::unique_ptr<Reception> reception;
        std::thread thread;
        std::atomic<bool> has_answered = true;
    };
    struct ListenerParts {
        std::string name;
        std::unique_ptr<net::Listener> listener;
        std::atomic<const ListenerOptions*> options;
    };

    Result<void> open_log();
    // Of the section of the configuration that `section` names in errors.
    Result<std::unique_ptr<net::Listener>> open_listener(std::string_view section, net::ListenerOptions options,
                                                         std::size_t shards);
    Result<void> confine();
    [[nodiscard]] bool may_run_programs() const;
    void make_shards();
    Result<void> open_listeners();
    Result<void> open_store();
    [[nodiscard]] QueuedRecipients queued(const PendingDelivery& pending) const;
    Result<void> load_access();
    Result<void> make_parts();
    void make_keeper();
    void make_inspection();
    void make_reporting();
    void make_account_mailer();
    void make_webhooks();
    void finish_reporting();
    // server_tracking.cc
    // Fresh rules from the file that the configuration names, or the built-in ones. Errors: detail names the file and
    // the line.
    [[nodiscard]] static Result<std::shared_ptr<const tracking::MachineRules>> machine_rules(
        const Configuration& configuration);
    Result<void> make_tracker();
    void make_statistics();
    void finish_statistics();
    void finish_tracking();
    Result<void> recover();
    // server_certificates.cc
    Result<void> open_tls();
    [[nodiscard]] bool needs_self_signed(const net::CertificateFiles& own) const;
    // Certificates of another configuration, or new ones, for new connections. Errors: nothing has changed.
    Result<void> reload_tls(const Configuration& configuration);
    [[nodiscard]] net::TlsServerOptions tls_options(const Configuration& configuration) const;
    void make_certificates();
    [[nodiscard]] std::vector<std::string> certificate_names() const;
    Task<Result<void>> install_certificates();
    // An event in a transaction of its own, of what is kept elsewhere.
    Task<> write_event(Event event);
    Task<> tell_expiring_certificates();

    Result<void> open_control();
    Result<void> open_metrics();
    Task<std::string> metrics_page();
    Task<HttpResponse> answer_monitoring(HttpRequest request);
    Result<void> open_web();
    // server_web.cc
    void make_sign_in();
    api::SignInPorts sign_in_ports();
    void make_api();
    Task<HttpResponse> answer_web(const HttpSettings& settings, HttpRequest request);
    void start_shards();
    void take_apart();
    const ListenerOptions* keep(ListenerOptions options);
    Task<Result<void>> refresh_directory();
    // Routes, sources and pools from the configuration and the directory in force: call it after either was replaced.
    // Threads: any.
    void refresh_routes();
    // A fresh pattern table from the file that the configuration names, or the built-in one. Errors: detail names the
    // file and the line.
    [[nodiscard]] static Result<std::shared_ptr<const bounces::PatternTable>> bounce_patterns(
        const Configuration& configuration);
    // Errors: as lookups::read_address_lists(), whether they are used for submissions or not: a mistake in the file is
    // told at once.
    [[nodiscard]] static Result<std::shared_ptr<const addresscheck::AddressLists>> address_lists(
        const Configuration& configuration);
    void use_address_lists(std::shared_ptr<const addresscheck::AddressLists> lists, const Configuration& configuration);
    [[nodiscard]] std::vector<std::string> needs_restart(const Configuration& fresh) const;
    Task<> resume_erasures();
    Task<> keep_house();
    Task<> keep_keys();
    Task<> housekeeping_round();
    Task<> keep_accounts(WallClock::time_point now);
    // server_paths.cc
    Result<void> restore_paths();
    Task<> save_paths();
    void finish_paths();
    Task<Result<void>> refresh_drains();
    void destination_closed(const std::string& source, const std::string& shaping_key);
    Task<> drain_by_itself(std::string source, Drain drain);
    Task<> resume_by_itself(std::string source, Drain drain);
    Task<> review_drains();
    Task<> watch_sources();
    Task<> look_for_listings();
    Task<> tell_listing(std::string source, ListingState state);
    [[nodiscard]] boost::json::object totals() const;
    void record_login(CredentialId credential, const dns::IpAddress& address, WallClock::time_point now);
    // Of a tenant, as delivery asks for it; one that is gone has the server's language, weight 1 and no name.
    [[nodiscard]] mail::Language language_of(TenantId tenant) const;
    [[nodiscard]] std::uint32_t weight_of(TenantId tenant) const;
    [[nodiscard]] mail::TlsWish tls_of(TenantId tenant) const;
    [[nodiscard]] std::string name_of_tenant(TenantId tenant) const;
    boost::json::object status();
    Task<Result<std::vector<setup::DomainFacts>>> all_domains();
    [[nodiscard]] std::vector<setup::OwnListener> own_listeners() const;

    // What cannot change while the process runs is read from the first; the rest from the second, which reload()
    // replaces as a whole while shards read it.
    const std::shared_ptr<const Configuration> started_with_;
    std::atomic<std::shared_ptr<const Configuration>> configuration_;
    std::string configuration_path_;
    ServiceManager& manager_;
    WallClock::time_point started_at_ = WallClock::now();
    std::unique_ptr<telemetry::LineLog> log_;
    telemetry::MetricsRegistry metrics_;
    std::unique_ptr<ReceptionMetrics> reception_metrics_;
    std::unique_ptr<DeliveryMetrics> delivery_metrics_;
    std::atomic<std::shared_ptr<const bounces::PatternTable>> bounce_patterns_;  // replaced by reload()
    RecipientCheck::Lists address_lists_;                                        // likewise
    RecipientCheck::Lists submission_lists_;  // the same; null: recipients of submissions go unchecked
    std::shared_ptr<net::TlsChallenges> tls_challenges_ = std::make_shared<net::TlsChallenges>();
    std::shared_ptr<net::TlsServerContext> tls_server_;
    std::shared_ptr<net::TlsServerContext> tls_web_;  // the same certificates, for browsers (ALPN)
    std::shared_ptr<net::TlsClientContext> tls_client_;
    std::unique_ptr<Feedback> feedback_;       // the store's committer uses it until its end
    AccountBook accounts_;                     // likewise
    std::unique_ptr<LiveEvents> live_events_;  // likewise; and feeds, which end with their shards
    std::unique_ptr<Store> store_;
    std::unique_ptr<Tracker> tracker_;
    std::unique_ptr<Statistics> statistics_;  // on the first shard
    std::unique_ptr<LoginGuard> guard_;
    std::unique_ptr<PasswordChecker> passwords_;
    std::unique_ptr<FailedLogins> failed_logins_;
    RateLimiter rates_;
    std::unique_ptr<LanBook> lan_;
    QuotaLedger quotas_;
    std::unique_ptr<ReceptionShared> access_;
    std::atomic<std::shared_ptr<const MailboxTable>> mailboxes_;
    std::atomic<std::shared_ptr<const RouteTable>> routes_;
    std::atomic<std::shared_ptr<const EgressTable>> egress_;
    std::atomic<std::shared_ptr<const Drains>> drains_ = std::make_shared<const Drains>();
    SourceHealth source_health_;  // on the first shard
    std::mutex routes_mutex_;     // held while both are made: the last to make them has seen the newest of all
    Dispatcher dispatcher_;
    MtaStsCache mta_sts_cache_;
    std::unique_ptr<CrashGuard> crash_guard_;  // attempts end in it as late as with their shards
    std::vector<std::unique_ptr<ShardParts>> shards_;
    std::unique_ptr<resolver::UnboundResolver> resolver_;
    std::unique_ptr<Signing> signing_;
    std::unique_ptr<KeyKeeperMetrics> key_metrics_;
    std::unique_ptr<KeyKeeper> keeper_;  // on the first shard
    std::atomic<std::chrono::seconds> key_check_interval_{};
    std::unique_ptr<resolver::UnboundZoneServers> zone_servers_;
    std::unique_ptr<https::BackgroundPages> pages_;
    std::unique_ptr<Inspection> inspection_;
    std::unique_ptr<DomainWatch> domain_watch_;
    std::unique_ptr<Reporting> reporting_;
    std::unique_ptr<AccountMailer> account_mailer_;  // on the first shard
    std::unique_ptr<https::BackgroundPages> webhook_pages_;
    std::unique_ptr<Webhooks> webhooks_;  // on the first shard
    std::unique_ptr<https::BackgroundPages> provider_pages_;
    std::unique_ptr<OpenIdSignIn> sign_in_;  // on the first shard
    std::unique_ptr<PasskeySignIn> passkeys_;
    ChallengeBoard challenge_board_;
    CommandRunner commands_;
    std::unique_ptr<BackgroundThread> certificate_thread_;
    std::unique_ptr<https::BackgroundPages> authority_pages_;
    std::unique_ptr<AcmePublisher> acme_publisher_;
    std::unique_ptr<CertificateKeeper> certificates_;                        // on the first shard
    std::set<std::pair<std::string, WallClock::time_point>> told_expiring_;  // by file; on the first shard
    std::deque<std::unique_ptr<const ListenerOptions>>
        kept_options_;  // sessions refer to them for as long as they last
    std::vector<std::unique_ptr<ListenerParts>> listeners_;
    std::unique_ptr<Control> control_;
    std::unique_ptr<net::ControlListener> control_listener_;
    std::vector<std::unique_ptr<net::Listener>> metrics_listeners_;
    std::unique_ptr<net::HttpServer> http_;
    std::vector<std::unique_ptr<net::Listener>> web_listeners_;  // as the sections [[http]], address by address
    std::vector<std::unique_ptr<net::HttpServer>> web_servers_;  // of each listener
    ConsoleFiles console_;
    std::unique_ptr<api::Metrics> api_metrics_;
    std::unique_ptr<api::Api> api_;
    std::mutex reload_mutex_;  // a signal and the control socket may ask at once
    std::unique_ptr<Wakeup> house_wakeup_;
    std::unique_ptr<Wakeup> keys_wakeup_;
    std::unique_ptr<Wakeup> sources_wakeup_;
    bool running_ = false;
    std::atomic<bool> draining_ = false;
};

}  // namespace relevo
