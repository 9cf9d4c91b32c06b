#include "app/export/export_table.h"

#include "core/accounts/audit_log.h"
#include "core/accounts/identities.h"
#include "core/accounts/model.h"
#include "core/accounts/passkeys.h"
#include "core/accounts/scope.h"
#include "core/events/event.h"
#include "core/feedback/conduct.h"
#include "core/feedback/suppression.h"
#include "core/reporting/report_kind.h"
#include "core/signing/model.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/tenancy/failed_logins.h"
#include "core/tenancy/model.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/quota.h"
#include "core/tenancy/rate_limiter.h"
#include "core/webhooks/deliveries.h"
#include "core/webhooks/endpoints.h"
#include "core/webhooks/event_types.h"
#include "lib/mail/message_stream.h"
#include "lib/mail/tls_wish.h"
#include "lib/mailsearch/query.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <utility>

namespace relevo::exporting {
namespace {

namespace json = boost::json;

json::array words(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

json::value as_scopes(const Row& row, int column) {
    return words(ScopeSet::from_bits(static_cast<std::uint64_t>(row.integer(column))).names());
}
json::value as_event_types(const Row& row, int column) {
    return words(WebhookEventSet::from_bits(row.integer(column)).names());
}
json::value as_webhook_event(const Row& row, int column) {
    const auto type = static_cast<WebhookEventType>(row.integer(column));
    if (type == WebhookEventType::test) return json::string(name_of(type));
    return as_name<WebhookEventType, WebhookEventType::accepted, WebhookEventType::auto_reply>(row, column);
}
json::value as_webhook_state(const Row& row, int column) {
    switch (static_cast<WebhookDeliveryState>(row.integer(column))) {
        case WebhookDeliveryState::pending: return "pending";
        case WebhookDeliveryState::delivered: return "delivered";
        case WebhookDeliveryState::dead: return "dead";
    }
    return row.integer(column);
}
json::value as_login_problem(const Row& row, int column) {
    const std::int64_t number = row.integer(column);
    for (const LoginProblemWords& one : login_problem_words())
        if (static_cast<std::int64_t>(one.problem) == number) return json::string(one.name);
    return number;
}
json::value as_event_kind(const Row& row, int column) {
    return json::string(name_of(static_cast<EventKind>(row.integer(column))));
}
json::value as_sender_kind(const Row& row, int column) {
    switch (static_cast<SenderKind>(row.integer(column))) {
        case SenderKind::credential: return "credential";
        case SenderKind::network_grant: return "network";
    }
    return row.integer(column);
}
// 0: nothing was chosen (core/tenancy/columns.h).
json::value as_dmarc_handling(const Row& row, int column) {
    const std::int64_t number = row.integer(column);
    if (number < 1 || number > static_cast<std::int64_t>(DmarcHandling::reject) + 1) return nullptr;
    return json::string(name_of(static_cast<DmarcHandling>(number - 1)));
}
json::value as_tracked(const Row& row, int column) {
    const std::int64_t number = row.integer(column) - 1;
    if (number < 0 || number > 3) return nullptr;
    return json::string(name_of(Tracked{.opens = (number & 1) != 0, .clicks = (number & 2) != 0}));
}
json::value as_stream_of_options(const Row& row, int column) {
    return json::string(mail::name_of(stream_of_options(row.integer(column))));
}
json::value as_delivery_state(const Row& row, int column) { return row.integer(column) == 0 ? "waiting" : "held"; }
// Of the whole message: null.
json::value as_ordinal(const Row& row, int column) {
    return row.integer(column) == whole_message ? json::value(nullptr) : json::value(row.integer(column));
}
json::value as_marks(const Row& row, int column) {
    constexpr std::array<std::string_view, 4> names{"opened", "clicked", "complained", "unsubscribed"};
    json::array found;
    for (std::size_t i = 0; i < names.size(); ++i)
        if ((row.integer(column) >> i & 1) != 0) found.emplace_back(names.at(i));
    return found;
}
json::value as_counts(const Row& row, int column) {
    const auto counts = Counts::parse(row.text(column));
    if (!counts.has_value()) return as_text(row, column);
    json::object numbers;
    for (std::size_t i = 0; i < counted_things; ++i)
        if (const auto thing = static_cast<Counted>(i); counts->of(thing) != 0)
            numbers[name_of(thing)] = counts->of(thing);
    for (const auto& [name, share] : {std::pair("median_ms", 0.5), std::pair("p95_ms", 0.95)})
        if (const auto delay = counts->delay_quantile(share)) numbers[name] = delay->count();
    return numbers;
}

constexpr RowForm as_language = as_text;
constexpr RowForm as_stream =
    as_name<mail::MessageStream, mail::MessageStream::transactional, mail::MessageStream::bulk>;

const std::vector<ExportTable>& who_sends() {
    using enum ExportSource;
    static const std::vector<ExportTable> tables{
        {"tenant",
         mail,
         "SELECT t.id, t.name, t.language, t.suspended, t.weight, t.tls, t.created_at, p.name FROM tenant t"
         " LEFT JOIN plan p ON p.id = t.plan_id WHERE t.id = $1",
         {{"id", as_id<TenantId>},
          {"name", as_text},
          {"language", as_language},
          {"suspended", as_flag},
          {"weight", as_number},
          {"tls", as_name<mail::TlsWish, mail::TlsWish::usual, mail::TlsWish::verified>},
          {"created_at", as_time},
          {"plan", as_text_or_null}}},
        {"limits",
         mail,
         "SELECT thing, most FROM tenant_limit WHERE tenant_id = $1 ORDER BY thing",
         {{"thing", as_name<LimitedThing, LimitedThing::domains, LimitedThing::users>}, {"most", as_number}}},
        {"domains",
         mail,
         "SELECT id, name, subdomains, ownership, challenge, verified_at, dmarc, return_path, tracking, tracking_host,"
         " created_at FROM domain WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<DomainId>},
          {"name", as_text},
          {"subdomains", as_flag},
          {"ownership", as_name<Ownership, Ownership::pending, Ownership::trusted>},
          {"challenge", as_text_or_null},
          {"verified_at", as_time},
          {"dmarc", as_dmarc_handling},
          {"return_path", as_text_or_null},
          {"tracking", as_tracked},
          {"tracking_host", as_text_or_null},
          {"created_at", as_time}}},
        {"domain_mailboxes",
         mail,
         "SELECT d.name, m.server FROM domain_mailbox m JOIN domain d ON d.id = m.domain_id WHERE d.tenant_id = $1"
         " ORDER BY m.domain_id, m.place",
         {{"domain", as_text}, {"server", as_text}}},
        {"domain_addresses",
         mail,
         "SELECT d.name, a.address FROM domain_address a JOIN domain d ON d.id = a.domain_id WHERE d.tenant_id = $1"
         " ORDER BY d.id, a.address",
         {{"domain", as_text}, {"address", as_text}}},
        {"signing_keys",
         mail,
         "SELECT k.domain, k.selector, k.algorithm, k.state, k.record, k.presence, k.created_at, k.presence_since,"
         " k.activated_at, k.retired_at FROM signing_key k JOIN domain d ON d.id = k.domain_id WHERE d.tenant_id = $1"
         " ORDER BY k.domain, k.created_at, k.selector",
         {{"domain", as_text},
          {"selector", as_text},
          {"algorithm", as_name<mailauth::SigningAlgorithm, mailauth::SigningAlgorithm::rsa_sha256,
                                mailauth::SigningAlgorithm::ed25519_sha256>},
          {"state", as_name<KeyState, KeyState::next, KeyState::withdrawn>},
          {"record", as_text},
          {"presence", as_name<Presence, Presence::unknown, Presence::present>},
          {"created_at", as_time},
          {"presence_since", as_time},
          {"activated_at", as_time},
          {"retired_at", as_time}}},
        {"credentials",
         mail,
         "SELECT id, login, label, smtp_enabled, messages_per_hour, messages_per_day, stream, expires_at, created_at,"
         " last_used_at, last_used_from FROM credential WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<CredentialId>},
          {"login", as_text},
          {"label", as_text},
          {"smtp", as_flag},
          {"messages_per_hour", as_number},
          {"messages_per_day", as_number},
          {"stream", as_stream},
          {"expires_at", as_time},
          {"created_at", as_time},
          {"last_used_at", as_time},
          {"last_used_from", as_text_or_null}}},
        {"credential_domains",
         mail,
         "SELECT c.login, d.domain FROM credential_domain d JOIN credential c ON c.id = d.credential_id"
         " WHERE c.tenant_id = $1 ORDER BY c.id, d.domain",
         {{"login", as_text}, {"domain", as_text}}},
        {"credential_networks",
         mail,
         "SELECT c.login, n.network FROM credential_network n JOIN credential c ON c.id = n.credential_id"
         " WHERE c.tenant_id = $1 ORDER BY c.id, n.network",
         {{"login", as_text}, {"network", as_text}}},
        {"login_addresses",
         mail,
         "SELECT a.login, a.address, a.last_used_at FROM login_address a JOIN credential c ON c.login = a.login"
         " WHERE c.tenant_id = $1 ORDER BY c.id, a.address",
         {{"login", as_text}, {"address", as_text}, {"last_used_at", as_time}}},
        {"failed_logins",
         mail,
         "SELECT credential_id, login, address, port, problem, mechanism, client_name, detail, attempts, first_at,"
         " last_at FROM failed_login WHERE tenant_id = $1 ORDER BY last_at",
         {{"credential", as_id<CredentialId>},
          {"login", as_text_or_null},
          {"address", as_text},
          {"port", as_number},
          {"problem", as_login_problem},
          {"mechanism", as_text_or_null},
          {"client_name", as_text_or_null},
          {"detail", as_text_or_null},
          {"attempts", as_number},
          {"first_at", as_time},
          {"last_at", as_time}}},
        {"networks",
         mail,
         "SELECT id, network, label, messages_per_hour, messages_per_day, stream, created_at FROM network_grant"
         " WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<NetworkGrantId>},
          {"network", as_text},
          {"label", as_text},
          {"messages_per_hour", as_number},
          {"messages_per_day", as_number},
          {"stream", as_stream},
          {"created_at", as_time}}},
        {"usage_hours",
         mail,
         "SELECT u.sender_kind, coalesce(c.login, n.network), u.hour, u.messages FROM usage_hour u"
         " LEFT JOIN credential c ON u.sender_kind = 1 AND c.id = u.sender_id"
         " LEFT JOIN network_grant n ON u.sender_kind = 2 AND n.id = u.sender_id"
         " WHERE c.tenant_id = $1 OR n.tenant_id = $1 ORDER BY u.hour",
         {{"kind", as_sender_kind}, {"sender", as_text}, {"hour", as_hour_begin}, {"messages", as_number}}},
        {"quotas",
         mail,
         "SELECT q.scope, coalesce(d.name, c.login), q.period, q.recipients, q.beyond, u.period_number, u.used"
         " FROM quota q LEFT JOIN quota_usage u ON u.quota_id = q.id"
         " LEFT JOIN domain d ON q.scope = 2 AND d.id = q.subject"
         " LEFT JOIN credential c ON q.scope = 3 AND c.id = q.subject"
         " WHERE (q.scope = 1 AND q.subject = $1) OR d.tenant_id = $1 OR c.tenant_id = $1 ORDER BY q.id",
         {{"scope", as_name<QuotaScope, QuotaScope::tenant, QuotaScope::credential>},
          {"subject", as_text_or_null},
          {"period", as_name<QuotaPeriod, QuotaPeriod::minute, QuotaPeriod::month>},
          {"recipients", as_number},
          {"beyond", as_name<BeyondQuota, BeyondQuota::wait, BeyondQuota::refuse>},
          {"period_number", as_number},
          {"used", as_number}}},
        {"offices",
         mail,
         "SELECT label, login, created_at, expires_at, enrolled_at, revoked_at, credential_id FROM lan_office"
         " WHERE tenant_id = $1 ORDER BY id",
         {{"label", as_text},
          {"login", as_text},
          {"created_at", as_time},
          {"expires_at", as_time},
          {"enrolled_at", as_time},
          {"revoked_at", as_time},
          {"credential", as_id<CredentialId>}}},
        {"devices",
         mail,
         "SELECT l.name, c.login, n.network, l.created_at FROM lan_device l"
         " LEFT JOIN credential c ON c.id = l.credential_id LEFT JOIN network_grant n ON n.id = l.network_grant_id"
         " WHERE c.tenant_id = $1 OR n.tenant_id = $1 ORDER BY l.name",
         {{"name", as_text}, {"login", as_text_or_null}, {"network", as_text_or_null}, {"created_at", as_time}}},
    };
    return tables;
}

