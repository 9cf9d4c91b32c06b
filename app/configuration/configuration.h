// What the process needs to start, from one strict TOML file and the environment. What people change while it runs
// (tenants, domains, credentials) lives in the store instead.
#pragma once

#include "core/ports/stream.h"
#include "core/shaping/shaping_table.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/dns/record.h"
#include "lib/mail/message_stream.h"
#include "lib/mail/report.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// A text that `config show`, logs and errors must not print.
struct SecretText {
    std::string value;
    friend bool operator==(const SecretText&, const SecretText&) = default;
};

enum class LogFormat : std::uint8_t { json, text };
enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class TlsVersion : std::uint8_t { tls1_2, tls1_3 };
enum class ListenerPurpose : std::uint8_t { submission, relay };
enum class ListenerTls : std::uint8_t { none, starttls, implicit };
enum class ListenerAuth : std::uint8_t { required, optional, none };
enum class RouteMethod : std::uint8_t { mail_exchanger, smarthost, lmtp, bounce, discard, hold };
enum class RouteSecurity : std::uint8_t { never, opportunistic, required, implicit };
enum class SigningKeyKind : std::uint8_t { rsa, ed25519 };
enum class FollowDmarc : std::uint8_t { none, quarantine, reject };
enum class OnSpfFailure : std::uint8_t { mark, reject };
enum class SourceProxy : std::uint8_t { none, socks5, haproxy };
enum class RecipientChecks : std::uint8_t { off, syntax_and_domain };

// One of several, and its share of the whole: "backup", "backup:3".
struct WeightedName {
    std::string name;
    std::uint32_t weight = 1;  // 1..10,000
    friend bool operator==(const WeightedName&, const WeightedName&) = default;
};
// What somebody becomes whom a provider knows and the console does not; nobody becomes an admin that way.
enum class NewOidcUsers : std::uint8_t { none, mail_operator, analyst, sender };
enum class OnSuppressed : std::uint8_t { drop, refuse };
enum class OnHeldTenant : std::uint8_t { hold, refuse };
enum class TrackedMail : std::uint8_t { all, bulk, transactional };
enum class ReaderAddress : std::uint8_t { full, network, none };

struct ServerSettings {
    std::string host_name;  // empty: the system's full name
    std::string data_dir = "/var/lib/relevo";
    std::string run_dir = "/run/relevo";
    std::uint32_t shards = 0;  // 0: one for each processor
    std::string user;          // empty: stay who we are
    std::string group;         // empty: the user's
    mail::Language language = mail::Language::english;
    std::chrono::seconds drain_time{30};
    bool filter_system_calls = true;
};

struct ListenerSettings {
    std::string name;  // empty in the file: "submission-587"; never empty once loaded
    std::vector<Endpoint> address;
    ListenerPurpose role = ListenerPurpose::submission;
    ListenerTls tls = ListenerTls::starttls;
    ListenerAuth auth = ListenerAuth::required;
    bool plaintext_auth = false;
    bool require_tls = false;
    std::vector<dns::Network> networks;            // empty: everybody
    std::vector<dns::Network> proxy_networks;      // peers that must speak PROXY v1 or v2 first
    std::vector<dns::Network> bare_newlines_from;  // old devices whose bare CR and LF are repaired
    std::uint32_t max_connections = 5000;
    std::uint32_t max_connections_per_address = 50;
};

// Defaults are those of RFC 5321 §4.5.3 where it has one.
struct LimitSettings {
    Octets message_size = 50 * mebibyte;
    std::uint32_t recipients = 1000;
    std::uint32_t errors = 10;
    std::uint32_t hops = 50;
    Octets command_line = 2048;
    Octets auth_line = 12288;
    Octets content_line = 0;                         // 0: any
    std::chrono::seconds command_timeout{5 * 60};    // §4.5.3.2.7
    std::chrono::seconds data_timeout{3 * 60};       // between blocks, §4.5.3.2.5
    std::chrono::seconds transaction_time{60 * 60};  // MAIL to the end of the content
    std::chrono::seconds session_time{std::chrono::hours(24)};
    Octets minimum_data_rate = 100;  // octets a second while content arrives; 0: none
};

