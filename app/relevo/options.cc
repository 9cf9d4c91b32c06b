#include "app/relevo/options.h"

#include "app/relevo/signing.h"
#include "core/tenancy/administration.h"
#include "lib/sasl/mechanism.h"

#include <algorithm>
#include <charconv>

namespace relevo {
namespace {

smtp::Authentication authentication_of(ListenerAuth auth) {
    switch (auth) {
        case ListenerAuth::required: return smtp::Authentication::required;
        case ListenerAuth::optional: return smtp::Authentication::offered;
        case ListenerAuth::none: return smtp::Authentication::not_offered;
    }
    return smtp::Authentication::required;
}

RouteKind kind_of(RouteMethod method) {
    switch (method) {
        case RouteMethod::mail_exchanger: return RouteKind::mail_exchanger;
        case RouteMethod::smarthost: return RouteKind::smarthost;
        case RouteMethod::lmtp: return RouteKind::lmtp;
        case RouteMethod::bounce: return RouteKind::bounce;
        case RouteMethod::discard: return RouteKind::discard;
        case RouteMethod::hold: return RouteKind::hold;
    }
    return RouteKind::mail_exchanger;
}

RouteTls tls_of(RouteSecurity security) {
    switch (security) {
        case RouteSecurity::never: return RouteTls::never;
        case RouteSecurity::opportunistic: return RouteTls::opportunistic;
        case RouteSecurity::required: return RouteTls::required;
        case RouteSecurity::implicit: return RouteTls::implicit;
    }
    return RouteTls::opportunistic;
}

RetrySchedule schedule_of(const QueueSettings& queue) {
    RetrySchedule schedule;
    schedule.delays = queue.retry_schedule;
    schedule.jitter = queue.jitter;
    schedule.expire_after = queue.expire_after;
    schedule.expire_reports_after = queue.expire_reports_after;
    schedule.delay_warning_after = queue.delay_warning_after;
    return schedule;
}

Route default_route(const Configuration& configuration) {
    Route route;
    route.name = "default";
    route.port = configuration.delivery.port;
    route.retry = schedule_of(configuration.queue);
    route.connection_limit = configuration.delivery.connections_per_site;
    route.allow_private_addresses = configuration.delivery.allow_private_addresses;
    return route;
}

// "sha256:…", checked when the file was read.
Route route_of(const RouteSettings& settings, const Configuration& configuration, const Directory& directory) {
    Route route = default_route(configuration);
    route.name = settings.name;
    route.kind = kind_of(settings.kind);
    route.domains = settings.domains;
    for (const std::string& name : settings.tenants) {
        const auto tenant = std::ranges::find(directory.tenants(), name, &Tenant::name);
        route.tenants.push_back(tenant != directory.tenants().end() ? tenant->id : TenantId{-1});
    }
    route.host = settings.host;
    if (route.kind != RouteKind::mail_exchanger) route.port = settings.port;
    for (const HostSettings& server : settings.hosts)
        route.hosts.push_back(
            {.host = server.host, .port = server.port > 0 ? server.port : settings.port, .weight = server.weight});
    if (!route.hosts.empty()) route.host = route.hosts.front().host;
    route.tls = tls_of(settings.tls);
    route.verify_certificate = settings.verify;
    route.pinned_key = shaping::parse_key_pin(settings.pin).value_or("");
    route.user = settings.user;
    route.password = settings.password.value;
    route.text = settings.text;
    // Who writes the address of a smarthost into the file allows it by that.
    if (settings.allow_private_addresses || route.kind == RouteKind::smarthost || route.kind == RouteKind::lmtp)
        route.allow_private_addresses = true;
    if (settings.connections_per_site > 0) route.connection_limit = settings.connections_per_site;
    if (!settings.retry_schedule.empty()) route.retry.delays = settings.retry_schedule;
    if (settings.expire_after.count() > 0) route.retry.expire_after = settings.expire_after;
    route.pool = settings.pool;
    return route;
}

}  // namespace

ListenerOptions listener_options(const Configuration& configuration, const ListenerSettings& listener) {
    const LimitSettings& limits = configuration.limits;
    ListenerOptions options;
    options.name = listener.name;
    options.role = listener.role == ListenerPurpose::submission ? ListenerRole::submission : ListenerRole::relay;
    options.implicit_tls = listener.tls == ListenerTls::implicit;
    options.starttls = listener.tls == ListenerTls::starttls;
    options.access.allowed_networks = listener.networks;
    // A listener that insists on a password insists on it from everybody.
    options.access.network_grants =
        listener.auth == ListenerAuth::required ? NetworkGrants::ignored : NetworkGrants::honoured;
    options.proxy_networks = listener.proxy_networks;
    options.bare_newlines_from = listener.bare_newlines_from;
    options.connection_limit = listener.max_connections;
    options.connection_limit_per_address = listener.max_connections_per_address;
    options.hop_limit = limits.hops;
    options.command_timeout = limits.command_timeout;
    options.data_timeout = limits.data_timeout;
    options.transaction_time = limits.transaction_time;
    options.session_time = limits.session_time;
    options.minimum_data_rate = limits.minimum_data_rate;

    smtp::ServerOptions& session = options.session;
    session.host_name = configuration.server.host_name;
    session.authentication = authentication_of(listener.auth);
    session.authentication_without_tls = listener.plaintext_auth;
    session.tls_required = listener.require_tls;
    session.offers_requiretls = true;
    session.mechanisms = sasl::server_mechanisms(false);
    session.message_size_limit = limits.message_size;
    session.recipient_limit = limits.recipients;
    session.command_line_limit_octets = static_cast<std::uint32_t>(limits.command_line);
    session.auth_line_limit_octets = static_cast<std::uint32_t>(limits.auth_line);
    session.content_line_limit_octets = static_cast<std::uint32_t>(limits.content_line);
    session.error_limit = limits.errors;
    options.session_for_old_devices = session;
    options.session_for_old_devices.bare_newlines = smtp::BareNewlines::repaired;
    return options;
}

DeliveryOptions delivery_options(const Configuration& configuration) {
    const DeliverySettings& delivery = configuration.delivery;
    DeliveryOptions options;
    options.host_name = configuration.server.host_name;
    options.use_ipv6 = delivery.ipv6;
    options.use_dane = delivery.dane;
    options.allow_private_addresses = delivery.allow_private_addresses;
    options.connection_limit = delivery.connections_total;
    options.messages_per_connection = delivery.messages_per_connection;
    options.recipients_per_transaction = delivery.recipients_per_transaction;
    options.idle_timeout = delivery.idle_timeout;
    options.timeouts.connect = delivery.connect_timeout;
    options.timeouts.greeting = delivery.greeting_timeout;
    options.timeouts.command = delivery.command_timeout;
    options.timeouts.data = delivery.data_start_timeout;
    options.timeouts.content = delivery.data_block_timeout;
    options.timeouts.end_of_data = delivery.data_end_timeout;
    for (const ListenerSettings& listener : configuration.listeners)
        options.own_endpoints.insert(options.own_endpoints.end(), listener.address.begin(), listener.address.end());
    return options;
}

resolver::UnboundOptions resolver_options(const Configuration& configuration) {
    resolver::UnboundOptions options;
    options.forwarders = configuration.dns.servers;
    if (options.forwarders.empty()) options.resolv_conf = "/etc/resolv.conf";
    options.trust_anchor_file = configuration.dns.trust_anchor_file;
    if (configuration.delivery.allow_private_addresses) options.open_zones = resolver::zones_of_private_networks();
    return options;
}

std::shared_ptr<const RouteTable> route_table(const Configuration& configuration, const Directory& directory) {
    std::vector<Route> rules;
    for (const RouteSettings& settings : configuration.routes)
        rules.push_back(route_of(settings, configuration, directory));
    return std::make_shared<const RouteTable>(std::move(rules), default_route(configuration));
}

std::shared_ptr<const VerificationOptions> verification_options(const Configuration& configuration) {
    const VerificationSettings& settings = configuration.verification;
    VerificationOptions options;
    options.authserv_id = settings.authserv_id.empty() ? configuration.server.host_name : settings.authserv_id;
    options.trusted_networks = settings.trusted_networks;
    options.trusted_sealers = settings.trusted_sealers;
    options.handling = {.dmarc = settings.dmarc == FollowDmarc::reject       ? DmarcHandling::reject
                                 : settings.dmarc == FollowDmarc::quarantine ? DmarcHandling::quarantine
                                                                             : DmarcHandling::none,
                        .spf = settings.spf == OnSpfFailure::reject ? SpfHandling::reject : SpfHandling::mark};
    options.sealing = settings.seal ? Sealing::on : Sealing::off;
    options.time_limit = settings.time_limit;
    return std::make_shared<const VerificationOptions>(std::move(options));
}

std::shared_ptr<const ReportOptions> reporting_options(const Configuration& configuration) {
    const ReportSettings& settings = configuration.reports;
    const std::string& host_name = configuration.server.host_name;
    const std::string host = mail::to_ascii_domain(host_name).value_or(host_name);
    // The service's keys sign reports, so its domain is the one that makes them pass DMARC.
    const std::string service = service_domain(configuration.signing);
    auto from = mail::Address::parse(
        settings.from.empty() ? "dmarc-reports@" + (service.empty() ? host : service) : settings.from,
        mail::Utf8::refused);
    // Without a host name that an address can have, nobody could answer: then nothing is sent.
    const bool can_send = from.has_value();
    if (!can_send) from = mail::Address::parse("dmarc-reports@localhost", mail::Utf8::refused);
    ReportOptions options{.send = settings.send && can_send,
                          .send_tls = settings.send_tls && can_send,
                          .from = *std::move(from),
                          .organization = settings.organization.empty() ? host : settings.organization,
                          .contact = settings.contact,
                          .submitter = host,
                          .addresses = {},
                          .keep = settings.keep,
                          .allow_private_addresses = configuration.delivery.allow_private_addresses};
    std::vector<std::string> addresses = settings.addresses;
    if (!configuration.domains.report_address.empty()) addresses.push_back(configuration.domains.report_address);
    for (const std::string& text : addresses)
        if (auto address = mail::Address::parse(text, mail::Utf8::allowed); address.has_value())
            options.addresses.push_back(*std::move(address));
    return std::make_shared<const ReportOptions>(std::move(options));
}

ReturnPathOptions return_path_options(const FeedbackSettings& settings) {
    if (settings.return_path_domain.empty()) return {};
    return {.service_domain = comparable_domain(settings.return_path_domain).value_or(settings.return_path_domain)};
}

WebhookOptions webhook_options(const WebhookSettings& settings) {
    return {.http = settings.allow_http ? PlainHttp::allowed : PlainHttp::refused,
            .allow_private_addresses = settings.allow_private_addresses,
            .pending_limit = settings.waiting,
            .keep = settings.keep_log,
            .disable_after = settings.disable_after};
}

StatisticsKeeping statistics_keeping(const StatisticsSettings& settings) {
    return {.minutes = settings.keep_minutes, .hours = settings.keep_hours, .days = settings.keep_days};
}

TrackingOptions tracking_options(const TrackingSettings& settings,
                                 std::shared_ptr<const tracking::MachineRules> rules) {
    TrackingOptions options{.of_all = {.opens = settings.opens, .clicks = settings.clicks},
                            .base_url = settings.url,
                            .repeat_window = settings.repeat_window,
                            .keep_links = std::chrono::ceil<std::chrono::days>(settings.keep_links),
                            .rules = std::move(rules)};
    switch (settings.streams) {
        case TrackedMail::all: options.streams = TrackedStreams::all; break;
        case TrackedMail::bulk: options.streams = TrackedStreams::bulk; break;
        case TrackedMail::transactional: options.streams = TrackedStreams::transactional; break;
    }
    switch (settings.address) {
        case ReaderAddress::full: options.address = KeptAddress::full; break;
        case ReaderAddress::network: options.address = KeptAddress::network; break;
        case ReaderAddress::none: options.address = KeptAddress::none; break;
    }
    return options;
}

std::shared_ptr<const FeedbackOptions> feedback_options(const FeedbackSettings& settings) {
    FeedbackOptions options{.message_limit = settings.message_size,
                            .pass_on = settings.pass_on,
                            .addresses = {},
                            .unsubscribe_url = settings.unsubscribe_url};
    for (const std::string& text : settings.addresses)
        if (auto address = comparable_address(text); address.has_value())
            options.addresses.push_back(*std::move(address));
    return std::make_shared<const FeedbackOptions>(std::move(options));
}

std::shared_ptr<const ConductOptions> conduct_options(const ConductSettings& settings) {
    return std::make_shared<const ConductOptions>(ConductOptions{
        .window = std::chrono::ceil<std::chrono::hours>(settings.window),
        .minimum_recipients = settings.minimum_recipients,
        .bounces = {.warn = settings.bounces_warn, .slow = settings.bounces_slow, .hold = settings.bounces_hold},
        .complaints = {.warn = settings.complaints_warn,
                       .slow = settings.complaints_slow,
                       .hold = settings.complaints_hold},
        .slow_rate = settings.slow_rate,
        .held_mail = settings.held_mail == OnHeldTenant::refuse ? HeldTenantMail::refused : HeldTenantMail::kept});
}

std::shared_ptr<const SuppressionOptions> suppression_options(const SuppressionSettings& settings) {
    return std::make_shared<const SuppressionOptions>(
        SuppressionOptions{.recipients = settings.smtp == OnSuppressed::refuse ? SuppressedRecipient::refused
                                                                               : SuppressedRecipient::dropped,
                           .hard_bounces = settings.hard_bounces,
                           .soft_bounces = settings.soft_bounces,
                           .soft_bounce_period = settings.soft_bounce_period,
                           .keep_hard_bounces = settings.keep_hard_bounces,
                           .keep_soft_bounces = settings.keep_soft_bounces,
                           .keep_complaints = settings.keep_complaints,
                           .keep_unsubscribes = settings.keep_unsubscribes});
}

bool is_reported_domain(std::string_view domain, const Configuration& configuration, const Directory& directory,
                        const RouteTable& routes) {
    if (!domain.contains('.')) return false;
    const auto options = reporting_options(configuration);
    return domain == service_domain(configuration.signing) || domain == options->submitter ||
           std::ranges::any_of(options->addresses,
                               [&](const mail::Address& address) { return address.domain() == domain; }) ||
           is_inbound(routes, domain) || directory.has_domain_at_or_below(domain);
}

bool is_inbound(const RouteTable& routes, std::string_view domain) {
    return std::ranges::any_of(routes.rules(), [&](const Route& route) {
        if (route.kind == RouteKind::mail_exchanger) return false;
        return std::ranges::any_of(route.domains, [&](const std::string& pattern) {
            return pattern == domain || (pattern.starts_with('.') && domain.ends_with(pattern));
        });
    });
}

}  // namespace relevo
