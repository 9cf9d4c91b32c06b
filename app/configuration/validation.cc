#include "app/configuration/validation.h"

#include "app/configuration/settings.h"
#include "app/configuration/shaping_file.h"
#include "core/setup/blocklist.h"
#include "lib/base/base64url.h"
#include "lib/base/https_url.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace relevo::configuration {
namespace {

bool is_unspecified(const dns::IpAddress& address) {
    return std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
}

// Whether the kernel would refuse the second of two.
bool overlap(const Endpoint& a, const Endpoint& b) {
    if (a.port != b.port || a.port == 0) return false;
    if (a.address == b.address) return true;
    return a.address.is_v4() == b.address.is_v4() && (is_unspecified(a.address) || is_unspecified(b.address));
}

struct UsedEndpoint {
    Endpoint endpoint;
    std::string path;
};

void check_endpoints(const Configuration& configuration, Problems& problems) {
    std::vector<UsedEndpoint> used;
    const auto check = [&](const std::vector<Endpoint>& endpoints, const std::string& path) {
        for (const Endpoint& endpoint : endpoints) {
            const auto other = std::ranges::find_if(
                used, [&](const UsedEndpoint& earlier) { return overlap(earlier.endpoint, endpoint); });
            if (other != used.end())
                problems.add(path, fmt::format("\"{}\" is taken by {} (\"{}\"): use another port or address",
                                               endpoint.text(), other->path, other->endpoint.text()));
            used.push_back({endpoint, path});
        }
    };
    for (std::size_t i = 0; i < configuration.listeners.size(); ++i)
        check(configuration.listeners[i].address, fmt::format("listener[{}].address", i));
    for (std::size_t i = 0; i < configuration.http.size(); ++i)
        check(configuration.http[i].address, fmt::format("http[{}].address", i));
    check(configuration.metrics.address, "metrics.address");
}

void check_listener(ListenerSettings& listener, const std::string& path, Problems& problems) {
    if (listener.address.empty())
        problems.add(path + ".address", "is missing: add one such as address = \"0.0.0.0:587\"");
    else if (listener.name.empty())
        listener.name = fmt::format("{}-{}", name_of(listener.role), listener.address.front().port);
    if (listener.tls == ListenerTls::none) {
        if (listener.auth == ListenerAuth::required && !listener.plaintext_auth)
            problems.add(
                path + ".auth",
                "is \"required\" but nobody can log in without TLS: set tls = \"starttls\", or plaintext_auth = "
                "true if the network is trusted");
        if (listener.require_tls)
            problems.add(path + ".require_tls", "is true but tls is \"none\": set tls = \"starttls\"");
    }
    if (listener.plaintext_auth && listener.auth == ListenerAuth::none)
        problems.add(path + ".plaintext_auth", "is true but auth is \"none\": remove one of them");
    if (listener.role == ListenerPurpose::submission && listener.auth == ListenerAuth::none &&
        listener.networks.empty())
        problems.add(
            path + ".auth",
            "is \"none\" for a submission listener open to everybody: set auth = \"required\", or list networks");
    if (listener.max_connections_per_address > listener.max_connections)
        problems.add(path + ".max_connections_per_address", "is more than max_connections: lower it");
}

void check_listeners(Configuration& configuration, Problems& problems) {
    if (configuration.listeners.empty())
        problems.add(Place{1, 1}, "no [[listener]] section: add one, or no mail can come in");
    std::set<std::string> names;
    for (std::size_t i = 0; i < configuration.listeners.size(); ++i) {
        ListenerSettings& listener = configuration.listeners[i];
        const std::string path = fmt::format("listener[{}]", i);
        check_listener(listener, path, problems);
        if (!listener.name.empty() && !names.insert(listener.name).second)
            problems.add(path + ".name",
                         fmt::format("\"{}\" is used twice: give each listener its own name", listener.name));
    }
}

void check_route_domains(RouteSettings& route, const std::string& path, Problems& problems) {
    if (route.domains.empty()) problems.add(path + ".domains", "is missing: list domains, or \"*\" for all");
    check_domain_patterns(route.domains, path + ".domains", problems);
}

bool has_host(const RouteSettings& route) {
    return route.kind == RouteMethod::smarthost || route.kind == RouteMethod::lmtp;
}

void check_hosts(std::vector<HostSettings>& hosts, const std::string& path, Problems& problems) {
    constexpr std::size_t limit = 20;  // each is tried, one after the other, while mail waits
    if (hosts.size() > limit) problems.add(path, fmt::format("has more than {} entries: keep fewer", limit));
    std::set<std::string> names;
    for (HostSettings& server : hosts) {
        if (!dns::IpAddress::parse(server.host)) check_domain(server.host, path, problems);
        if (!names.insert(server.host).second)
            problems.add(path, fmt::format("names \"{}\" twice: name it once, with the weight of both", server.host));
    }
    if (std::ranges::all_of(hosts, [](const HostSettings& server) { return server.weight == 0; }))
        problems.add(path, "has only weights of 0: give one to the server that is to be tried first");
}

void check_route_host(RouteSettings& route, const std::string& path, Problems& problems) {
    if (!has_host(route)) {
        if (!route.host.empty() || !route.hosts.empty())
            problems.add(path + (route.host.empty() ? ".hosts" : ".host"),
                         fmt::format("has no use with kind = \"{}\": remove it, or set kind = \"smarthost\"",
                                     name_of(route.kind)));
        return;
    }
    if (!route.host.empty() && !route.hosts.empty())
        return problems.add(path + ".host", "stands beside hosts: keep one of them");
    if (!route.hosts.empty()) return check_hosts(route.hosts, path + ".hosts", problems);
    if (route.host.empty()) return problems.add(path + ".host", "is missing: name the server that takes this mail");
    if (!dns::IpAddress::parse(route.host)) check_domain(route.host, path + ".host", problems);
}

void check_route_login(const RouteSettings& route, const std::string& path, Problems& problems) {
    if (!route.password.value.empty() && !route.password_file.empty())
        problems.add(path + ".password", "stands beside password_file: keep one of them");
    const bool has_password = !route.password.value.empty() || !route.password_file.empty();
    if (route.user.empty() && has_password)
        problems.add(path + ".user", "is missing although there is a password: add it");
    if (!route.user.empty() && !has_password)
        problems.add(path + ".password_file", "is missing although there is a user: add it");
    if (!route.user.empty() && route.kind != RouteMethod::smarthost)
        problems.add(path + ".user", "has a use only with kind = \"smarthost\": remove it");
    if (!route.user.empty() && route.tls != RouteSecurity::required && route.tls != RouteSecurity::implicit)
        problems.add(path + ".tls",
                     fmt::format("is \"{}\", which could send the password in clear: set tls = \"required\" "
                                 "or \"implicit\"",
                                 name_of(route.tls)));
}

void check_pin(RouteSettings& route, const std::string& path, Problems& problems) {
    if (route.pin.empty()) return;
    constexpr std::string_view prefix = "sha256:";
    route.pin = to_lower(route.pin);
    const std::string_view digits = std::string_view(route.pin).substr(std::min(prefix.size(), route.pin.size()));
    if (!route.pin.starts_with(prefix) || digits.size() != 64 ||
        digits.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        problems.add(path + ".pin", "is no pin: write sha256: and the 64 hexadecimal digits of the key's SHA-256");
    if (route.verify) problems.add(path + ".pin", "stands beside verify: keep one of them");
    if (route.tls != RouteSecurity::required || route.kind != RouteMethod::smarthost || !route.hosts.empty())
        problems.add(path + ".pin", "needs kind = \"smarthost\" with one host, and tls = \"required\"");
}

void check_route(RouteSettings& route, const std::string& path, Problems& problems) {
    check_pin(route, path, problems);
    check_route_domains(route, path, problems);
    check_route_host(route, path, problems);
    check_route_login(route, path, problems);
    if (route.verify && (route.tls == RouteSecurity::never || route.tls == RouteSecurity::opportunistic))
        problems.add(path + ".verify", "needs TLS: set tls = \"required\" or \"implicit\"");
}

void check_routes(Configuration& configuration, Problems& problems) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < configuration.routes.size(); ++i) {
        RouteSettings& route = configuration.routes[i];
        const std::string path = fmt::format("route[{}]", i);
        if (route.name.empty())
            problems.add(path + ".name", "is missing: give the route a name");
        else if (route.name == "default")
            problems.add(path + ".name", "is \"default\", the name of the built-in route: choose another");
        else if (!names.insert(route.name).second)
            problems.add(path + ".name", fmt::format("\"{}\" is used twice: give each route its own name", route.name));
        check_route(route, path, problems);
    }
}