struct CertificateSettings {
    std::string certificate;  // PEM, the whole chain
    std::string key;
};

struct TlsSettings {
    std::string certificate;  // empty: a self-signed pair is made in data_dir
    std::string key;
    TlsVersion minimum_version = TlsVersion::tls1_2;
    std::vector<CertificateSettings> more_certificates;  // [[tls.certificates]], chosen by server name
};

enum class AcmeChallenge : std::uint8_t { http_01, tls_alpn_01, dns_01 };

// Certificates that come by themselves (RFC 8555).
struct AcmeSettings {
    bool enabled = false;
    std::string directory = "https://acme-v02.api.letsencrypt.org/directory";
    std::vector<std::string> contact;
    std::vector<std::string> names;  // empty: those that clients use
    AcmeChallenge challenge = AcmeChallenge::http_01;
    std::string hook;  // for dns-01
    std::chrono::seconds hook_time_limit{120};
    std::chrono::seconds dns_wait{300};
    std::string trust_file;                // empty: the system's
    std::chrono::seconds renew_before{0};  // 0: a third of the life
    std::uint32_t orders_per_hour = 20;
    std::string eab_key_id;
    std::string eab_key_file;
    SecretText eab_key;  // from the file
};

struct QueueSettings {
    std::vector<std::chrono::seconds> retry_schedule = {
        std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::minutes(30),
        std::chrono::hours(1),   std::chrono::hours(2),   std::chrono::hours(4)};
    double jitter = 0.2;
    std::chrono::seconds expire_after = std::chrono::days(4);
    std::chrono::seconds expire_reports_after = std::chrono::days(1);
    std::chrono::seconds delay_warning_after = std::chrono::hours(4);  // 0: none
    Octets disk_reserve = 256 * mebibyte;
    std::chrono::seconds keep_history = std::chrono::days(30);
};

struct DeliverySettings {
    std::uint32_t connections_total = 500;
    std::uint32_t connections_per_site = 20;
    std::uint32_t messages_per_connection = 100;
    std::uint32_t recipients_per_transaction = 100;
    std::chrono::seconds idle_timeout{10};
    std::chrono::seconds connect_timeout{30};
    std::chrono::seconds greeting_timeout{5 * 60};    // RFC 5321 §4.5.3.2.1
    std::chrono::seconds command_timeout{5 * 60};     // §4.5.3.2.2, §4.5.3.2.3
    std::chrono::seconds data_start_timeout{2 * 60};  // §4.5.3.2.4
    std::chrono::seconds data_block_timeout{3 * 60};  // §4.5.3.2.5
    std::chrono::seconds data_end_timeout{10 * 60};   // §4.5.3.2.6
    std::uint16_t port = 25;
    bool ipv6 = true;
    bool dane = true;     // RFC 7672
    bool mta_sts = true;  // RFC 8461
    bool allow_private_addresses = false;
    std::vector<dns::IpAddress> source_addresses;  // empty: the system's choice
    std::string ehlo_name;                         // empty: server.host_name
    std::string pool;                              // for mail that no other pool takes; empty: "default"
    std::string bounce_patterns;                   // file; empty: the built-in table
    std::string shaping;                           // file; empty: what comes with Relevo alone
    friend bool operator==(const DeliverySettings&, const DeliverySettings&) = default;
};

// One of several servers of a route: { host = "relay.example.com", port = 587, weight = 2 }.
struct HostSettings {
    std::string host;          // name or IP address
    std::uint16_t port = 0;    // 0: the route's
    std::uint32_t weight = 1;  // 0: only when all others fail
    friend bool operator==(const HostSettings&, const HostSettings&) = default;
};

struct RouteSettings {
    std::string name;
    RouteMethod kind = RouteMethod::mail_exchanger;
    std::vector<std::string> domains;  // canonical: "example.com", ".example.com" (all below it), "*"
    std::vector<std::string> tenants;  // names; empty: every tenant
    std::string host;                  // smarthost, lmtp: name or IP address
    std::uint16_t port = 25;
    std::vector<HostSettings> hosts;  // in place of host
    RouteSecurity tls = RouteSecurity::opportunistic;
    bool verify = false;
    std::string pin;  // "sha256:" and 64 hexadecimal digits, in lower case; empty: none
    std::string user;
    SecretText password;        // from the file, or from password_file
    std::string password_file;  // read by load_configuration()
    bool allow_private_addresses = false;
    std::uint32_t connections_per_site = 0;            // 0: delivery.connections_per_site
    std::vector<std::chrono::seconds> retry_schedule;  // empty: queue.retry_schedule
    std::chrono::seconds expire_after{0};              // 0: queue.expire_after
    std::string text;                                  // bounce, hold: the reason that people read
    std::string pool;                                  // empty: as the pools say
};

