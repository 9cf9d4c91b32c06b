// The server's certificates: those of the configuration, those that come by themselves, and a self-signed one until
// then.
#include "adapters/disk/posix_disk.h"
#include "app/lookups/message_file.h"
#include "app/relevo/acme_options.h"
#include "app/relevo/privileges.h"
#include "app/relevo/server.h"

#include <fmt/format.h>

#include <filesystem>
#include <random>

namespace relevo {
namespace {

constexpr std::size_t key_limit_octets = 64UL * 1024;

// What is renewed by itself has been by then; whoever renews by hand has time.
bool is_expiring(const net::CertificateSummary& certificate, WallClock::time_point now) {
    const auto left =
        std::min<WallClock::duration>(std::chrono::days(14), (certificate.expires - certificate.begins) / 6);
    return now >= certificate.expires - left;
}

}  // namespace

net::TlsServerOptions Server::tls_options(const Configuration& configuration) const {
    net::TlsServerOptions options{.certificates = {}, .protocols = {"smtp"}, .challenges = tls_challenges_};
    KeptCertificates kept = kept_certificates(configuration);
    for (const std::string& problem : kept.problems) log_->error("acme.certificate_unusable", {{"problem", problem}});
    // The first also serves clients that name no host.
    if (!configuration.tls.certificate.empty())
        options.certificates.push_back({configuration.tls.certificate, configuration.tls.key});
    else if (!kept.has_host_name)
        options.certificates.push_back(self_signed_files(configuration));
    else
        options.certificates.push_back(kept.usable.front());
    // Those of the file go before the others for the same name.
    for (const CertificateSettings& more : configuration.tls.more_certificates)
        options.certificates.push_back({more.certificate, more.key});
    std::ranges::move(kept.usable, std::back_inserter(options.certificates));
    return options;
}

// A damaged one is worth nothing to anybody: it is made anew, beside what is left of it. An expired one likewise.
bool Server::needs_self_signed(const net::CertificateFiles& own) const {
    if (!std::filesystem::exists(own.certificate)) return true;
    const auto usable = net::inspect_certificate(own);
    if (usable.has_value() || usable.error().kind == ErrorKind::io) return false;
    log_->error("tls.self_signed_replaced",
                {{"problem", usable.error().detail},
                 {"consequence", "a new one is made; offices and programs that pinned its key must be told"}});
    std::error_code ignored;  // it is written over then
    for (const std::string& file : {own.certificate, own.key})
        std::filesystem::rename(file, file + ".damaged", ignored);
    return true;
}

Result<void> Server::open_tls() {
    const net::CertificateFiles own = self_signed_files(*started_with_);
    if (started_with_->tls.certificate.empty() && needs_self_signed(own)) {
        RELEVO_CHECK(net::make_self_signed(started_with_->server.host_name, own));
        RELEVO_CHECK(give_to_user(started_with_->server, {own.certificate, own.key}));
    }
    net::TlsServerOptions options = tls_options(*started_with_);
    if (options.certificates.front().certificate == own.certificate)
        log_->warning(
            "tls.self_signed",
            {{"certificate", own.certificate},
             {"problem", started_with_->acme.enabled
                             ? "clients will warn until the authority has given a certificate: see `relevo certificate "
                               "list`"
                             : "no certificate is configured: clients will warn until tls.certificate and tls.key are "
                               "set, or acme.enabled gets one"}});
    RELEVO_TRY(tls_server_, net::TlsServerContext::make(options));
    options.protocols = {"http/1.1"};
    RELEVO_TRY(tls_web_, net::TlsServerContext::make(std::move(options)));
    RELEVO_TRY(tls_client_, net::TlsClientContext::make());
    return {};
}

Result<void> Server::reload_tls(const Configuration& configuration) {
    net::TlsServerOptions options = tls_options(configuration);
    RELEVO_CHECK(tls_server_->reload(options));
    options.protocols = {"http/1.1"};
    return tls_web_->reload(std::move(options));
}

void Server::make_certificates() {
    certificate_thread_ = std::make_unique<BackgroundThread>();
    authority_pages_ = std::make_unique<https::BackgroundPages>(4, 1);
    ShardParts& first = *shards_.front();
    acme_publisher_ =
        std::make_unique<AcmePublisher>(AcmePublisher::Ports{.board = challenge_board_,
                                                             .tls = *tls_challenges_,
                                                             .background = *certificate_thread_,
                                                             .commands = commands_,
                                                             .shard = first.shard,
                                                             .resolver = *first.resolver,
                                                             .zone_servers = *zone_servers_,
                                                             .log = *log_,
                                                             .configuration = [this] { return configuration_.load(); },
                                                             .may_run_programs = may_run_programs()});
    certificates_ = std::make_unique<CertificateKeeper>(
        CertificateKeeper::Ports{
            .shard = first.shard,
            .resolver = *first.resolver,
            .pages = *authority_pages_,
            .background = *certificate_thread_,
            .publisher = *acme_publisher_,
            .log = *log_,
            .metrics = metrics_,
            .open_folder = [folder = acme_folder(*started_with_)] { return open_disk(folder); },
            .names = [this] { return certificate_names(); },
            // Whoever has pinned the key of the self-signed certificate finds it in the first real one.
            .former_key = [this](const std::string& name) -> std::optional<std::string> {
                if (name != started_with_->server.host_name) return std::nullopt;
                auto key = lookups::read_file(self_signed_files(*started_with_).key, key_limit_octets);
                return key.has_value() ? std::optional(*std::move(key)) : std::nullopt;
            },
            .installed = [this] { return install_certificates(); },
            .tell = [this](Event event) { return write_event(std::move(event)); },
            .chance =
                [generator = std::make_shared<std::minstd_rand>(std::random_device()())] {
                    return std::uniform_real_distribution<double>(0, 1)(*generator);
                }},
        keeper_options(started_with_->acme));
}

std::vector<std::string> Server::certificate_names() const {
    const auto configuration = configuration_.load();
    std::vector<net::CertificateSummary> others = tls_server_->certificates();
    const std::string own = self_signed_files(*configuration).certificate;
    std::erase_if(others, [&](const net::CertificateSummary& summary) {
        return summary.file == own || summary.file.starts_with(acme_folder(*configuration) + "/");
    });
    return acme_names(*configuration, *access_->directory.load(), others);
}

// Reads files: not on a shard. A reload at the same time waits, so that neither is lost.
Task<Result<void>> Server::install_certificates() {
    co_return co_await in_background<Result<void>>(*certificate_thread_, [this] {
        const std::lock_guard lock(reload_mutex_);
        return reload_tls(*configuration_.load());
    });
}

Task<> Server::write_event(Event event) {
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
        return store_->spool().events().append(transaction, event);
    };
    if (const auto written = co_await commit(store_->committer(), std::move(request)); !written.has_value())
        log_->error("store.event_not_written", {{"kind", name_of(event.kind)}, {"problem", written.error().detail}});
}