void check_certificates(const TlsSettings& tls, Problems& problems) {
    const auto check_pair = [&](const std::string& certificate, const std::string& key, const std::string& path) {
        if (!certificate.empty() && key.empty())
            problems.add(path + ".key", "is missing although there is a certificate: add it");
        if (certificate.empty() && !key.empty())
            problems.add(path + ".certificate", "is missing although there is a key: add it");
    };
    check_pair(tls.certificate, tls.key, "tls");
    for (std::size_t i = 0; i < tls.more_certificates.size(); ++i) {
        const CertificateSettings& pair = tls.more_certificates[i];
        const std::string path = fmt::format("tls.certificates[{}]", i);
        check_pair(pair.certificate, pair.key, path);
        if (pair.certificate.empty() && pair.key.empty())
            problems.add(path, "is empty: add certificate and key, or remove it");
    }
}

void check_queue(const Configuration& configuration, Problems& problems) {
    const QueueSettings& queue = configuration.queue;
    if (queue.retry_schedule.empty()) problems.add("queue.retry_schedule", "is empty: list at least one wait");
    if (queue.delay_warning_after >= queue.expire_after)
        problems.add("queue.delay_warning_after", "is not before expire_after: lower it, or set it to \"0s\"");
}

void check_servers(const DnsSettings& dns, Problems& problems) {
    for (const std::string& server : dns.servers) {
        const std::size_t at = server.find('@');
        const bool port_fits =
            at == std::string::npos || parse_decimal<std::uint16_t>(server.substr(at + 1)).value_or(0) > 0;
        if (!port_fits || !dns::IpAddress::parse(server.substr(0, at)))
            problems.add("dns.servers",
                         fmt::format("\"{}\" is no resolver: write an IP address such as \"192.0.2.53\", or "
                                     "\"192.0.2.53@5353\" with a port",
                                     server));
    }
}

