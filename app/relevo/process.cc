#include "app/relevo/process.h"

#include "adapters/https/background_pages.h"
#include "adapters/net/dialer.h"
#include "adapters/resolver/zone_servers.h"
#include "adapters/telemetry/line_log.h"
#include "app/backup/store_commands.h"
#include "app/configuration/shaping_file.h"
#include "app/export/export_command.h"
#include "app/lookups/look_up.h"
#include "app/lookups/message_file.h"
#include "app/relevo/connection_check.h"
#include "app/relevo/control.h"
#include "app/relevo/egress.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/lan_relay.h"
#include "app/relevo/options.h"
#include "app/relevo/privileges.h"
#include "app/relevo/public_face.h"
#include "app/relevo/server.h"
#include "app/relevo/service_manager.h"
#include "app/relevo/signing.h"
#include "app/relevo/sink.h"
#include "app/relevo/store_repair.h"
#include "app/relevo/test_mail.h"
#include "core/accounts/second_factor.h"
#include "core/signing/keys.h"
#include "lib/base/text.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <sys/signalfd.h>

namespace relevo {
namespace {

constexpr std::size_t limit_shaping_octets = 1024 * 1024;

sigset_t handled_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    return signals;
}

timespec heartbeat_of(const ServiceManager& manager) {
    const std::chrono::microseconds interval = manager.heartbeat().value_or(std::chrono::hours(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(interval);
    return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(interval - seconds).count()};
}

boost::json::object failed_answer(const Error& error) {
    return {{"ok", false}, {"error", boost::json::object{{"kind", name_of(error.kind)}, {"message", error.detail}}}};
}

Task<> perform_once(Shard& shard, Control& control, boost::json::object request, boost::json::object& answer) {
    answer = co_await control.perform(std::move(request), control_principal(fmt::format("uid {}", ::getuid())));
    shard.stop();
}

// For requests that look into the DNS when no server runs.
struct OfflineInspection {
    explicit OfflineInspection(Shard& home) : shard(home), sockets(net::ShardSockets::make(home)) {}
    Result<void> open(const Configuration& configuration) {
        RELEVO_TRY(unbound, resolver::UnboundResolver::make(shard, resolver_options(configuration)));
        view = unbound->view(shard);
        zone_servers = std::make_unique<resolver::UnboundZoneServers>(resolver_options(configuration),
                                                                      configuration.dns.authority_port);
        RELEVO_TRY(tls, net::TlsClientContext::make());
        dialer = std::make_unique<net::SocketDialer>(sockets, tls);
        pages = std::make_unique<https::BackgroundPages>();
        inspection = std::make_unique<Inspection>(InspectionPorts{.shard = shard,
                                                                  .resolver = *view,
                                                                  .zone_servers = *zone_servers,
                                                                  .dialer = *dialer,
                                                                  .pages = *pages,
                                                                  .validates = unbound->validates()},
                                                  std::make_shared<const Configuration>(configuration));
        return {};
    }

    Shard& shard;
    std::shared_ptr<net::ShardSockets> sockets;
    std::shared_ptr<net::TlsClientContext> tls;
    std::unique_ptr<resolver::UnboundResolver> unbound;
    std::unique_ptr<Resolver> view;
    std::unique_ptr<resolver::UnboundZoneServers> zone_servers;
    std::unique_ptr<net::SocketDialer> dialer;
    std::unique_ptr<https::BackgroundPages> pages;  // with threads: only commands that look into the DNS need them
    std::unique_ptr<Inspection> inspection;
};

// Commands that look nothing else up have no need of the file, and may not be kept from their work by it.
Result<std::shared_ptr<const shaping::ShapingTable>> shaping_for(const Configuration& configuration,
                                                                 const boost::json::object& request) {
    using configuration::parse_shaping;
    const boost::json::value* command = request.if_contains("command");
    const std::string& path = configuration.delivery.shaping;
    const bool is_asked = command != nullptr && command->is_string() && command->get_string().starts_with("site.");
    if (configuration.shaping) return configuration.shaping;
    if (!is_asked || path.empty())
        return std::make_shared<const shaping::ShapingTable>(configuration::shipped_shaping_table());
    RELEVO_TRY(const std::string text, lookups::read_file(path, limit_shaping_octets));
    RELEVO_TRY(auto table, parse_shaping(text, path));
    return std::make_shared<const shaping::ShapingTable>(std::move(table));
}

bool looks_into_dns(const boost::json::object& request) {
    const boost::json::value* command = request.if_contains("command");
    return command != nullptr && command->is_string() &&
           (command->get_string() == "domain.dns" || command->get_string() == "source.list" ||
            command->get_string() == "site.explain" || command->get_string().starts_with("check."));
}

}  // namespace

int Process::serve(const Configuration& configuration, const std::string& configuration_path) {
    // Blocked before any thread starts, so that all inherit it and this one alone takes signals.
    const sigset_t signals = handled_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    auto manager = ServiceManager::of_this_process();
    if (!manager.has_value()) {
        fmt::print(stderr, "relevo: {}\n", manager.error().detail);
        return 1;
    }
    Server server(configuration, configuration_path, *manager);
    if (const auto started = server.start(); !started.has_value()) {
        fmt::print(stderr, "relevo: {}\n", started.error().detail);
        return 1;
    }
    manager->tell_ready();
    const timespec interval = heartbeat_of(*manager);
    for (;;) {
        const int signal = ::sigtimedwait(&signals, nullptr, &interval);
        if (signal < 0) {
            if (server.is_responsive()) manager->tell_alive();
        } else if (signal == SIGHUP) {
            manager->tell_reloading();
            static_cast<void>(server.reload());  // tells its result in the log
            manager->tell_ready();
        } else {
            break;
        }
    }
    manager->tell_stopping();
    server.stop();
    return 0;
}

boost::json::object Process::handle_offline(const Configuration& configuration, const boost::json::object& request) {
    const auto log = telemetry::LineLog::open({.minimum = Level::warning});
    if (!log.has_value()) return failed_answer(log.error());
    if (const auto* command = request.if_contains("command"); command != nullptr && *command == "store.repair") {
        auto repaired = repair_store(configuration, **log);
        if (!repaired.has_value()) return failed_answer(repaired.error());
        return {{"ok", true}, {"result", std::move(*repaired)}};
    }
    AccountBook accounts;  // the store's committer uses it
    auto store = Store::open(configuration, **log);
    if (!store.has_value()) return failed_answer(store.error());
    std::shared_ptr<const Directory> directory;
    std::int64_t sealed_keys = 0;
    Drains drains;
    if (const auto recovered = (*store)->recover([](const PendingDelivery&) {}); !recovered.has_value())
        return failed_answer(recovered.error());
    const auto loaded = (*store)->read([&](Reader& reader) -> Result<void> {
        RELEVO_TRY(directory, Directory::load(reader));
        RELEVO_TRY(sealed_keys, count_sealed_keys(reader));
        RELEVO_TRY(const std::int64_t sealed_totp, count_sealed_totp(reader));
        RELEVO_TRY(const std::int64_t sealed_webhooks, count_sealed_webhooks(reader));
        sealed_keys += sealed_totp + sealed_webhooks;
        RELEVO_TRY(drains, load_drains(reader));
        return {};
    });
    if (!loaded.has_value()) return failed_answer(loaded.error());
    std::shared_ptr<const RouteTable> routes = route_table(configuration, *directory);
    std::shared_ptr<const EgressTable> egress = egress_table(configuration, *directory, drains);
    const auto shaping = shaping_for(configuration, request);
    if (!shaping.has_value()) return failed_answer(shaping.error());
    Shard shard(0);
    KeyMaker maker;
    std::unique_ptr<KeyVault> vault;
    // Most commands do without; they must not fail because of a master key.
    const auto open_vault_once = [&]() -> Result<KeyVault*> {
        if (vault) return vault.get();
        RELEVO_TRY(vault, open_vault(configuration, sealed_keys));
        return vault.get();
    };
    OfflineInspection inspection(shard);
    if (looks_into_dns(request))
        if (const auto opened = inspection.open(configuration); !opened.has_value())
            return failed_answer(opened.error());
    telemetry::MetricsRegistry metrics;
    Feedback feedback(configuration, **store, **log, metrics);
    const auto known =
        (*store)->read([&](Reader& reader) { return feedback.conduct().load(reader, WallClock::now()); });
    if (!known.has_value()) return failed_answer(known.error());
    LanBook lan({.executor = shard.executor(), .committer = (*store)->committer(), .log = **log, .refresh = nullptr});
    Control control({.store = **store,
                     .feedback = feedback,
                     .default_language = configuration.server.language,
                     .directory = [&] { return directory; },
                     .refresh_directory = nullptr,
                     .routes = [&]() -> std::shared_ptr<const RouteTable> { return routes; },
                     .egress = [&]() -> std::shared_ptr<const EgressTable> { return egress; },
                     .shaping = [&] { return *shaping; },
                     .refresh_drains = nullptr,
                     .dispatcher = nullptr,
                     .reporting = nullptr,
                     .lan = &lan,
                     .accounts = &accounts,
                     .webhook_options = [&] { return webhook_options(configuration.webhooks); },
                     .lan_face = [&] { return lan_face(configuration); },
                     .console_url = [&] { return console_url(configuration); },
                     .submission = [&] { return submission_json(configuration); },
                     .status = nullptr,
                     .totals = nullptr,
                     .reload = nullptr,
                     .signing = {.vault = open_vault_once,
                                 .maker = &maker,
                                 .keeper = nullptr,
                                 .rotation = [&] { return rotation_options(configuration.signing); },
                                 .service_domain = service_domain(configuration.signing)},
                     .inspection = inspection.inspection.get(),
                     .listeners = nullptr});
    boost::json::object answer;
    (*store)->start();
    shard.spawn(perform_once(shard, control, request, answer));
    shard.run();
    (*store)->stop();
    return answer;
}

int Process::sink(const cli::SinkOptions& options) {
    Sink sink(options);
    if (const auto opened = sink.open(); !opened.has_value()) {
        fmt::print(stderr, "relevo: {}\n", opened.error().detail);
        return 1;
    }
    sink.run();
    return 0;
}

int Process::send_test(const cli::SendTestOptions& options) {
    const TestMailResult result = send_test_mail(options);
    if (options.json) {
        fmt::print("{}\n", boost::json::serialize(boost::json::object{{"accepted", result.accepted},
                                                                      {"reply", result.reply},
                                                                      {"tls", result.tls},
                                                                      {"transcript", result.transcript}}));
    } else {
        for (const std::string_view line : split(trimmed(result.transcript), '\n'))
            fmt::print("  {}\n", printable(trimmed(line), 500));
        fmt::print("{} ({})\n", result.accepted ? "Accepted: " + result.reply : "Not accepted: " + result.reply,
                   result.tls.empty() ? "no connection" : "TLS: " + result.tls);
    }
    return result.accepted ? 0 : 1;
}

Result<cli::LanTrust> Process::look_at_relay(const cli::LanRelay& relay) { return relevo::look_at_relay(relay); }

Result<void> Process::log_in_at_relay(const cli::LanRelay& relay, cli::LanTrust trust, const std::string& login,
                                      const std::string& password) {
    return relevo::log_in_at_relay(relay, trust, login, password);
}

int Process::look_up(const cli::LookupOptions& options) {
    if (options.lookup == cli::Lookup::connection) return lookups::print_report(options, check_connection(options));
    return lookups::look_up(options);
}

int Process::keep_store(const cli::StoreOptions& options, const Configuration* configuration) {
    const auto give = [&](const std::vector<std::string>& files) -> Result<void> {
        if (configuration == nullptr) return failure(ErrorKind::not_found, "there is no configuration to say so");
        return give_to_user(configuration->server, files);
    };
    const std::vector<Migration> migrations = store_migrations();
    if (options.command == cli::StoreCommand::export_tenant)
        return exporting::perform(options, *configuration, migrations);
    return backup::perform(options, configuration, {.migrations = migrations, .give_to_user = give});
}

}  // namespace relevo
