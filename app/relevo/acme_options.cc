#include "app/relevo/acme_options.h"

#include "core/tenancy/administration.h"
#include "lib/base/https_url.h"
#include "lib/base/text.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace relevo {
namespace {

acme::ChallengeKind kind_of(AcmeChallenge challenge) {
    switch (challenge) {
        case AcmeChallenge::http_01: return acme::ChallengeKind::http_01;
        case AcmeChallenge::tls_alpn_01: return acme::ChallengeKind::tls_alpn_01;
        case AcmeChallenge::dns_01: break;
    }
    return acme::ChallengeKind::dns_01;
}

// Of "https://links.example.com:8443/x"; nothing if it is not https.
std::optional<std::string> host_of(std::string_view url) {
    const auto parsed = parse_https_url(url);
    return parsed.has_value() ? std::optional(parsed->host) : std::nullopt;
}

}  // namespace

KeeperOptions keeper_options(const AcmeSettings& settings) {
    KeeperOptions options{.enabled = settings.enabled,
                          .directory = {},
                          .challenge = kind_of(settings.challenge),
                          .contacts = settings.contact,
                          .trust_file = settings.trust_file,
                          .renew_before = settings.renew_before,
                          .orders_per_hour = settings.orders_per_hour};
    if (auto url = parse_https_url(settings.directory); url.has_value()) options.directory = *std::move(url);
    if (!settings.eab_key_id.empty())
        options.external = acme::ExternalAccount{.key_id = settings.eab_key_id, .key = settings.eab_key.value};
    return options;
}

std::vector<std::string> acme_names(const Configuration& configuration, const Directory& directory,
                                    const std::vector<net::CertificateSummary>& others) {
    std::set<std::string> names;
    for (const std::string& name : configuration.acme.names) names.insert(comparable_domain(name).value_or(name));
    if (!names.empty()) return {names.begin(), names.end()};
    const auto add = [&](const std::string& name) {
        const bool is_covered = std::ranges::any_of(others, [&](const net::CertificateSummary& other) {
            return std::ranges::any_of(other.names, [&](const std::string& one) { return net::covers(one, name); });
        });
        if (!name.empty() && !is_covered) names.insert(name);
    };
    add(comparable_domain(configuration.server.host_name).value_or(configuration.server.host_name));
    for (const std::string* url : {&configuration.tracking.url, &configuration.feedback.unsubscribe_url})
        if (const auto host = host_of(*url)) add(*host);
    // Links of domains have the scheme of tracking.url.
    if (host_of(configuration.tracking.url))
        for (const Tenant& tenant : directory.tenants())
            for (const Domain* domain : directory.domains_of(tenant.id)) add(domain->tracking_host);
    return {names.begin(), names.end()};
}

std::string acme_folder(const Configuration& configuration) { return configuration.server.data_dir + "/acme"; }

KeptCertificates kept_certificates(const Configuration& configuration) {
    KeptCertificates kept;
    std::error_code problem;
    std::set<std::string> stems;
    for (std::filesystem::directory_iterator entry(acme_folder(configuration), problem), end;
         !problem && entry != end && stems.size() < CertificateKeeper::most_names; entry.increment(problem))
        if (entry->path().extension() == ".pem") stems.insert(entry->path().stem().string());
    const std::string own = to_lower(configuration.server.host_name);
    for (const std::string& stem : stems) {
        const std::string path = acme_folder(configuration) + "/" + stem;
        net::CertificateFiles files{.certificate = path + ".pem", .key = path + ".key"};
        if (const auto summary = net::inspect_certificate(files); !summary.has_value()) {
            kept.problems.push_back(summary.error().detail);
        } else if (stem == own) {
            kept.has_host_name = true;
            kept.usable.insert(kept.usable.begin(), std::move(files));
        } else {
            kept.usable.push_back(std::move(files));
        }
    }
    return kept;
}

net::CertificateFiles self_signed_files(const Configuration& configuration) {
    const std::string folder = configuration.server.data_dir + "/";
    return {.certificate = folder + "self-signed.pem", .key = folder + "self-signed.key"};
}

}  // namespace relevo