void check_delivery(Configuration& configuration, Problems& problems) {
    DeliverySettings& delivery = configuration.delivery;
    if (!delivery.ehlo_name.empty()) check_domain(delivery.ehlo_name, "delivery.ehlo_name", problems);
    if (delivery.connections_per_site > delivery.connections_total)
        problems.add("delivery.connections_per_site", "is more than connections_total: lower it");
    const auto v4 = std::ranges::count_if(delivery.source_addresses, &dns::IpAddress::is_v4);
    if (v4 > 1 || static_cast<std::ptrdiff_t>(delivery.source_addresses.size()) - v4 > 1)
        problems.add("delivery.source_addresses", "has two addresses of one family: keep one IPv4 and one IPv6");
}

void check_signing(SigningSettings& signing, Problems& problems) {
    if (!signing.service_domain.empty()) check_domain(signing.service_domain, "signing.service_domain", problems);
    std::ranges::sort(signing.algorithms);
    const auto repeated = std::ranges::unique(signing.algorithms);
    signing.algorithms.erase(repeated.begin(), repeated.end());
    if (signing.algorithms.empty())
        problems.add("signing.algorithms", "is empty: name rsa, ed25519 or both");
    else if (signing.algorithms.front() != SigningKeyKind::rsa)
        problems.add("signing.algorithms", "lacks rsa: many receivers know nothing else, so keep it");
}

void check_verification(const Configuration& configuration, Problems& problems) {
    if (configuration.verification.seal && configuration.signing.service_domain.empty())
        problems.add("verification.seal", "needs signing.service_domain, whose key seals: name that domain");
}

void check_label(const std::string& label, const std::string& path, Problems& problems) {
    if (label.contains('.') || !mail::parse_domain(label + ".example", mail::Utf8::refused))
        problems.add(path, fmt::format("\"{}\" is not one label of a name: write something such as \"mail\"", label));
}