// An identity that mail leaves with. One named "default" is always there: delivery.source_addresses and ehlo_name.
struct SourceSettings {
    std::string name;
    std::vector<dns::IpAddress> addresses;  // at most one of each family; empty: the system's choice
    std::vector<dns::IpAddress> public_addresses;
    std::string ehlo_name;  // empty: server.host_name
    SourceProxy proxy = SourceProxy::none;
    std::vector<Endpoint> proxy_address;  // one with a proxy, else none
    std::string proxy_user;
    SecretText proxy_password;        // from the file, or from proxy_password_file
    std::string proxy_password_file;  // read by load_configuration()
    bool drained = false;
};

// Sources that share mail. One named "default", of the source of that name, is always there.
struct PoolSettings {
    std::string name;
    std::vector<WeightedName> sources;
    std::vector<std::string> tenants;
    std::vector<std::string> routes;
    std::vector<std::string> domains;  // canonical, as those of routes
    std::vector<mail::MessageStream> streams;
    bool on_request = false;
};

struct SigningSettings {
    std::string service_domain;  // A-labels; empty: tenants' domains alone sign
    std::vector<SigningKeyKind> algorithms = {SigningKeyKind::rsa, SigningKeyKind::ed25519};
    std::chrono::seconds rotation_interval = std::chrono::days(180);  // 0: never by itself
    std::chrono::seconds keep_published = std::chrono::days(7);
    std::chrono::seconds check_interval = std::chrono::minutes(5);
    std::chrono::seconds signature_lifetime = std::chrono::days(14);  // x=
    std::string master_key_file;                                      // empty: master.key in data_dir
};

// What the domains of tenants publish in their DNS beside keys.
struct DomainSettings {
    std::string spf_include;     // A-labels; empty: the addresses themselves
    std::string key_zone;        // A-labels; empty: keys are TXT records of the domain alone
    std::string return_path;     // a label; empty: bounces use the envelope sender of the program that sends
    std::string tracking;        // a label; empty: none
    std::string report_address;  // empty: DMARC records ask for no reports
    std::string mta_sts_host;    // A-labels; empty: MTA-STS is not proposed
};

struct CheckSettings {
    std::chrono::seconds interval{60 * 60};  // 0: the server checks no domains by itself
    std::vector<dns::IpAddress> egress_addresses;
    std::vector<std::string> outbound_domains = {"gmail.com", "outlook.com"};
    std::vector<std::string> blocklists = {"zen.spamhaus.org", "b.barracudacentral.org", "bl.spamcop.net",
                                           "psbl.surriel.com", "dbl.spamhaus.org",       "multi.surbl.org"};
    SecretText spamhaus_key;
    std::string address_lists;  // file; empty: the built-in lists
};

// Mail of those who may send through this server.
struct SubmissionSettings {
    RecipientChecks check_recipients = RecipientChecks::off;
};

struct DnsSettings {
    std::vector<std::string> servers;  // "127.0.0.1" or "127.0.0.1@5353"; empty: those of /etc/resolv.conf
    std::string trust_anchor_file = "/usr/share/dns/root.key";
    std::chrono::seconds timeout{30};
    std::uint16_t authority_port = 53;
};

// Mail from outside on relay listeners: who wrote it, and what follows from that.
struct VerificationSettings {
    std::string authserv_id;  // empty: server.host_name
    FollowDmarc dmarc = FollowDmarc::reject;
    OnSpfFailure spf = OnSpfFailure::mark;
    std::vector<dns::Network> trusted_networks;  // their mail is not checked
    std::vector<std::string> trusted_sealers;    // domains whose ARC seals are believed
    bool seal = false;                           // with the keys of signing.service_domain
    std::chrono::seconds time_limit{20};         // RFC 7208 §4.6.4
};