const std::vector<ExportTable>& who_has_access() {
    using enum ExportSource;
    static const std::vector<ExportTable> tables{
        {"users",
         mail,
         "SELECT u.id, u.login, u.display_name, u.language, u.role, u.enabled, u.created_at, u.last_login_at,"
         " t.confirmed_at FROM account_user u LEFT JOIN account_totp t ON t.user_id = u.id WHERE u.tenant_id = $1"
         " ORDER BY u.id",
         {{"id", as_id<UserId>},
          {"login", as_text},
          {"display_name", as_text},
          {"language", as_language},
          {"role", as_name<Role, Role::admin, Role::sender>},
          {"enabled", as_flag},
          {"created_at", as_time},
          {"last_login_at", as_time},
          {"second_factor_since", as_time}}},
        {"sessions",
         mail,
         "SELECT s.id, u.login, s.peer, s.user_agent, s.created_at, s.last_seen_at, s.expires_at FROM account_session s"
         " JOIN account_user u ON u.id = s.user_id WHERE u.tenant_id = $1 ORDER BY s.id",
         {{"id", as_id<SessionId>},
          {"login", as_text},
          {"peer", as_text},
          {"user_agent", as_text},
          {"created_at", as_time},
          {"last_seen_at", as_time},
          {"expires_at", as_time}}},
        {"identities",
         mail,
         "SELECT i.id, u.login, i.issuer, i.subject, i.email, i.linked_at, i.last_used_at FROM account_identity i"
         " JOIN account_user u ON u.id = i.user_id WHERE u.tenant_id = $1 ORDER BY i.id",
         {{"id", as_id<IdentityId>},
          {"login", as_text},
          {"issuer", as_text},
          {"subject", as_text},
          {"email", as_text},
          {"linked_at", as_time},
          {"last_used_at", as_time}}},
        {"passkeys",
         mail,
         "SELECT p.id, u.login, p.name, p.relying_party, p.created_at, p.last_used_at FROM account_passkey p"
         " JOIN account_user u ON u.id = p.user_id WHERE u.tenant_id = $1 ORDER BY p.id",
         {{"id", as_id<PasskeyId>},
          {"login", as_text},
          {"name", as_text},
          {"host", as_text},
          {"created_at", as_time},
          {"last_used_at", as_time}}},
        {"api_keys",
         mail,
         "SELECT id, name, visible_prefix, scopes, networks, made_by, expires_at, created_at, revoked_at, last_used_at,"
         " last_used_from FROM api_key WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<ApiKeyId>},
          {"name", as_text},
          {"prefix", as_text},
          {"scopes", as_scopes},
          {"networks", as_words},
          {"made_by", as_id<UserId>},
          {"expires_at", as_time},
          {"created_at", as_time},
          {"revoked_at", as_time},
          {"last_used_at", as_time},
          {"last_used_from", as_text_or_null}}},
        {"audit",
         mail,
         "SELECT id, at, kind, principal_name, operation, object_type, object_id, peer, outcome, detail FROM audit_{0}"
         " WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_number},
          {"at", as_time},
          {"kind", as_name<PrincipalKind, PrincipalKind::key, PrincipalKind::nobody>},
          {"principal", as_text},
          {"operation", as_text},
          {"object_type", as_text_or_null},
          {"object", as_text_or_null},
          {"peer", as_text_or_null},
          {"outcome", as_name<AuditOutcome, AuditOutcome::done, AuditOutcome::failed>},
          {"detail", as_json}},
         {"audit"}},
        {"webhooks",
         mail,
         "SELECT id, url, description, event_types, enabled, reason, created_at, hears_since, failing_since,"
         " last_success_at, pending, delivered, dead, given_up, attempts FROM webhook WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<WebhookId>},
          {"url", as_text},
          {"description", as_text},
          {"events", as_event_types},
          {"enabled", as_flag},
          {"reason", as_text_or_null},
          {"created_at", as_time},
          {"hears_since", as_time},
          {"failing_since", as_time},
          {"last_success_at", as_time},
          {"pending", as_number},
          {"delivered", as_number},
          {"dead", as_number},
          {"given_up", as_number},
          {"attempts", as_number}}},
        {"webhook_deliveries",
         mail,
         "SELECT d.id, d.webhook_id, d.event_type, d.state, d.attempts, d.due_at, d.created_at, d.body"
         " FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id WHERE w.tenant_id = $1 ORDER BY d.id",
         {{"id", as_id<WebhookDeliveryId>},
          {"webhook", as_id<WebhookId>},
          {"type", as_webhook_event},
          {"state", as_webhook_state},
          {"attempts", as_number},
          {"due_at", as_time},
          {"created_at", as_time},
          {"body", as_json}}},
        {"webhook_attempts",
         mail,
         "SELECT a.webhook_id, a.number, a.delivery_id, a.event_type, a.at, a.milliseconds, a.attempt, a.status,"
         " a.problem, a.answer FROM webhook_attempt a JOIN webhook w ON w.id = a.webhook_id WHERE w.tenant_id = $1"
         " ORDER BY a.webhook_id, a.number",
         {{"webhook", as_id<WebhookId>},
          {"number", as_number},
          {"delivery", as_id<WebhookDeliveryId>},
          {"type", as_webhook_event},
          {"at", as_time},
          {"milliseconds", as_number},
          {"attempt", as_number},
          {"status", as_number_or_null},
          {"problem", as_text_or_null},
          {"answer", as_text_or_null}}},
    };
    return tables;
}