void check_domains(DomainSettings& domains, Problems& problems) {
    // "_spf" has an underscore, which is no letter of a host name but is one of a record's name.
    const auto check_record_name = [&](std::string& name, const std::string& path) {
        if (name.empty()) return;
        std::string rest = name.starts_with('_') ? name.substr(1) : name;
        check_domain(rest, path, problems);
        name = (name.starts_with('_') ? "_" : "") + rest;
    };
    check_record_name(domains.spf_include, "domains.spf_include");
    check_record_name(domains.key_zone, "domains.key_zone");
    check_record_name(domains.mta_sts_host, "domains.mta_sts_host");
    if (!domains.return_path.empty()) check_label(domains.return_path, "domains.return_path", problems);
    if (!domains.tracking.empty()) check_label(domains.tracking, "domains.tracking", problems);
    if (!domains.report_address.empty() && !mail::Address::parse(domains.report_address, mail::Utf8::refused))
        problems.add("domains.report_address", fmt::format("\"{}\" is not an address", domains.report_address));
}

void check_checks(CheckSettings& checks, Problems& problems) {
    for (std::string& domain : checks.outbound_domains) check_domain(domain, "checks.outbound_domains", problems);
    for (const std::string& zone : checks.blocklists)
        if (setup::find_blocklist(zone) == nullptr) {
            std::vector<std::string_view> zones;
            for (const setup::Blocklist& list : setup::blocklist_table()) zones.push_back(list.zone);
            problems.add("checks.blocklists",
                         fmt::format("\"{}\" is not known here: use some of {}", zone, fmt::join(zones, ", ")));
        }
}

void check_reports(const ReportSettings& reports, Problems& problems) {
    const auto check = [&](const std::string& text, const std::string& path, mail::Utf8 utf8) {
        if (const auto address = mail::Address::parse(text, utf8); !address.has_value())
            problems.add(path, fmt::format("\"{}\" is no address ({}): write one such as \"dmarc@example.com\"",
                                           printable(text, 100), address.error().detail));
    };
    if (!reports.from.empty()) check(reports.from, "reports.from", mail::Utf8::refused);
    for (const std::string& address : reports.addresses) check(address, "reports.addresses", mail::Utf8::allowed);
}

void check_accounts(AccountSettings& accounts, Problems& problems) {
    std::string& console = accounts.console_url;
    if (console.ends_with('/')) console.pop_back();
    if (const auto url = parse_https_url(console);
        !console.empty() && (!url || url->text.find_first_of("/?", 8) != std::string::npos))
        problems.add("accounts.console_url", fmt::format("\"{}\" is no address of a console: write one such as "
                                                         "\"https://relay.example.com\", without a path",
                                                         printable(console, 200)));
    if (accounts.mail_from.empty()) return;
    if (const auto address = mail::Address::parse(accounts.mail_from, mail::Utf8::refused); !address.has_value())
        problems.add("accounts.mail_from",
                     fmt::format("\"{}\" is no address ({}): write one such as \"no-reply@example.com\"",
                                 printable(accounts.mail_from, 100), address.error().detail));
}

void check_feedback(FeedbackSettings& feedback, Problems& problems) {
    if (!feedback.return_path_domain.empty())
        check_domain(feedback.return_path_domain, "feedback.return_path_domain", problems);
    std::string& url = feedback.unsubscribe_url;
    if (url.ends_with('/')) url.pop_back();
    // RFC 8058 §3.1: the link is HTTPS.
    if (!url.empty() && (!url.starts_with("https://") || url.size() < 10 || url.size() > 200 ||
                         url.find_first_of(" <>\"?#,\\\r\n\t") != std::string::npos || !is_ascii(url)))
        problems.add("feedback.unsubscribe_url",
                     fmt::format("\"{}\" is no address of pages: write one such as \"https://links.example.com\"",
                                 printable(url, 100)));
    for (const std::string& address : feedback.addresses)
        if (!mail::Address::parse(address, mail::Utf8::allowed))
            problems.add("feedback.addresses", fmt::format("\"{}\" is not an address", printable(address, 100)));
}