// Reports about mail authentication: to owners of domains whose mail came here or to whom mail went, and from others
// about ours.
struct ReportSettings {
    bool send = false;
    bool send_tls = false;
    std::string from;          // empty: dmarc-reports@ and signing.service_domain, else server.host_name
    std::string organization;  // empty: server.host_name
    std::string contact;
    std::vector<std::string> addresses;  // mail to these, and to domains.report_address, is read as reports
    std::chrono::seconds keep = std::chrono::days(90);
};

// What comes back to us.
struct FeedbackSettings {
    std::string return_path_domain;      // A-labels; empty: only domains with a sub-domain for it
    std::vector<std::string> addresses;  // mail to these is read as bounces and complaints
    bool pass_on = true;
    std::string unsubscribe_url;  // "https://links.example.com"; empty: no links to web pages
    Octets message_size = 2 * mebibyte;
};

// What is noticed of mail after it was delivered.
struct TrackingSettings {
    std::string url;      // "https://links.example.com"; empty: nothing is tracked
    bool opens = false;   // of domains that do not say
    bool clicks = false;  // likewise
    TrackedMail streams = TrackedMail::all;
    ReaderAddress address = ReaderAddress::network;
    std::chrono::seconds repeat_window = std::chrono::minutes(10);
    std::chrono::seconds keep_links = std::chrono::days(365);
    std::string machines;  // file of rules; empty: the built-in ones
};

// People who use the console.
struct AccountSettings {
    std::string mail_from;    // empty: no-reply@ and signing.service_domain
    std::string console_url;  // "https://relay.example.com"; empty: by the host name and [[http]]
};

// A provider of accounts by which people sign in to the console (OpenID Connect).
struct OidcSettings {
    std::string name;   // in addresses
    std::string title;  // on the button; empty: the name
    std::string issuer;
    std::string client_id;
    std::string client_secret_file;  // empty: a public client
    std::vector<std::string> scopes = {"openid", "email", "profile"};
    std::vector<std::string> email_domains;  // empty: all
    bool trust_email = false;
    NewOidcUsers new_users = NewOidcUsers::none;
    std::string new_users_tenant;  // empty: the whole server
    std::string trust_file;        // empty: the system's
    SecretText client_secret;      // of the file
};

// Programs that are told what happens.
struct WebhookSettings {
    bool allow_http = false;
    bool allow_private_addresses = false;
    std::uint32_t waiting = 100'000;  // deliveries of one endpoint
    std::chrono::seconds keep_log = std::chrono::days(7);
    std::chrono::seconds disable_after = std::chrono::days(5);
};

// How long sums are kept; the search for messages goes as far back as queue.keep_history.
struct StatisticsSettings {
    std::chrono::seconds keep_minutes = std::chrono::days(2);
    std::chrono::seconds keep_hours = std::chrono::days(90);
    std::chrono::seconds keep_days = std::chrono::days(3650);
};

// Addresses that a tenant's mail does not go to.
struct SuppressionSettings {
    OnSuppressed smtp = OnSuppressed::drop;
    bool hard_bounces = true;
    std::uint32_t soft_bounces = 5;  // 0: never
    std::chrono::seconds soft_bounce_period = std::chrono::days(14);
    std::chrono::seconds keep_hard_bounces{0};  // 0: for ever, as of the others
    std::chrono::seconds keep_soft_bounces = std::chrono::days(30);
    std::chrono::seconds keep_complaints{0};
    std::chrono::seconds keep_unsubscribes{0};
};

// How much of a tenant's mail may bounce or be complained about. Shares from 0 to 1; 0: never.
struct ConductSettings {
    std::chrono::seconds window = std::chrono::hours(24);
    std::uint32_t minimum_recipients = 1000;
    double bounces_warn = 0.05, bounces_slow = 0.08, bounces_hold = 0.12;
    double complaints_warn = 0.001, complaints_slow = 0.003, complaints_hold = 0.005;
    std::uint32_t slow_rate = 60;
    OnHeldTenant held_mail = OnHeldTenant::hold;
};

struct LogSettings {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
    std::string file;  // empty: standard error, which systemd keeps
};