const std::vector<ExportTable>& what_came_of_mail() {
    using enum ExportSource;
    static const std::vector<ExportTable> tables{
        {"messages",
         mail,
         "SELECT m.id, m.credential_id, m.accepted_at, m.sender, m.options, m.envelope_id, m.recipients, m.size"
         " FROM message_{0} m WHERE m.tenant_id = $1 ORDER BY m.id",
         {{"id", as_id<MessageId>},
          {"credential", as_id<CredentialId>},
          {"accepted_at", as_time},
          {"sender", as_text},
          {"stream", as_stream_of_options},
          {"envelope_id", as_text_or_null},
          {"recipients", as_number},
          {"size", as_number}},
         {"message"}},
        {"queue",
         mail,
         "SELECT message_id, id - message_id, recipient, original_recipient, state, due_at, attempts, last_reply,"
         " restored FROM delivery WHERE tenant_id = $1 ORDER BY id",
         {{"message", as_id<MessageId>},
          {"ordinal", as_number},
          {"recipient", as_text},
          {"original_recipient", as_text_or_null},
          {"state", as_delivery_state},
          {"due_at", as_time},
          {"attempts", as_number},
          {"last_reply", as_text_or_null},
          {"restored", as_flag}}},
        {"events",
         mail,
         "SELECT id, at, kind, message_id, ordinal, detail FROM event_{0} WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_id<EventId>},
          {"at", as_time},
          {"kind", as_event_kind},
          {"message", as_id<MessageId>},
          {"ordinal", as_ordinal},
          {"detail", as_json}},
         {"event"}},
        {"suppression",
         mail,
         "SELECT address, reason, text, message_id, created_at, expires_at FROM suppression WHERE tenant_id = $1"
         " ORDER BY address",
         {{"address", as_text},
          {"reason", as_name<SuppressionReason, SuppressionReason::soft_bounces, SuppressionReason::complaint>},
          {"text", as_text_or_null},
          {"message", as_id<MessageId>},
          {"created_at", as_time},
          {"expires_at", as_time}}},
        {"soft_bounces",
         mail,
         "SELECT address, message_id, at FROM soft_bounce WHERE tenant_id = $1 ORDER BY address, message_id",
         {{"address", as_text}, {"message", as_id<MessageId>}, {"at", as_time}}},
        {"conduct",
         mail,
         "SELECT level, cause, share, threshold, since, window_hours FROM conduct WHERE tenant_id = $1",
         {{"level", as_name<ConductLevel, ConductLevel::good, ConductLevel::held>},
          {"cause", as_name<ConductCause, ConductCause::none, ConductCause::complaints>},
          {"share", as_real},
          {"threshold", as_real},
          {"since", as_time},
          {"window_hours", as_number}}},
        {"conduct_hours",
         mail,
         "SELECT hour, sent, bounced, complained FROM conduct_hour WHERE tenant_id = $1 ORDER BY hour",
         {{"hour", as_hour_begin}, {"sent", as_number}, {"bounced", as_number}, {"complained", as_number}}},
        {"links",
         mail,
         "SELECT id, url, last_day FROM tracked_link WHERE tenant_id = $1 ORDER BY id",
         {{"id", as_number}, {"url", as_text}, {"last_day", as_day}}},
        {"device_mail",
         mail,
         "SELECT a.message_id, o.label, a.device, a.recipients, a.accepted_at FROM lan_arrival_{0} a"
         " JOIN message_{0} m ON m.id = a.message_id LEFT JOIN lan_office o ON o.id = a.office_id"
         " WHERE m.tenant_id = $1 ORDER BY a.message_id",
         {{"message", as_id<MessageId>},
          {"office", as_text_or_null},
          {"device", as_text_or_null},
          {"recipients", as_number},
          {"accepted_at", as_time}},
         {"lan_arrival", "message"}},
        {"device_refusals",
         mail,
         "SELECT o.label, r.device, r.messages, r.last_at, r.last_reply FROM lan_refusal_{0} r"
         " LEFT JOIN lan_office o ON o.id = r.office_id LEFT JOIN lan_device l ON r.office_id = 0 AND l.name = r.device"
         " LEFT JOIN credential c ON c.id = l.credential_id LEFT JOIN network_grant n ON n.id = l.network_grant_id"
         " WHERE o.tenant_id = $1 OR c.tenant_id = $1 OR n.tenant_id = $1 ORDER BY r.office_id, r.device",
         {{"office", as_text_or_null},
          {"device", as_text},
          {"messages", as_number},
          {"last_at", as_time},
          {"last_reply", as_text}},
         {"lan_refusal"}},
        {"received_reports",
         mail,
         "SELECT r.id, r.kind, r.organization, r.report_id, r.domain, r.sender, r.message_id, r.begin_at, r.end_at,"
         " r.received_at, r.policy, r.passed, r.failed FROM received_report r JOIN domain d ON d.name = r.domain"
         " WHERE d.tenant_id = $1 ORDER BY r.id",
         {{"id", as_number},
          {"kind", as_name<ReportKind, ReportKind::dmarc, ReportKind::tls>},
          {"organization", as_text},
          {"report_id", as_text},
          {"domain", as_text},
          {"sender", as_text},
          {"message", as_id<MessageId>},
          {"begin", as_time},
          {"end", as_time},
          {"received_at", as_time},
          {"policy", as_text},
          {"passed", as_number},
          {"failed", as_number}}},
        {"received_report_rows",
         mail,
         "SELECT w.report, w.ordinal, w.source, w.messages, w.result, w.dkim_aligned, w.spf_aligned, w.author_domain,"
         " w.detail FROM received_report_row w JOIN received_report r ON r.id = w.report"
         " JOIN domain d ON d.name = r.domain WHERE d.tenant_id = $1 ORDER BY w.report, w.ordinal",
         {{"report", as_number},
          {"ordinal", as_number},
          {"source", as_text},
          {"messages", as_number},
          {"result", as_text},
          {"dkim_aligned", as_flag},
          {"spf_aligned", as_flag},
          {"author_domain", as_text},
          {"detail", as_text}}},
    };
    return tables;
}