void check_tracking(TrackingSettings& tracking, Problems& problems) {
    std::string& url = tracking.url;
    if (url.ends_with('/')) url.pop_back();
    const bool has_scheme = url.starts_with("https://") || url.starts_with("http://");
    if (!url.empty() && (!has_scheme || url.size() < 10 || url.size() > 200 || !is_ascii(url) ||
                         url.find_first_of(" <>\"'&?#,\\@\r\n\t") != std::string::npos ||
                         url.find('/', url.find("://") + 3) != std::string::npos))
        problems.add(
            "tracking.url",
            fmt::format("\"{}\" is not scheme and host alone: write them such as \"https://links.example.com\"",
                        printable(url, 100)));
    if (url.empty() && (tracking.opens || tracking.clicks))
        problems.add("tracking.url", "is missing: say where links go, such as url = \"https://links.example.com\"");
}

// "$CREDENTIALS_DIRECTORY/name" as systemd's LoadCredential= gives it.
Result<std::string> resolved_path(const std::string& path, const Environment& environment) {
    constexpr std::string_view prefix = "$CREDENTIALS_DIRECTORY/";
    if (!path.starts_with(prefix)) return path;
    const auto folder = environment.find("CREDENTIALS_DIRECTORY");
    if (folder == environment.end())
        return failure(ErrorKind::not_found,
                       "is meant for systemd's LoadCredential=, and CREDENTIALS_DIRECTORY is not set");
    return folder->second + "/" + path.substr(prefix.size());
}

template <class Section>
void check_files_of(const Section& section, const std::string& path, const Environment& environment,
                    Problems& problems) {
    for (const auto& setting : settings_of<Section>()) {
        if (!setting.names_file) continue;
        const std::string toml = setting.write(section);
        // A default that is not installed switches its feature off (`relevo check` says so); only what was asked for
        // must be there.
        if (toml == setting.write(Section{})) continue;
        const auto document = parse_document("x = " + toml);
        if (!document || document->find("x")->text.empty()) continue;
        const std::string name = path + "." + std::string(setting.name);
        const auto file = resolved_path(document->find("x")->text, environment);
        if (!file) {
            problems.add(name, file.error().detail + ": start Relevo through its unit, or name a file");
            continue;
        }
        std::ifstream stream(*file, std::ios::binary);
        char first = 0;
        if (!stream || !stream.get(first))
            problems.add(name,
                         fmt::format("\"{}\" cannot be read or is empty: correct the name, or let the user of Relevo "
                                     "read it",
                                     *file));
    }
}

// The first line of the file, if one is named; that it can be read is checked elsewhere.
void read_password(const std::string& file_name, SecretText& password, const std::string& path,
                   const Environment& environment, Problems& problems) {
    if (file_name.empty()) return;
    const auto file = resolved_path(file_name, environment);
    std::ifstream stream(file.value_or(""));
    if (!std::getline(stream, password.value)) return;
    if (password.value.ends_with('\r')) password.value.pop_back();
    if (password.value.empty()) problems.add(path, "has an empty first line: put the password there");
}

void read_shaping(Configuration& configuration, Problems& problems) {
    const std::string& path = configuration.delivery.shaping;
    if (path.empty()) {
        configuration.shaping = std::make_shared<const shaping::ShapingTable>(shipped_shaping_table());
        return;
    }
    std::ifstream stream(path, std::ios::binary);
    // One octet more than is allowed: parse_shaping() says so.
    std::string text(document_limit_octets + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (!stream.eof() && stream.fail())
        return problems.add(
            "delivery.shaping",
            fmt::format("\"{}\" cannot be read: correct the name, or let the user of Relevo read it", path));
    auto table = parse_shaping(text, path);
    if (table)
        configuration.shaping = std::make_shared<const shaping::ShapingTable>(*std::move(table));
    else
        problems.add_lines("delivery.shaping", table.error().detail);
}

}  // namespace

void check_domain(std::string& name, const std::string& path, Problems& problems) {
    auto domain = mail::parse_domain(name, mail::Utf8::allowed);
    if (!domain)
        problems.add(path, fmt::format("\"{}\" is not a domain name: {}", name, domain.error().detail));
    else
        name = *std::move(domain);
}

void check_domain_patterns(std::vector<std::string>& patterns, const std::string& path, Problems& problems) {
    for (std::string& pattern : patterns) {
        if (pattern == "*") continue;
        const bool below = pattern.starts_with('.');
        std::string domain = pattern.substr(below ? 1 : 0);
        check_domain(domain, path, problems);
        pattern = (below ? "." : "") + domain;
    }
}