// Where web pages are served.
struct HttpSettings {
    std::vector<Endpoint> address;
    bool tls = true;
    bool api = true;
    bool console = true;  // needs api
    std::uint32_t max_connections = 1000;
    std::uint32_t requests_per_second = 100;  // of one key; 0: no limit
    friend bool operator==(const HttpSettings&, const HttpSettings&) = default;
};

struct MetricsSettings {
    std::vector<Endpoint> address;  // empty: off
};

struct Configuration {
    ServerSettings server;
    std::vector<ListenerSettings> listeners;  // [[listener]]
    LimitSettings limits;
    TlsSettings tls;
    AcmeSettings acme;
    QueueSettings queue;
    DeliverySettings delivery;
    std::vector<RouteSettings> routes;    // [[route]]
    std::vector<SourceSettings> sources;  // [[source]]
    std::vector<PoolSettings> pools;      // [[pool]]
    SigningSettings signing;
    DomainSettings domains;
    CheckSettings checks;
    SubmissionSettings submission;
    DnsSettings dns;
    VerificationSettings verification;
    ReportSettings reports;
    FeedbackSettings feedback;
    SuppressionSettings suppression;
    ConductSettings conduct;
    TrackingSettings tracking;
    WebhookSettings webhooks;
    AccountSettings accounts;
    std::vector<OidcSettings> oidc;  // [[oidc]]
    StatisticsSettings statistics;
    std::vector<HttpSettings> http;  // [[http]]
    LogSettings log;
    MetricsSettings metrics;

    // What limits mail to each destination: delivery.shaping and what comes with Relevo. Filled in by
    // load_configuration() with NamedFiles::resolved.
    std::shared_ptr<const shaping::ShapingTable> shaping;

    // Where each value that is not a default came from: "server.host_name" → "relevo.toml:3", "listener[0].address",
    // or "environment RELEVO_SERVER__HOST_NAME".
    std::map<std::string, std::string, std::less<>> origins;

    [[nodiscard]] std::string control_socket() const { return server.run_dir + "/control.sock"; }
    [[nodiscard]] std::string master_key_file() const {
        return signing.master_key_file.empty() ? server.data_dir + "/master.key" : signing.master_key_file;
    }
    // Free space that new mail may not use, so that outcomes, deletions and the log still can, on a disk of that size:
    // what queue.disk_reserve says, to the octet. Where it says nothing, its default, but no more than 5 % of the disk
    // (or 64 MiB), and no more than a quarter of it.
    [[nodiscard]] Octets disk_reserve_on(Octets disk_octets) const;
};

using Environment = std::map<std::string, std::string, std::less<>>;
// The variables of this process that start with RELEVO_, and CREDENTIALS_DIRECTORY.
[[nodiscard]] Environment process_environment();

// Reads text alone: touches no file. Unknown settings, wrong types, values out of range and settings that contradict
// each other are all reported at once, one a line, as "file:line:column: problem: what to change".
// Errors: invalid – `detail` holds those lines. Text over 1 MiB is refused.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view toml, std::string_view file_name);
// The same with RELEVO_SECTION__KEY overrides, for containers. Lists are separated by commas.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view toml, std::string_view file_name,
                                                        const Environment& environment);
// Reads the file, and what it names: passwords of *_file settings ("$CREDENTIALS_DIRECTORY/name" works), and checks
// that certificates, keys and trust anchors can be read. Fills in the host name. Errors: as above; not_found, io.
// With NamedFiles::ignored, commands of people who may not read keys and passwords can find the control socket.
enum class NamedFiles : bool { ignored, resolved };
[[nodiscard]] Result<Configuration> load_configuration(const std::string& path, const Environment& environment,
                                                       NamedFiles files = NamedFiles::resolved);

// "submission" for ListenerPurpose::submission, and so on: the words of the file.
[[nodiscard]] std::string_view name_of(ListenerPurpose value);
[[nodiscard]] std::string_view name_of(ListenerTls value);
[[nodiscard]] std::string_view name_of(ListenerAuth value);
[[nodiscard]] std::string_view name_of(RouteMethod value);
[[nodiscard]] std::string_view name_of(RouteSecurity value);

}  // namespace relevo