// Of every certificate that is in use, once for each; the self-signed one has nobody to renew it.
Task<> Server::tell_expiring_certificates() {
    const auto now = WallClock::now();
    const std::string own = self_signed_files(*configuration_.load()).certificate;
    for (const net::CertificateSummary& certificate : tls_server_->certificates()) {
        if (certificate.file == own || certificate.names.empty() || !is_expiring(certificate, now)) continue;
        if (!told_expiring_.emplace(certificate.file, certificate.expires).second) continue;
        const std::string& name = certificate.names.front();
        JsonWriter detail;
        detail.field("name", name).field("file", certificate.file).field("expires", utc_text(certificate.expires));
        Event event = occasion(EventKind::certificate_expiring, name, TenantId{}, now, std::move(detail));
        bool is_new = false;
        CommitRequest request;
        request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
            EventWriter& events = store_->spool().events();
            // One that was told before a restart has the same detail: file and time.
            RELEVO_TRY(const auto last, events.latest_about(transaction, event.subject, {event.kind}));
            is_new = !last || last->detail != event.detail;
            return is_new ? events.append(transaction, event) : Result<void>();
        };
        const auto told = co_await commit(store_->committer(), std::move(request));
        if (!told.has_value())
            told_expiring_.erase({certificate.file, certificate.expires});
        else if (is_new)
            log_->warning("tls.certificate_expiring",
                          {{"name", name}, {"file", certificate.file}, {"expires", utc_text(certificate.expires)}});
    }
}

}  // namespace relevo