const std::vector<ExportTable>& numbers() {
    using enum ExportSource;
    constexpr RowForm as_dimension = as_name<Dimension, Dimension::total, Dimension::site_reply>;
    static const std::vector<ExportTable> tables{
        {"recipients",
         statistics,
         "SELECT message_id, id - message_id, recipient, sender, state, marks, reason, changed_at FROM recipient_{0}"
         " WHERE tenant_id = $1 ORDER BY id",
         {{"message", as_id<MessageId>},
          {"ordinal", as_number},
          {"recipient", as_text},
          {"sender", as_text},
          {"state", as_name<mailsearch::State, mailsearch::State::waiting, mailsearch::State::scheduled>},
          {"marks", as_marks},
          {"reason", as_text_or_null},
          {"changed_at", as_time}},
         {"recipient"}},
        {"labels",
         statistics,
         "SELECT message_id, subject, tags FROM labels_{0} WHERE message_id IN"
         " (SELECT message_id FROM recipient_{0} WHERE tenant_id = $1) ORDER BY message_id",
         {{"message", as_id<MessageId>}, {"subject", as_text_or_null}, {"tags", as_lines}},
         {"labels", "recipient"}},
        {"statistics_by_minute",
         statistics,
         "SELECT bucket, dimension, name, counts FROM statistic_minute WHERE tenant_id = $1"
         " ORDER BY bucket, tenant_id, dimension, name",
         {{"begin", as_minute_begin}, {"dimension", as_dimension}, {"name", as_text}, {"counts", as_counts}}},
        {"statistics_by_hour",
         statistics,
         "SELECT bucket, dimension, name, counts FROM statistic_hour WHERE tenant_id = $1"
         " ORDER BY bucket, tenant_id, dimension, name",
         {{"begin", as_hour_begin}, {"dimension", as_dimension}, {"name", as_text}, {"counts", as_counts}}},
        {"statistics_by_day",
         statistics,
         "SELECT bucket, dimension, name, counts FROM statistic_day WHERE tenant_id = $1"
         " ORDER BY bucket, tenant_id, dimension, name",
         {{"begin", as_day_begin}, {"dimension", as_dimension}, {"name", as_text}, {"counts", as_counts}}},
    };
    return tables;
}

}  // namespace

std::span<const ExportTable> export_tables() {
    static const std::vector<ExportTable> all = [] {
        std::vector<ExportTable> tables;
        for (const auto* part : {&who_sends(), &who_has_access(), &what_came_of_mail(), &numbers()})
            tables.insert(tables.end(), part->begin(), part->end());
        return tables;
    }();
    return all;
}

}  // namespace relevo::exporting