void validate(Configuration& configuration, Problems& problems) {
    if (!configuration.server.host_name.empty())
        check_domain(configuration.server.host_name, "server.host_name", problems);
    if (configuration.server.data_dir.empty() || configuration.server.run_dir.empty())
        problems.add("server", "needs data_dir and run_dir: name two folders");
    check_listeners(configuration, problems);
    check_endpoints(configuration, problems);
    check_certificates(configuration.tls, problems);
    check_acme(configuration, problems);
    check_queue(configuration, problems);
    check_delivery(configuration, problems);
    check_routes(configuration, problems);
    check_egress(configuration, problems);
    check_signing(configuration.signing, problems);
    check_verification(configuration, problems);
    check_domains(configuration.domains, problems);
    check_checks(configuration.checks, problems);
    check_servers(configuration.dns, problems);
    check_reports(configuration.reports, problems);
    check_accounts(configuration.accounts, problems);
    check_oidc(configuration, problems);
    check_feedback(configuration.feedback, problems);
    check_tracking(configuration.tracking, problems);
    for (std::size_t i = 0; i < configuration.http.size(); ++i)
        if (configuration.http[i].address.empty())
            problems.add(fmt::format("http[{}].address", i), "is missing: add one such as address = \"0.0.0.0:443\"");
}

void resolve_files(Configuration& configuration, const Environment& environment, Problems& problems) {
    read_shaping(configuration, problems);
    check_files_of(configuration.tls, "tls", environment, problems);
    for (std::size_t i = 0; i < configuration.tls.more_certificates.size(); ++i)
        check_files_of(configuration.tls.more_certificates[i], fmt::format("tls.certificates[{}]", i), environment,
                       problems);
    check_files_of(configuration.acme, "acme", environment, problems);
    read_password(configuration.acme.eab_key_file, configuration.acme.eab_key, "acme.eab_key_file", environment,
                  problems);
    if (!decode_base64url(configuration.acme.eab_key.value))
        problems.add("acme.eab_key_file",
                     "has no base64url in its first line: put the key there as the authority gave it");
    // The package with the root's keys may be missing: that only means no DNSSEC, which `relevo check` tells.
    if (configuration.dns.trust_anchor_file == DnsSettings{}.trust_anchor_file &&
        !std::ifstream(configuration.dns.trust_anchor_file).is_open())
        configuration.dns.trust_anchor_file.clear();
    check_files_of(configuration.dns, "dns", environment, problems);
    check_files_of(configuration.checks, "checks", environment, problems);
    check_files_of(configuration.tracking, "tracking", environment, problems);
    const auto master_key = resolved_path(configuration.signing.master_key_file, environment);
    if (master_key.has_value())
        configuration.signing.master_key_file = *master_key;
    else
        problems.add("signing.master_key_file",
                     master_key.error().detail + ": start Relevo through its unit, or name a file");
    for (std::size_t i = 0; i < configuration.routes.size(); ++i) {
        RouteSettings& route = configuration.routes[i];
        const std::string path = fmt::format("route[{}]", i);
        check_files_of(route, path, environment, problems);
        read_password(route.password_file, route.password, path + ".password_file", environment, problems);
    }
    for (std::size_t i = 0; i < configuration.oidc.size(); ++i) {
        OidcSettings& provider = configuration.oidc[i];
        const std::string path = fmt::format("oidc[{}]", i);
        check_files_of(provider, path, environment, problems);
        read_password(provider.client_secret_file, provider.client_secret, path + ".client_secret_file", environment,
                      problems);
    }
    for (std::size_t i = 0; i < configuration.sources.size(); ++i) {
        SourceSettings& source = configuration.sources[i];
        const std::string path = fmt::format("source[{}]", i);
        check_files_of(source, path, environment, problems);
        read_password(source.proxy_password_file, source.proxy_password, path + ".proxy_password_file", environment,
                      problems);
        if (source.proxy_password.value.size() > 255)
            problems.add(path + ".proxy_password_file",
                         "has a first line of more than 255 octets: SOCKS5 cannot carry it");
    }
}

}  // namespace relevo::configuration
